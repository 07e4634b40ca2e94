"""Every decision for all resources: check, diff, create, update, read, delete and import, without pulumi."""

from __future__ import annotations

from .kinds import KINDS, Kind
from .lifecycle import Lifecycle
from .types import UNKNOWN, Autonaming, Change, Checked, Created, Difference, Imported, is_unknown

__all__ = [
    "KINDS",
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
