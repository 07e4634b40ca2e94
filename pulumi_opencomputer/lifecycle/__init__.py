"""Every decision for both resources: check, diff, create, update, read and delete, without pulumi."""

from __future__ import annotations

from .lifecycle import Lifecycle
from .types import UNKNOWN, Autonaming, Change, Checked, Created, Difference, Imported, Kind, is_unknown

__all__ = [
    "UNKNOWN",
    "Autonaming",
    "Change",
    "Checked",
    "Created",
    "Difference",
    "Imported",
    "Kind",
    "Lifecycle",
    "is_unknown",
]
