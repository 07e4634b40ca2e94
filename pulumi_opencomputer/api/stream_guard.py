"""The guard of build streams: a process that keeps them open when the provider is killed.

The server cancels a build when its client goes away, and its content is then blocked for good: every later build of it
waits in vain. So one small process (`stream_guard_process.py`) gets a copy of each build stream's socket:

====================================  =====================  ================================================
What happens                          What the guard hears   What it does
====================================  =====================  ================================================
the server ended the build, refused   `dismiss`              closes its copy; the connection ends with ours
the answer can't be trusted           the same               the same: there is no build to lose
the request did not go out whole      the same               the same: the server has nothing to build
time limit, silence, an error in a    `leave`                reads and drops what the server sends, until the
callback, an interrupt                                       server ends the stream, is silent, or the time is
the provider is killed                its socket's end       over; then closes its copy
====================================  =====================  ================================================

Until it hears one of these, the guard does not touch a connection. It reads raw bytes, so it needs no TLS. It runs in
its own session, where signals to the provider's process group don't reach it, and without the provider's environment
and open files. It ends when the provider and the last stream have ended. If no such process can be started, builds run
without it.
"""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

from .run_lock import RunLock, this_run

_PROGRAM = Path(__file__).with_name("stream_guard_process.py")
# An interpreter that finds its library through these can't start without them.
_KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_PATIENCE = 5.0
# What the server allows a build (10 min) and its checkpoint (20 min), plus a minute.
_LONGEST_BUILD = 1860.0


class GuardProcess:
    """The process, started when the first stream needs it. Any number of threads may use it at once."""

    def __init__(
        self,
        *,
        silence: float = 45.0,
        limit: float = _LONGEST_BUILD,
        start: float = _PATIENCE,
        lock: RunLock | None = None,
    ) -> None:
        """Prepare it; it is started for the first stream.

        Args:
            silence: The seconds for which a server may be silent.
            limit: The seconds that a build may last.
            start: The seconds that the process may take to start.
            lock: The lock that it holds with this process; the run's own unless a test says otherwise.
        """
        self._lock_of_run = lock or this_run()
        self._longest_start = start
        self._times = (str(silence), str(limit))
        self._control: socket.socket | None = None
        self._numbers = itertools.count()
        self._is_unstartable = False
        self._lock = threading.Lock()

    def take(self, connection: socket.socket) -> bytes | None:
        """Give the process a copy of the connection; return its number, or None if there is no process."""
        with self._lock:
            number = next(self._numbers).to_bytes(8, "big")
            # A second try, in case the process was killed meanwhile.
            if self._send(b"+" + number, connection) or self._send(b"+" + number, connection):
                return number
            return None

    def tell(self, word: bytes, number: bytes) -> None:
        """Say what to do with a connection: ``-`` to let it go, ``!`` to drain it."""
        with self._lock:
            if self._control:
                self._send(word + number)

    def close(self) -> None:
        """End the process once it has drained the connections that were not let go."""
        with self._lock:
            self._drop()

    def _send(self, message: bytes, connection: socket.socket | None = None) -> bool:
        try:
            control = self._control = self._control or self._start()
            if connection:
                socket.send_fds(control, [message], [connection.fileno()])
            else:
                control.sendall(message)
        except (OSError, ValueError, subprocess.SubprocessError):
            self._drop()
            return False
        return True

    def _drop(self) -> None:
        if self._control:
            self._control.close()
            self._control = None

    def _start(self) -> socket.socket:
        # In a frozen program the executable is that program, not an interpreter.
        if os.name != "posix" or not sys.executable or getattr(sys, "frozen", False) or self._is_unstartable:
            raise OSError("no process can be started here")
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._run(theirs.fileno())
            except BaseException as error:
                ours.close()
                # An interpreter that hangs once would delay every further build.
                self._is_unstartable = isinstance(error, subprocess.SubprocessError)
                raise
        ours.settimeout(_PATIENCE)
        return ours

    def _run(self, control: int) -> None:
        # Not os.fork, as gRPC's threads run in the provider. Its standard streams must not be inherited, since
        # the engine waits for their end. The first process ends at once and leaves the guard behind.
        lock = self._lock_of_run.hold()
        subprocess.run(  # noqa: S603
            [sys.executable, "-I", "-S", str(_PROGRAM), str(control), *self._times],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={name: os.environ[name] for name in _KEPT if name in os.environ},
            # The lock is held as long as a process has it open.
            pass_fds=(control,) if lock is None else (control, lock),
            start_new_session=True,
            timeout=self._longest_start,
            check=True,
        )


_SHARED = GuardProcess()


class Guard:
    """The guard of one build stream; does nothing until `attach`."""

    def __init__(self, process: GuardProcess = _SHARED) -> None:
        self._process = process
        self._number: bytes | None = None

    @property
    def attached(self) -> bool:
        """Whether the guard process holds the stream."""
        return self._number is not None

    def attach(self, connection: socket.socket | None) -> None:
        """Let the guard process hold the connection, where that is possible."""
        if connection is not None:
            self._number = self._process.take(connection)

    def dismiss(self) -> None:
        """Let the connection go: there is nothing left to watch over. Harmless if there is no guard."""
        self._end(b"-")

    def leave(self) -> None:
        """Leave the connection to the guard process, unless it was dismissed before."""
        self._end(b"!")

    def _end(self, word: bytes) -> None:
        if self._number is not None:
            self._process.tell(word, self._number)
            self._number = None
