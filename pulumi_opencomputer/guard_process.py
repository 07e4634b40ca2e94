"""The program of a build stream's guard: holds a connection open for a provider that was killed.

Run as ``python -I -S guard_process.py SOCKET PIPE SILENCE LIMIT`` with two inherited file descriptors, the
longest silence and the longest time, both in seconds. See :mod:`pulumi_opencomputer.guard`. Imports the
standard library's smallest modules only: one such process runs beside each build.
"""

import os
import select
import sys
import time

_EVENTS = select.POLLIN | select.POLLHUP | select.POLLERR


def main() -> None:
    """Wait for a word on the pipe and end, or for its end without one and drain the socket."""
    connection, pipe, silence, limit = (
        int(sys.argv[1]),
        int(sys.argv[2]),
        float(sys.argv[3]),
        float(sys.argv[4]),
    )
    if os.fork():
        # The provider waits for this first process at once; the guard itself belongs to nobody it has to
        # outlive.
        return
    if os.read(pipe, 1) == b"":
        _drain(connection, silence, time.monotonic() + limit)


def _drain(connection: int, silence: float, deadline: float) -> None:
    poll = select.poll()
    poll.register(connection, _EVENTS)
    while (left := deadline - time.monotonic()) > 0 and poll.poll(1000 * min(silence, left)):
        if not _read(connection):
            return


def _read(connection: int) -> bool:
    try:
        return bool(os.read(connection, 65536))
    except BlockingIOError:
        return True
    except OSError:
        return False


if __name__ == "__main__":
    main()
