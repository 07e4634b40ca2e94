"""The plugin's functions: their tokens and arguments. This module only translates; the lifecycle decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..errors import InvalidInputError, Problem
from ..lifecycle import Lifecycle

_FUNCTIONS: Mapping[str, Callable[[Lifecycle, Mapping[str, Any]], dict[str, Any]]] = {
    "getSnapshot": lambda lifecycle, given: lifecycle.get_snapshot(_text(given, "name")),
    "getSnapshots": lambda lifecycle, _: lifecycle.get_snapshots(),
    "getImage": lambda lifecycle, given: lifecycle.get_image(_text(given, "contentHash")),
    "hashManifest": lambda lifecycle, given: lifecycle.hash_manifest(given),
}


def call(token: str, lifecycle: Lifecycle, given: Mapping[str, Any]) -> dict[str, Any]:
    """Call a function.

    Args:
        token: Its token, such as ``opencomputer:index:getSnapshot``.
        lifecycle: The lifecycle that answers the call.
        given: Its arguments as plain values, plus ``secretPaths``, the paths of the secret ones.

    Raises:
        InvalidInputError: There is no such function, or an argument is missing or wrong.
        OpenComputerError: What the function raises.
    """
    function = _FUNCTIONS.get(token.removeprefix("opencomputer:index:"))
    if function is None:
        reason = f"{token} is not a function of this plugin; it has {', '.join(_FUNCTIONS)}."
        raise InvalidInputError([Problem("", reason)])
    return function(lifecycle, given)


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidInputError([Problem(name, "is required, and must be a string that is not empty.")])
    return value
