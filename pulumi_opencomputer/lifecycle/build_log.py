"""The log of one build: shown on the resource's lines according to the settings, and written to the log file if any."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from ..config import LogLines
from ..sanitize import clean, excerpt
from .log import ResourceLog

LONGEST_LINE = 10_000
"""The maximum length of a permanent line about a step. The server's own lines have at most 8,000 characters."""

LONGEST_STATUS = 300
"""The maximum length of an ephemeral line, which a terminal cuts anyway."""

_MOST_REMEMBERED = 5_000

Write = Callable[[str], None]
"""Writes a line to the log file."""


def _nowhere(_: str) -> None:
    """Drop a line, because no log file is configured."""


class BuildLog:
    """The lines of one build. Thread-safe.

    A permanent line is shown at once (``steps``, ``full``), only after the build has failed (``failures``), or never
    (``none``). A warning is always shown.
    """

    def __init__(self, log: ResourceLog, lines: LogLines = LogLines.STEPS, write: Write = _nowhere) -> None:
        """Create the log; nothing is shown yet.

        Args:
            log: The resource's lines.
            lines: Which lines are shown.
            write: Writes each permanent line to the log file.
        """
        self._log = log
        self._lines = lines
        self._write = write
        self._remembered: deque[str] = deque(maxlen=_MOST_REMEMBERED)
        self._forgotten = 0
        self._lock = threading.Lock()

    def info(self, message: str) -> None:
        """Log a permanent line."""
        self._write(message)
        self._show(message)

    def warn(self, message: str) -> None:
        """Log a warning."""
        self._write(f"warning: {message}")
        self._log.warn(message)

    def status(self, message: str) -> None:
        """Show an ephemeral line."""
        if self._lines in (LogLines.STEPS, LogLines.FULL):
            self._log.status(excerpt(message, LONGEST_STATUS))

    def detail(self, message: str, *, is_within_limits: bool) -> bool:
        """Log a line of the server's own text.

        Args:
            message: The line, redacted.
            is_within_limits: Whether the line is within the number of lines that ``steps`` shows.

        Returns:
            False if the line was left out because of that limit, so that it must be counted as left out.
        """
        self._write(message)
        if self._lines is LogLines.STEPS and not is_within_limits:
            return False
        self._show(message)
        return True

    def note(self, message: str) -> None:
        """Show a line that says what was left out. It is not written to the log file, where nothing is left out."""
        self._show(message)

    def fail(self, reason: str) -> None:
        """End the log of a failed build. With ``failures``, its lines are shown now.

        Args:
            reason: The error as the user sees it.
        """
        for line in reason.splitlines():
            self._write(f"failed: {line}")
        with self._lock:
            lines, forgotten = list(self._remembered), self._forgotten
            self._remembered.clear()
        if forgotten:
            self._log.info(f"… {forgotten:,} earlier lines are left out")
        for line in lines:
            self._log.info(line)

    def _show(self, message: str) -> None:
        line = clean(message)
        if self._lines in (LogLines.STEPS, LogLines.FULL):
            self._log.info(line)
        elif self._lines is LogLines.FAILURES:
            with self._lock:
                self._forgotten += len(self._remembered) == _MOST_REMEMBERED
                self._remembered.append(line)
