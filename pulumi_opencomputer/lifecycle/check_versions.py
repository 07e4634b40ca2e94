"""Check ``keep``, the number of superseded versions that a snapshot keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import Problem
from .history import MOST_KEPT
from .types import is_unknown

_FIXED = (
    "is for generated names: a fixed name always holds one content. Leave name out, and give a fixed name to a second "
    "Snapshot that follows this one (source_snapshot in Python, sourceSnapshot elsewhere); or leave keep out."
)
_NUMBER = f"must be a whole number from 1 to {MOST_KEPT}: how many superseded versions to keep. Omit it to keep none."


def keep_problems(inputs: Mapping[str, Any]) -> list[Problem]:
    """Every mistake in ``keep``."""
    keep = inputs.get("keep")
    if keep is None:
        return []
    found = [] if inputs.get("name") is None else [Problem("keep", _FIXED)]
    if not is_unknown(keep) and not _is_count(keep):
        found.append(Problem("keep", _NUMBER))
    return found


def fill_keep(inputs: dict[str, Any]) -> None:
    """Convert ``keep`` to an integer, because Pulumi passes numbers to the provider as floats."""
    if _is_count(inputs.get("keep")):
        inputs["keep"] = int(inputs["keep"])


def _is_count(keep: Any) -> bool:
    is_number = isinstance(keep, int | float) and not isinstance(keep, bool)
    return is_number and 1 <= keep <= MOST_KEPT and keep == int(keep)
