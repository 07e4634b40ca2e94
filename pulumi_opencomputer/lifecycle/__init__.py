"""Every decision for all resources: check, diff, create, update, read, delete and import, without pulumi."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .kind import Kind
    from .kinds import KINDS
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

_HOMES = {"KINDS": "kinds", "Kind": "kind", "Lifecycle": "lifecycle"}


def __getattr__(name: str) -> Any:
    """Load a name on first use: a program needs the table of outputs alone."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_HOMES.get(name, 'types')}", __name__), name)
    globals()[name] = value
    return value
