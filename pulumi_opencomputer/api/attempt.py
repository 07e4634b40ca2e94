"""One request on a connection of its own: how far it got, a limit on its time, what its failure means.

httpx limits each read and each write, not their sum: a server that drips a byte every half minute would hold
a request for days. Here a timer shuts the connection down when the time is over.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx

from ..config import CHECK_URL
from ..errors import (
    APIError,
    ProtocolError,
    StreamLostError,
    TimedOutError,
    UnavailableError,
)
from ..sanitize import excerpt

_TLS_MARKS = ("CERTIFICATE_VERIFY_FAILED", "[SSL")


class Exchange:
    """Watches over one request and its answer.

    Attributes:
        begun: Whether any of the request was sent.
        sent: Whether all of it was sent.
    """

    def __init__(self, url: str, limit: float, *, build: bool = False) -> None:
        """Prepare an exchange.

        Args:
            url: The API's address, for messages.
            limit: The seconds that connecting, request and answer may take in all.
            build: Whether it is a build, whose broken connection is a `StreamLostError`.
        """
        self.begun = False
        self.sent = False
        self._url = url
        self._limit = limit
        self._build = build
        self._expired = False
        self._told = False
        self._stream: Any = None
        self._lock = threading.Lock()

    @property
    def extensions(self) -> dict[str, Any]:
        """The httpx request extensions that let the exchange follow the request."""
        return {"trace": self._trace}

    @property
    def socket(self) -> socket.socket | None:
        """The connection's socket; None before there is one."""
        stream = self._stream
        found = stream.get_extra_info("socket") if stream is not None else None
        return found if isinstance(found, socket.socket) else None

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Run the block under the time limit, and turn httpx's errors in it into the package's own."""
        timer = threading.Timer(self._limit, self._expire)
        timer.daemon = True
        timer.start()
        try:
            with self._translating():
                yield
        finally:
            timer.cancel()

    def translated(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield an answer's bytes; a failure is the package's own error already for who reads them."""
        with self._translating():
            yield from chunks

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
            if self._expired and not self._told:
                # An answer without a length ends with the connection, also where the timer ended that.
                raise self._expiry()
        except httpx.HTTPError as error:
            raise self._failure(error) from error
        except httpx.InvalidURL as error:
            raise ProtocolError(f"No request can be made from this address or name: {error}.") from None

    def _expire(self) -> None:
        with self._lock:
            self._expired = True
            self._shut_down()

    def _shut_down(self) -> None:
        if found := self.socket:
            with suppress(OSError):
                # The plain class's method: that of an SSLSocket drops TLS while another thread may be reading.
                socket.socket.shutdown(found, socket.SHUT_RDWR)

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            with self._lock:
                self._stream = info["return_value"]
                if self._expired:
                    self._shut_down()
        elif event == "http11.send_request_headers.started":
            self.begun = info["request"].method != b"CONNECT"
        elif event == "http11.send_request_body.complete":
            self.sent = self.begun

    def _failure(self, error: httpx.HTTPError) -> APIError:
        if self._expired:
            return self._expiry()
        if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)):
            return UnavailableError(_connect_message(self._url, error))
        if isinstance(error, httpx.LocalProtocolError):
            return ProtocolError("The request could not be sent: its body is not as long as announced.")
        if isinstance(error, httpx.RemoteProtocolError) and not _is_break(error):
            return ProtocolError(f"What answers at {self._url} does not speak HTTP/1.1 as it should. {CHECK_URL}")
        return self._lost(isinstance(error, httpx.TimeoutException))

    def _expiry(self) -> APIError:
        self._told = True
        if self._build:
            return TimedOutError(
                "The build did not end within its time limit. If it has begun it goes on at the server: run pulumi up "
                "again, with a longer limit (timeout= in Python, customTimeouts elsewhere) if need be."
            )
        return TimedOutError(f"{self._url} did not complete its answer within {self._limit:.0f} s.")

    def _lost(self, silent: bool) -> APIError:
        message = f"{self._url} {'was silent for too long' if silent else 'broke the connection off'}."
        if self._build:
            return StreamLostError(message, sent=self.sent)
        return TimedOutError(message) if silent else UnavailableError(message)


def _connect_message(url: str, error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.ConnectTimeout):
        reason = "it does not answer"
    else:
        reason = excerpt(str(error)) or type(error).__name__
    hint = CHECK_URL
    if any(mark in reason for mark in _TLS_MARKS):
        hint += " If its certificate comes from an authority of your own, name that in SSL_CERT_FILE."
    return f"Can't connect to {url}: {reason}. {hint}"


def _is_break(error: httpx.RemoteProtocolError) -> bool:
    # The library has one class for broken connections and for answers that aren't HTTP.
    return "disconnected" in str(error) or "closed connection" in str(error)
