"""The log of one build: on the resource's lines as far as the settings tell, and whole in a file if there is one."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from ..config import LogLines
from ..sanitize import clean, excerpt
from .log import ResourceLog

LONGEST_LINE = 10_000
"""The most characters of a line about a step that stays; the server's own are read up to 8,000."""

LONGEST_STATUS = 300
"""The most characters of a line that passes, which a terminal cuts anyway."""

_MOST_REMEMBERED = 5_000

Write = Callable[[str], None]
"""Takes a line for the file of logs."""


def _nowhere(_: str) -> None:
    """Take a line where no file is wanted."""


class BuildLog:
    """One build's lines. Thread-safe.

    A line that stays is shown at once (``steps``, ``full``), once the build has failed (``failures``), or not at all
    (``none``). A warning is always shown.
    """

    def __init__(self, log: ResourceLog, lines: LogLines = LogLines.STEPS, write: Write = _nowhere) -> None:
        """Begin.

        Args:
            log: The resource's lines.
            lines: Which of them are shown.
            write: Takes each line that stays, for the file.
        """
        self._log = log
        self._lines = lines
        self._write = write
        self._remembered: deque[str] = deque(maxlen=_MOST_REMEMBERED)
        self._forgotten = 0
        self._lock = threading.Lock()

    def info(self, message: str) -> None:
        """Say a line that stays."""
        self._write(message)
        self._show(message)

    def warn(self, message: str) -> None:
        """Say a warning."""
        self._write(f"warning: {message}")
        self._log.warn(message)

    def status(self, message: str) -> None:
        """Show a line that passes."""
        if self._lines in (LogLines.STEPS, LogLines.FULL):
            self._log.status(excerpt(message, LONGEST_STATUS))

    def detail(self, message: str, *, is_within_limits: bool) -> bool:
        """Take a line of the server's beside the steps; tell whether nothing more need be said of it.

        Args:
            message: The line, redacted.
            is_within_limits: Whether it is one of the lines that ``steps`` shows.
        """
        self._write(message)
        if self._lines is LogLines.STEPS and not is_within_limits:
            return False
        self._show(message)
        return True

    def note(self, message: str) -> None:
        """Say what was left out; a file has it all."""
        self._show(message)

    def fail(self, reason: str) -> None:
        """End the log of a build that failed; ``failures`` shows it now.

        Args:
            reason: The error, as the user is shown it.
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
