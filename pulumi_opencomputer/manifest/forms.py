"""A manifest's two forms: the declared one, where each step has one key, and the API's, with a type and arguments."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import InvalidInputError, Problem
from .paths import Path, join
from .plain import plain_step

#: The keys of a manifest that are not part of its content. Null means absent.
MEMORY_KEYS = ("builderMemoryMB", "runtimeMemoryMB")

# The spelling that `pulumi import` prints for Python, and that the generated Python SDK uses.
_SNAKE_MEMORY_KEYS = {"builder_memory_mb": "builderMemoryMB", "runtime_memory_mb": "runtimeMemoryMB"}
_WORD = re.compile(r"_([a-z])")


def to_declared(form: Any, *, lenient: bool = False) -> dict[str, Any]:
    """Convert a manifest in either form into the declared one; local paths become absolute.

    Args:
        form: A mapping in the declared form or in the API's. Values may be Outputs. Keys of the declared form may be
            in Python's spelling (``apt_install``).
        lenient: Whether a step of the API's form that can't be converted stays as it is. The resource's check then
            reports all mistakes together, with the resource's name.

    Raises:
        InvalidInputError: It is not a mapping, a step of the API's form can't be converted, or Pulumi can't carry a
            value.
    """
    if not isinstance(form, Mapping):
        raise InvalidInputError(
            [Problem("manifest", f"must be a manifest, not a value of type {type(form).__name__}.")]
        )
    declared = _renamed(form, lambda key: _SNAKE_MEMORY_KEYS.get(key, key))
    rebuild: list[Any] = []
    steps = declared.get("steps")
    if isinstance(steps, list | tuple):
        declared["steps"] = [
            step if lenient and api_form_problems(step, index) else _declared_step(step, ("steps", index), rebuild)
            for index, step in enumerate(steps)
        ]
    if rebuild:
        declared["rebuild"] = rebuild[-1]
    return {key: value for key, value in declared.items() if value is not None or key not in MEMORY_KEYS}


def api_form_problems(step: Any, index: int) -> tuple[Problem, ...]:
    """Return why a step of the API's form can't be converted; empty if it can, or if it is not in the API's form."""
    try:
        if isinstance(step, Mapping) and "type" in step:
            _from_api(step, ("steps", index), [])
    except InvalidInputError as error:
        return error.problems
    return ()


def _declared_step(step: Any, path: Path, rebuild: list[Any]) -> Any:
    if not isinstance(step, Mapping):
        return step
    index = int(path[1])
    if "type" in step:
        return plain_step(_from_api(step, path, rebuild), index)
    plain = _renamed(plain_step(step, index), _camel_case)
    return {key: _absolute_source(value if key == "env" else _camel_cased(value)) for key, value in plain.items()}


def _camel_cased(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _camel_cased(item) for key, item in _renamed(value, _camel_case).items()}
    return [_camel_cased(item) for item in value] if isinstance(value, list) else value


def _renamed(form: Mapping[Any, Any], rename: Callable[[str], str]) -> dict[Any, Any]:
    """Return the mapping with renamed keys; a key keeps its name if the other spelling is present as well."""
    names = {key: rename(key) if isinstance(key, str) else key for key in form}
    return {key if names[key] in form else names[key]: value for key, value in form.items()}


def _camel_case(key: str) -> str:
    return _WORD.sub(lambda match: match[1].upper(), key)


def _from_api(step: Mapping[str, Any], path: Path, rebuild: list[Any]) -> dict[str, Any]:
    from .steps import KINDS_OF_API  # noqa: PLC0415 - most programs don't need it, and importing it takes 5 ms

    api_type, args = step["type"], step.get("args")
    if not isinstance(args, Mapping):
        raise InvalidInputError([Problem(f"manifest.{join(path)}.args", "must be a mapping.")])
    args = dict(args)
    if "rebuild" in args:
        rebuild.append(args.pop("rebuild"))
    kind = KINDS_OF_API.get(api_type) if isinstance(api_type, str) else None
    if kind is None:
        known = ", ".join(KINDS_OF_API)
        raise InvalidInputError([Problem(f"manifest.{join(path)}.type", f"must be one of {known}.")])
    return {kind.key: kind.declared(args, path)}


def _absolute_source(body: Any) -> Any:
    if isinstance(body, dict) and "source" in body:
        return body | {"source": absolute(body["source"])}
    return body


def absolute(source: Any) -> Any:
    """Return an absolute local path: ``~`` is the user's home, others are relative to the working directory.

    A value that is neither a path nor an Output is returned unchanged.
    """
    if isinstance(source, str | os.PathLike):
        path = os.path.expanduser(os.fspath(source))  # noqa: PTH111 - as below
        # An empty path would become the working directory. It stays empty, and the check refuses it.
        return os.path.abspath(path) if path else path  # noqa: PTH100 - pathlib would resolve links
    apply = getattr(source, "apply", None)
    return apply(absolute) if apply else source
