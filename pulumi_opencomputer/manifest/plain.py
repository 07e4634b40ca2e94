"""Make a program's values for a step plain, and refuse values that Pulumi would fail at or drop silently.

Pulumi can't carry sets, generators and bytes, and drops None, so that no check would see it.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator, Mapping, Set
from typing import Any

from ..errors import InvalidInputError, Problem
from .paths import Path, is_output, join
from .places import here

_NO_VALUE = (
    "has no value (None): what it was read from is probably not set. Give it a value, or leave the variable out."
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
        return f"{kind}: a set has no order; give a list, as sorted(…) makes it."
    if isinstance(value, Iterator):
        return f"{kind}: give a list, as list(…) makes it."
    if isinstance(value, bytes | bytearray):
        return f"{kind}: give text; the bytes of a file go into add_file."
    return f"{kind}: give text, a list or a mapping."


def _with_values(variables: Any, path: Path, problems: list[Problem]) -> Any:
    """The variables of the environment, each of them with a value, also where that is known only later."""
    # When an Output becomes known, nobody can tell which line of the program gave it.
    line = here() if is_output(variables) or isinstance(variables, Mapping) else ""
    if is_output(variables):
        return variables.apply(lambda known: _present_all(known, path, line))
    if not isinstance(variables, Mapping):
        return variables
    problems += [Problem(join((*path, str(name))), _NO_VALUE) for name, value in variables.items() if value is None]
    return {name: _with_value(value, (*path, str(name)), line) for name, value in variables.items()}


def _with_value(value: Any, path: Path, line: str) -> Any:
    return value.apply(lambda known: _present(known, path, line)) if is_output(value) else value


def _present_all(variables: Any, path: Path, line: str) -> Any:
    for name, value in variables.items() if isinstance(variables, Mapping) else ():
        _present(value, (*path, str(name)), line)
    return variables


def _present(value: Any, path: Path, line: str) -> Any:
    if value is None:
        where = f"{line}: {join(path)}" if line else join(path)
        raise InvalidInputError([Problem(where, _NO_VALUE)])
    return value
