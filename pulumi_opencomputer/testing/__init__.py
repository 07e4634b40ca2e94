"""Tools for testing programs: an emulator, started by the test or already running, and mocks for `set_mocks`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .emulator import Emulator, RunningEmulator
    from .mocks import Mocks

__all__ = ["Emulator", "Mocks", "RunningEmulator"]

_HOMES = {"Emulator": "emulator", "Mocks": "mocks", "RunningEmulator": "emulator"}


def __getattr__(name: str) -> Any:
    """Load a name on first use, because the mocks import pulumi and the emulators import httpx."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value
