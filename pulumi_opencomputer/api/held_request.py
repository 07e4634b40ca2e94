"""A request that is sent except for its last byte: find out whether the server has the rest, and still waits."""

from __future__ import annotations

import array
import re
import select
import socket
import ssl
import sys
import time
from collections.abc import Callable

from ..errors import APIError, ProtocolError, StreamLostError
from .error_mapping import http_error

if sys.platform == "linux":
    import fcntl
    import termios

LONGEST_HOLD = 10.0
"""The maximum number of seconds for which the last byte is held back."""

_SECONDS_BETWEEN_LOOKS = 0.05
_SECONDS_AFTER = 0.1
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-9]\d\d)[ \r]")
_MOST_BYTES = 64 * 1024


class HeldRequest:
    """A request of which all but the last byte was written to its connection."""

    def __init__(self, connection: socket.socket | None, url: str, redact: Callable[[str], str]) -> None:
        """Store the arguments.

        Args:
            connection: The connection. None if it is not available, as with some proxies; then nothing is checked.
            url: The API's address, for errors.
            redact: Removes the API key from a text.
        """
        self._connection = connection
        self._url = url
        self._redact = redact

    def wait_until_sent(self, seconds: float) -> None:
        """Wait until the server has received everything that was sent, and had a moment to refuse it.

        Args:
            seconds: The longest wait.

        Raises:
            APIError: As with `require_silence`.
        """
        if self._connection is None:
            return
        end = time.monotonic() + seconds
        while _unsent(self._connection) and time.monotonic() < end:
            self.require_silence(_SECONDS_BETWEEN_LOOKS)
        self.require_silence(_SECONDS_AFTER)

    def require_silence(self, seconds: float = 0.0) -> None:
        """Check that the server is still waiting for the last byte: it has sent nothing and has not disconnected.

        Args:
            seconds: How long to listen.

        Raises:
            StreamLostError: It has disconnected, so it builds nothing.
            APIError: It has already refused the request. The error has the server's message.
        """
        if self._connection is None:
            return
        heard = _heard(self._connection, seconds)
        if heard == b"":
            raise StreamLostError(
                f"{self._url} broke the connection off before the whole request was sent.", sent=False
            )
        if heard is not None:
            raise self._refusal(heard)

    def _refusal(self, heard: bytes) -> APIError:
        status = _STATUS.match(heard)
        head, _, body = heard.partition(b"\r\n\r\n")
        if not status or status[1][:1] in b"12":
            return ProtocolError(f"{self._url} answered before the whole request was sent.")
        lines = (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:])
        headers = {name.strip().lower(): value.strip() for name, _, value in lines}
        # With or without chunked encoding, the API's error is one small object, so look for the braces.
        text = body[max(0, body.find(b"{")) : body.rfind(b"}") + 1] or body
        return http_error(int(status[1]), headers, text, url=self._url, redact=self._redact)


def _heard(connection: socket.socket, seconds: float) -> bytes | None:
    """Return what the server sent; None if nothing, empty if it has disconnected."""
    end = time.monotonic() + seconds
    while _pending(connection) or _is_readable(connection, max(0.0, end - time.monotonic())):
        try:
            connection.settimeout(0)
            return connection.recv(_MOST_BYTES)
        except (ssl.SSLWantReadError, BlockingIOError):
            # It was a message of TLS itself, such as a ticket after the handshake. More may follow.
            continue
        except OSError:
            return b""
    return None


def _is_readable(connection: socket.socket, seconds: float) -> bool:
    if not hasattr(select, "poll"):
        return bool(select.select([connection], [], [], seconds)[0])
    # Unlike select, this accepts file descriptors of any number.
    poll = select.poll()
    poll.register(connection, select.POLLIN | select.POLLHUP | select.POLLERR)
    return bool(poll.poll(seconds * 1000))


def _pending(connection: socket.socket) -> bool:
    return isinstance(connection, ssl.SSLSocket) and connection.pending() > 0


def _unsent(connection: socket.socket) -> bool:
    """Tell whether the kernel still has bytes that the other side has not acknowledged; False if that is unknown."""
    if sys.platform != "linux":
        return False
    count = array.array("i", [0])
    try:
        fcntl.ioctl(connection, termios.TIOCOUTQ, count)
    except OSError:
        return False
    return count[0] > 0
