"""Convert a program's values for a step to plain ones, and refuse values that Pulumi can't carry or drops silently.

Pulumi fails for sets, generators and bytes, and drops None, so the provider's check would not see it.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator, Mapping, Set
from typing import Any

from ..errors import InvalidInputError, Problem
from .paths import Path, is_output, join

#: Replaces a variable's value that turns out to be None. Pulumi would drop None; this value is refused by the check.
NO_VALUE = {"hasNoValue": True}

_NO_VALUE = (
    "has no value (None), probably because what it is read from is not set. Give it a value, or leave the variable out."
)


def plain_step(step: Mapping[str, Any], index: int) -> dict[str, Any]:
    """Return a copy of a step in the declared form with plain containers; paths become text.

    Args:
        step: The step. Values may be Outputs.
        index: Its number in the manifest.

    Raises:
        InvalidInputError: A value has a type that no manifest can hold, or a variable has no value.
    """
    problems: list[Problem] = []
    at = ("manifest", "steps", index)
    made = {key: _plain(value, (*at, str(key)), problems) for key, value in step.items()}
    if "env" in made:
        made["env"] = _with_values(made["env"], (*at, "env"), problems)
    if problems:
        raise InvalidInputError(problems)
    return made


def _plain(value: Any, path: Path, problems: list[Problem]) -> Any:
    if value is None or isinstance(value, str | bool | int | float) or is_output(value):
        return value
    if isinstance(value, Mapping):
        return {key: _plain(item, (*path, str(key)), problems) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, (*path, index), problems) for index, item in enumerate(value)]
    if isinstance(value, os.PathLike):
        # A path in the sandbox, whatever system the program runs on.
        return value.as_posix() if hasattr(value, "as_posix") else os.fspath(value)
    if not inspect.isawaitable(value):
        problems.append(Problem(join(path), _odd(value)))
    return value


def _odd(value: Any) -> str:
    kind = f"is a value of type {type(value).__name__}, which a manifest can't hold"
    if isinstance(value, Set):
        return f"{kind}: a set has no order; give a list, for example with sorted(…)."
    if isinstance(value, Iterator):
        return f"{kind}: give a list, for example with list(…)."
    if isinstance(value, bytes | bytearray):
        return f"{kind}: give text; for the bytes of a file use add_file."
    return f"{kind}: give text, a list or a mapping."


def _with_values(variables: Any, path: Path, problems: list[Problem]) -> Any:
    """Return the environment variables. One without a value is a problem, or becomes `NO_VALUE` if known only later."""
    if is_output(variables):
        return variables.apply(_present_all)
    if not isinstance(variables, Mapping):
        return variables
    problems += [Problem(join((*path, str(name))), _NO_VALUE) for name, value in variables.items() if value is None]
    return {name: value.apply(_present) if is_output(value) else value for name, value in variables.items()}


def _present_all(variables: Any) -> Any:
    if not isinstance(variables, Mapping):
        return variables
    return {name: _present(value) for name, value in variables.items()}


def _present(value: Any) -> Any:
    # Don't raise an error here: Pulumi would show it together with the whole manifest.
    return NO_VALUE if value is None else value
