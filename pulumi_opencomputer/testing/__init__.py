"""What tests of programs use: emulators, started as a process of their own or running already."""

from __future__ import annotations

from .emulator import Emulator, RunningEmulator

__all__ = ["Emulator", "RunningEmulator"]
