"""A provider's settings as the engine sends them: strings, booleans, and values that are not known yet."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ..config import NAMES, problems
from ..errors import Problem
from ..lifecycle import is_unknown

# Keys that the engine adds.
_ENGINES_OWN = frozenset({"version", "pluginDownloadURL", "parameterization", "pluginChecksums"})


def as_texts(given: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the settings as strings, as the stack's configuration has them; None for values of another type."""
    return {name: _text(given.get(name)) for name in NAMES}


def problems_of(given: Mapping[str, Any]) -> list[Problem]:
    """Return every problem with the settings. Settings that are not known yet are not checked.

    Args:
        given: Plain values by name.
    """
    unknown = {name for name in NAMES if is_unknown(given.get(name))}
    shapes = [
        Problem(name, "must be true or false." if name == "allowHttp" else "must be a string.")
        for name in NAMES
        if given.get(name) is not None and name not in unknown and _text(given[name]) is None
    ]
    strange = [
        Problem(name, f"is not a setting of this provider; it has {', '.join(NAMES)}.")
        for name in given
        if name not in NAMES and name not in _ENGINES_OWN and not name.startswith("__")
    ]
    # Whether an http address is allowed depends on allowHttp, so don't check the address before that is known.
    unsaid = unknown | ({"apiUrl"} if "allowHttp" in unknown else set())
    wrong = {problem.path for problem in shapes}
    found = [each for each in problems(as_texts(given), os.environ) if each.path not in unsaid | wrong]
    return [*strange, *shapes, *found]


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else None
