"""Which runs on this machine still hold the streams of their builds.

A build that lost its client leaves a record that says ``building`` forever. The machine on which the client ran can
find out whether that has happened: each provider process holds a lock as long as it lives, and its guard holds the same
lock as long as it drains a stream. The system releases the lock when both have ended, in whatever way.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
import time
import uuid
from contextlib import suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_ID = re.compile(r"[0-9a-f]{32}")
_OLD = 7 * 86400.0


class RunLock:
    """The lock of one run.

    Attributes:
        id: The id of the run, 32 hex digits.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """Prepare the lock. It is acquired when it is first needed.

        Args:
            folder: The folder with the locks of this user's runs; by default a private one among temporary files.
        """
        self.id = uuid.uuid4().hex
        self._folder = folder
        self._descriptor: int | None = None
        self._mutex = threading.Lock()

    def hold(self) -> int | None:
        """Acquire the lock if it is not held yet; return its file descriptor, or None if locks are not available."""
        with self._mutex:
            if self._descriptor is None:
                with suppress(OSError):
                    self._descriptor = self._take()
            return self._descriptor

    def release(self) -> None:
        """Release the lock. If a guard shares it, the guard still holds it."""
        with self._mutex:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None

    def _take(self) -> int | None:
        if sys.platform == "win32":
            return None
        folder = self._folder or _folder()
        folder.mkdir(mode=0o700, exist_ok=True)
        if not _is_ours(folder):
            return None
        _clear_old(folder)
        descriptor = os.open(folder / self.id, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return descriptor


def is_run_alive(run_id: str, folder: Path | None = None) -> bool | None:
    """Tell whether a run still holds its streams.

    Args:
        run_id: Its `RunLock.id`.
        folder: As for `RunLock`.

    Returns:
        Whether it does; None if this machine does not know that run.
    """
    if sys.platform == "win32" or not _ID.fullmatch(run_id):
        return None
    try:
        folder = folder or _folder()
        if not _is_ours(folder):
            return None
        descriptor = os.open(folder / run_id, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return False


_THIS_RUN = RunLock()


def this_run() -> RunLock:
    """Return the lock of this process."""
    return _THIS_RUN


def _folder() -> Path:
    user = os.getuid() if sys.platform != "win32" else 0
    return Path(tempfile.gettempdir()) / f"pulumi-opencomputer-{user}"


def _is_ours(folder: Path) -> bool:
    """Tell whether the folder belongs to this user and nobody else can write to it."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return found.st_uid == os.getuid() and found.st_mode & 0o170077 == 0o040000


def _clear_old(folder: Path) -> None:
    """Remove the files of runs that ended long ago."""
    for file in folder.iterdir():
        with suppress(OSError):
            if file.stat().st_mtime < time.time() - _OLD and is_run_alive(file.name, folder) is False:
                file.unlink()
