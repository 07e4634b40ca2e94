"""One resource's lines in the engine's log, cleaned of control sequences."""

from __future__ import annotations

import enum
from typing import Protocol

from ..sanitize import clean


class Severity(enum.Enum):
    """The severity of a line."""

    INFO = "info"
    WARNING = "warning"


class Log(Protocol):
    """Shows the lines of one resource. Never raises, because a lost line must not stop a build."""

    def __call__(self, severity: Severity, message: str, *, ephemeral: bool = False) -> None:
        """Show one line; an ephemeral one only until the next line."""


def no_log(severity: Severity, message: str, *, ephemeral: bool = False) -> None:
    """Show nothing. Stands in for a `Log`."""


class ResourceLog:
    """One resource's lines, without control sequences for a terminal or markers of the engine."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def info(self, message: str) -> None:
        """Show a permanent line."""
        self._log(Severity.INFO, clean(message))

    def warn(self, message: str) -> None:
        """Show a warning."""
        self._log(Severity.WARNING, clean(message))

    def status(self, message: str) -> None:
        """Show an ephemeral line, which lasts until the next one."""
        self._log(Severity.INFO, clean(message), ephemeral=True)
