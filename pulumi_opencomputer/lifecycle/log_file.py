"""A file with the complete log of every build, for example to keep as an artifact of a CI job.

All builds of a run, and all providers of a program, append to the same file, one write for each line. Lines of parallel
builds are mixed; each line has the resource's name. The file is never truncated or overwritten, and only its owner can
read it. If it can't be written, builds continue, and there is one warning for each run.
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
    """The log file of all builds of a process. Thread-safe."""

    def __init__(self, path: str, now: Callable[[], float] = time.time) -> None:
        """Prepare the log. The file is opened for the first line.

        Args:
            path: The file's absolute path; missing folders are created.
            now: Returns the seconds since the epoch.
        """
        self._path = Path(path)
        self._now = now
        self._file: int | None = None
        self._is_lost = False
        self._lock = threading.Lock()

    def add(self, name: str, line: str, warn: Callable[[str], None]) -> None:
        """Append a line with the time and the resource's name.

        Args:
            name: The resource's name.
            line: The line, without secrets. Control sequences are removed here.
            warn: Called with a warning the first time that the file can't be written.
        """
        text = clean(f"{name}: {line}").replace("\n", " ")
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._now()))
        error = self._add(f"{moment} {text}\n".encode())
        if error is not None:
            reason = error.strerror or str(error)
            warn(f"can't write the build log to {self._path}: {reason}. The builds continue without a log file.")

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
            # The settings check refuses devices and pipes, but the path may have changed since.
            os.close(file)
            raise OSError("it is not a regular file")
        return file
