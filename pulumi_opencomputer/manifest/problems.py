"""Reword pydantic's errors about a manifest. No message quotes a value, because any value may be a secret."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from functools import reduce
from operator import getitem
from typing import TYPE_CHECKING, Any

from ..errors import Problem
from .forms import api_form_problems
from .paths import Path, join
from .plain import NO_VALUE
from .steps import KINDS

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

ONE_KEY = "must be a mapping with exactly one key, one of " + ", ".join(KINDS) + "."
_EMPTY = f"{ONE_KEY} It has no key, or its key has no value."
_API_FORM = (
    "is in the API's form (type and args). Write each step with one key instead, such as {aptInstall: [jq]}, or, in "
    "Python, read the manifest with Manifest.from_dict."
)


def problems_of(declared: Any, error: ValidationError) -> Iterator[Problem]:
    """Return every mistake that pydantic found in a manifest, with its path in the declared form."""
    if declared is None:
        yield Problem("manifest", "is required, and must be a mapping, such as {steps: [{aptInstall: [jq]}]}.")
        return
    for detail in error.errors(include_url=False, include_input=False):
        kind, location = detail["type"], detail["loc"]
        path = ("manifest", *_without_tags(location))
        if kind == "step":
            yield from _step_problems(declared, location, join(path))
        else:
            yield Problem(join(path), (_REASONS.get(kind) or _sentence(detail)) + _cure(kind, declared, path[1:]))


# Clearer messages for some of pydantic's errors, by pydantic's type of the error.
_REASONS = {
    "missing": "is required.",
    "extra_forbidden": "is not known here; check the spelling.",
    "unexpected_keyword_argument": "is not known here; check the spelling.",
    "string_type": "must be a string.",
    "list_type": "must be a list.",
    "dict_type": "must be a mapping.",
    "model_type": "must be a mapping.",
    "dataclass_type": "must be a mapping.",
    "int_type": "must be a whole number.",
    "int_from_float": "must be a whole number.",
    "invalid_key": "keys must be strings.",
    "string_unicode": "must not hold a lone surrogate: the server can't store it.",
    "literal_error": 'must be "base64" or absent.',
}


def _cure(kind: str, declared: Any, path: Path) -> str:
    """Return what to write instead of a value of a wrong type, judging by the type only."""
    try:
        value = reduce(getitem, path, declared)
    except (LookupError, TypeError):
        return ""
    if kind == "string_type" and isinstance(value, int | float):
        return " Put the number or truth value in quotes."
    if kind == "string_type" and isinstance(value, list):
        return " It is a list: give each of its entries separately."
    if kind == "string_type" and (value is None or value == NO_VALUE):
        return " It has no value, probably because what it is read from is not set. Give it a value, or leave it out."
    if kind == "list_type" and isinstance(value, str):
        return " Put the string in [ ]."
    if kind == "dict_type" and path[-1:] == ("env",):
        return " Write each variable as {NAME: value}."
    if kind == "int_type" and str(path[-1]).endswith("MB"):
        return " The unit is MB: write 4096 for 4 GB."
    return ""


def _sentence(detail: ErrorDetails) -> str:
    # This package's own checks raise complete sentences.
    text = str(detail["ctx"]["error"]) if detail["type"] == "value_error" else detail["msg"]
    return text if text.endswith(".") else text + "."


def _without_tags(location: tuple[str | int, ...]) -> Iterator[str | int]:
    """Return pydantic's location without the names of union members and of checks of dictionary keys."""
    for index, part in enumerate(location):
        tag = index == 2 and location[0] == "steps" and part in KINDS
        member = location[-2:-1] != ("env",) and part in ("count", "entries") and location[index - 1] == "files"
        if not (tag or member or part == "[key]"):
            yield part


def _step_problems(declared: Any, location: tuple[str | int, ...], path: str) -> Iterator[Problem]:
    if _is_api_step(declared, location):
        index = int(location[1])
        yield from api_form_problems(declared["steps"][index], index) or [Problem(path, _API_FORM)]
        return
    step = declared["steps"][location[1]]
    if isinstance(step, dict) and len(step) == 1:
        (key,) = step
        close = difflib.get_close_matches(str(key), KINDS, n=1)
        hint = f"did you mean {close[0]}?" if close else f"a step is one of {', '.join(KINDS)}."
        yield Problem(path, f"is a step of an unknown kind; {hint}")
    else:
        yield Problem(path, _EMPTY if step == {} else ONE_KEY)


def _is_api_step(declared: Any, location: tuple[str | int, ...]) -> bool:
    try:
        step = declared["steps"][location[1]]
    except (KeyError, IndexError, TypeError):
        return False
    return isinstance(step, dict) and "type" in step and "args" in step
