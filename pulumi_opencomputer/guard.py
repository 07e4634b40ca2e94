"""A build stream's guard: a process that keeps the stream open when the provider is killed.

The server breaks a build off when its client goes away, and the content is then blocked for good: every later
build of it waits in vain. So a small process (`guard_process.py`) inherits a copy of the connection's socket
and a pipe:

====================================  =====================  ================================================
What happens                          On the pipe            The guard
====================================  =====================  ================================================
the server ended the build, refused   a word (`dismiss`)     ends; the connection closes with our own copy
the answer can't be trusted           a word                 the same: there is no build to lose
the request did not go out whole      a word                 the same: the server has nothing to build
time limit, silence, an error in a    closed without a       reads and drops what the server sends, until the
callback, an interrupt                word (`close`)         server ends the stream, is silent, or the time is
the provider is killed                closed by the kernel   over; then ends, and the connection closes
====================================  =====================  ================================================

While the pipe is open the guard does not touch the socket. It runs in a session of its own, which signals to
the provider's terminal or process group don't reach, without environment, arguments or open files of the
provider. Where no such process can be started, a build goes on without it.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

_PROGRAM = Path(__file__).with_name("guard_process.py")
# An interpreter that finds its own library through these can't start without.
_KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_SILENCE = 45.0
_LONGEST_BUILD = 900.0


class Guard:
    """The guard of one build stream; does nothing until `attach`."""

    def __init__(self, *, silence: float = _SILENCE, limit: float = _LONGEST_BUILD) -> None:
        """Set how long the server may be silent, and how long a build may last, in seconds."""
        self._times = (str(silence), str(limit))
        self._pipe: int | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def attached(self) -> bool:
        """Whether a guard process stands by."""
        return self._pipe is not None

    def attach(self, connection: socket.socket | None) -> None:
        """Start the process; does nothing where that is not possible."""
        if connection is None or not _is_possible():
            return
        reading, writing = os.pipe()
        try:
            self._process = self._start(connection.fileno(), reading)
            self._pipe = writing
        except (OSError, ValueError):
            os.close(writing)
        finally:
            os.close(reading)

    def dismiss(self) -> None:
        """Tell the guard that nothing is left to watch over; harmless if there is none."""
        if self._pipe is not None:
            with suppress(OSError):
                os.write(self._pipe, b".")
        self.close()

    def close(self) -> None:
        """Leave the connection to the guard, unless it was dismissed before."""
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None
        if self._process is not None:
            self._process.wait()
            self._process = None

    def _start(self, connection: int, pipe: int) -> subprocess.Popen[bytes]:
        # Popen rather than os.fork: gRPC's threads run in the provider. Its standard streams must not be
        # inherited, since the engine waits for their end.
        return subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", "-S", str(_PROGRAM), str(connection), str(pipe), *self._times],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={name: os.environ[name] for name in _KEPT if name in os.environ},
            pass_fds=(connection, pipe),
            start_new_session=True,
        )


def _is_possible() -> bool:
    # In a frozen program the executable is that program, not an interpreter.
    frozen = getattr(sys, "frozen", False)
    return os.name == "posix" and bool(sys.executable) and not frozen and _PROGRAM.is_file()
