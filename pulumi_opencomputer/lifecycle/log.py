"""The lines of one resource in the engine's log, and how they are cleaned."""

from __future__ import annotations

import enum
from typing import Protocol

from ..sanitize import clean


class Severity(enum.Enum):
    """How much a line matters."""

    INFO = "info"
    WARNING = "warning"


class Log(Protocol):
    """Takes the lines of one resource. Never raises: a lost line must not stop a build."""

    def __call__(self, severity: Severity, message: str, *, ephemeral: bool = False) -> None:
        """Show one line; an ephemeral one only until the next."""


def no_log(severity: Severity, message: str, *, ephemeral: bool = False) -> None:
    """A log that shows nothing."""


class ResourceLog:
    """One resource's lines, without anything that a terminal or the engine would take for a command."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def info(self, message: str) -> None:
        """Show a line that stays."""
        self._log(Severity.INFO, clean(message))

    def warn(self, message: str) -> None:
        """Show a warning."""
        self._log(Severity.WARNING, clean(message))

    def status(self, message: str) -> None:
        """Show a line until the next one."""
        self._log(Severity.INFO, clean(message), ephemeral=True)
