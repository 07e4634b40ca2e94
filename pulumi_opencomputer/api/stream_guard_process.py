"""The guard's program, which keeps build streams open after the provider was killed.

It is run as ``python -I -S stream_guard_process.py CONTROL SILENCE LIMIT``. CONTROL is an inherited Unix socket,
SILENCE the longest time that a server may be silent, and LIMIT the longest time of a build, both in seconds. A message
on the socket is one byte that says what to do and eight bytes that identify the stream: ``+`` takes over a connection,
which is attached as a file descriptor, ``-`` closes it, ``!`` drains it. When the socket is closed, all remaining
connections are drained. See :mod:`pulumi_opencomputer.api.stream_guard`.
"""

import os
import select
import socket
import sys
import time

MESSAGE_SIZE = 9
_EVENTS = select.POLLIN | select.POLLHUP | select.POLLERR


class Keeper:
    """Holds and drains connections."""

    def __init__(self, control: int, silence: float, limit: float) -> None:
        self._control: socket.socket | None = socket.socket(fileno=control)
        self._silence = silence
        self._limit = limit
        self._held: dict[bytes, int] = {}
        # File descriptor → (when to close it in any case, when to close it if nothing arrives).
        self._draining: dict[int, tuple[float, float]] = {}
        self._poll = select.poll()
        self._poll.register(control, _EVENTS)

    def run(self) -> None:
        """Follow the messages until the control socket is closed and nothing is left to drain."""
        while self._control or self._draining:
            for descriptor, _ in self._poll.poll(self._patience()):
                if descriptor in self._draining:
                    self._drain(descriptor)
                elif self._control:
                    self._obey(self._control)
            now = time.monotonic()
            for descriptor in [fd for fd, ends in self._draining.items() if min(ends) <= now]:
                self._drop(descriptor)

    def _patience(self) -> float | None:
        if not self._draining:
            return None
        return max(0.0, 1000 * (min(map(min, self._draining.values())) - time.monotonic())) + 1

    def _obey(self, control: socket.socket) -> None:
        message, descriptors, _, _ = socket.recv_fds(control, MESSAGE_SIZE, 1)
        word, number = message[:1], message[1:]
        if word == b"+" and descriptors:
            self._held[number] = descriptors[0]
        elif word == b"-" and number in self._held:
            os.close(self._held.pop(number))
        elif word == b"!" and number in self._held:
            self._begin(self._held.pop(number))
        elif not message:
            self._poll.unregister(control)
            control.close()
            self._control = None
            for descriptor in self._held.values():
                self._begin(descriptor)
            self._held.clear()

    def _begin(self, descriptor: int) -> None:
        now = time.monotonic()
        self._draining[descriptor] = (now + self._limit, now + self._silence)
        self._poll.register(descriptor, _EVENTS)

    def _drain(self, descriptor: int) -> None:
        try:
            ended = not os.read(descriptor, 65536)
        except BlockingIOError:
            return
        except OSError:
            ended = True
        if ended:
            self._drop(descriptor)
        else:
            self._draining[descriptor] = (self._draining[descriptor][0], time.monotonic() + self._silence)

    def _drop(self, descriptor: int) -> None:
        self._poll.unregister(descriptor)
        del self._draining[descriptor]
        os.close(descriptor)


def main() -> None:
    """Fork, so that the process that the provider waits for ends at once, and run the keeper in the child."""
    if not os.fork():
        Keeper(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])).run()


if __name__ == "__main__":
    main()
