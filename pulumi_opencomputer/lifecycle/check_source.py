"""Check ``sourceSnapshot`` and ``sourceHash``. A check sends nothing, so the source's content is not known here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..errors import Problem
from .names import name_problem
from .types import is_unknown

_HASH = re.compile(r"[0-9a-f]{64}")
_BOTH = "can't be combined with manifest: the content is either declared here or taken from another snapshot."
_IN_CLEAR = "must not be secret: the API shows snapshots' names in clear. Use a plain value, or pulumi.Output.unsecret."
_NO_HASH = "must be a content hash, 64 lower-case hex digits, such as the output contentHash of the source."
_ALONE = "is the content hash that the source must have, so it needs sourceSnapshot (source_snapshot in Python)."


def source_problems(inputs: Mapping[str, Any]) -> list[Problem]:
    """Every mistake in ``sourceSnapshot`` and ``sourceHash``."""
    name, wanted = inputs.get("sourceSnapshot"), inputs.get("sourceHash")
    found = []
    if name is not None:
        found += _name_problems(name, inputs)
    elif wanted is not None:
        found.append(Problem("sourceHash", _ALONE))
    is_hash = wanted is None or is_unknown(wanted) or (isinstance(wanted, str) and _HASH.fullmatch(wanted))
    return found if is_hash else [*found, Problem("sourceHash", _NO_HASH)]


def _name_problems(name: Any, inputs: Mapping[str, Any]) -> list[Problem]:
    if inputs.get("manifest") is not None:
        return [Problem("sourceSnapshot", _BOTH)]
    secret_paths = inputs.get("secretPaths", ())
    if isinstance(secret_paths, list | tuple) and "sourceSnapshot" in secret_paths:
        return [Problem("sourceSnapshot", _IN_CLEAR)]
    if is_unknown(name):
        return []
    problem = name_problem(name)
    return [Problem("sourceSnapshot", problem.reason)] if problem else []
