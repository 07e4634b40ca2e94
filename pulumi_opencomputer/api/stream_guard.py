"""The guard of build streams: a process that keeps them open if the provider is killed.

The server cancels a build when its client disconnects, and then the content is blocked forever: every later build of it
waits in vain. So one small process (`stream_guard_process.py`) gets a copy of each build stream's socket:

====================================  =====================  ================================================
What happens                          Message to the guard   What the guard does
====================================  =====================  ================================================
the server ended or refused the build `dismiss`              closes its copy; the provider closes its own
the response is invalid               the same               the same: there is no build to lose
the request was not sent completely   the same               the same: the server has nothing to build
time limit, silence, an error in a    `leave`                reads and drops what the server sends, until the
callback, an interrupt                                       server ends the stream or is silent, or the time
the provider is killed                the socket is closed   is over; then closes its copy
====================================  =====================  ================================================

Until one of these happens, the guard does not touch a connection. It reads raw bytes, so it needs no TLS. It runs in
its own session, where signals to the provider's process group don't reach it, and without the provider's environment
and open files. It ends when the provider and the last stream have ended. If the process can't be started, builds run
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
# The environment variables that are passed on, because some interpreters can't find their library without them.
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
        """Store the arguments. The process is started for the first stream.

        Args:
            silence: The seconds for which a server may be silent.
            limit: The seconds that a build may last.
            start: The seconds that the process may take to start.
            lock: The lock that the guard shares with this process; by default that of this run.
        """
        self._lock_of_run = lock or this_run()
        self._longest_start = start
        self._times = (str(silence), str(limit))
        self._control: socket.socket | None = None
        self._numbers = itertools.count()
        self._is_unstartable = False
        self._lock = threading.Lock()

    def take(self, connection: socket.socket) -> bytes | None:
        """Send the process a copy of the connection; return the stream's number, or None if there is no process."""
        with self._lock:
            number = next(self._numbers).to_bytes(8, "big")
            # Try twice, in case the process was killed: the second attempt starts another one.
            if self._send(b"+" + number, connection) or self._send(b"+" + number, connection):
                return number
            return None

    def tell(self, word: bytes, number: bytes) -> None:
        """Tell the process what to do with a connection.

        Args:
            word: ``-`` to close its copy, ``!`` to drain it.
            number: The stream's number.
        """
        with self._lock:
            if self._control:
                self._send(word + number)

    def close(self) -> None:
        """Let the process end once it has drained the connections that it still holds."""
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
                # Don't try again if the interpreter hung: that would delay every further build.
                self._is_unstartable = isinstance(error, subprocess.SubprocessError)
                raise
        ours.settimeout(_PATIENCE)
        return ours

    def _run(self, control: int) -> None:
        # Don't use os.fork, because gRPC's threads run in the provider. The standard streams must not be inherited,
        # because the engine waits until they are closed. The started process ends at once; its child is the guard.
        lock = self._lock_of_run.hold()
        subprocess.run(  # noqa: S603
            [sys.executable, "-I", "-S", str(_PROGRAM), str(control), *self._times],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={name: os.environ[name] for name in _KEPT if name in os.environ},
            # The lock is held as long as any process has this file descriptor open.
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
        """Give the connection to the guard process, if possible.

        Args:
            connection: The connection's socket; None if it is not available.
        """
        if connection is not None:
            self._number = self._process.take(connection)

    def dismiss(self) -> None:
        """Let the guard process close its copy, because no build can be lost. Do nothing if there is no guard."""
        self._end(b"-")

    def leave(self) -> None:
        """Let the guard process drain the connection, unless it was dismissed before."""
        self._end(b"!")

    def _end(self, word: bytes) -> None:
        if self._number is not None:
            self._process.tell(word, self._number)
            self._number = None
