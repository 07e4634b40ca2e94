"""A file that keeps the whole log of each build: a CI job's artifact, for example.

All builds of a run, and of all providers of a program, add their lines to the one file, each line with one write: lines
of builds that run at a time stand in turns, and are told apart by the resource's name. It is never cut or written over.
Only its owner may read it. A log is not worth a build: where the file can't be written, a warning says so, once a run.
"""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path

from ..sanitize import clean

_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_ONLY_ITS_OWNER = 0o600


class LogFile:
    """One file, for all builds of a process."""

    def __init__(self, path: str, now: Callable[[], float] = time.time) -> None:
        """Prepare it; the file is opened with the first line.

        Args:
            path: The file's absolute path; missing folders are made.
            now: Seconds of the epoch.
        """
        self._path = Path(path)
        self._now = now
        self._file: int | None = None
        self._is_lost = False
        self._lock = threading.Lock()

    def add(self, name: str, line: str, warn: Callable[[str], None]) -> None:
        """Add a line.

        Args:
            name: The resource's name.
            line: The line, without secrets; it is cleaned of what a terminal would take for a command.
            warn: Called with a warning where the file can't be written, the first time.
        """
        text = clean(f"{name}: {line}").replace("\n", " ")
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._now()))
        error = self._add(f"{moment} {text}\n".encode())
        if error is not None:
            reason = error.strerror or str(error)
            warn(f"the logs of builds can't be kept in {self._path}: {reason}. The builds go on without.")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _add(self, line: bytes) -> OSError | None:
        with self._lock:
            if self._is_lost:
                return None
            try:
                if self._file is None:
                    self._file = self._open()
                while line:
                    line = line[os.write(self._file, line) :]
            except OSError as error:
                self._is_lost = True
                return error
            return None

    def _open(self) -> int:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self._path, _FLAGS, _ONLY_ITS_OWNER)
        if not stat.S_ISREG(os.fstat(file).st_mode):
            # The settings were checked before, but the file was another then.
            os.close(file)
            raise OSError("it is no file")
        return file
