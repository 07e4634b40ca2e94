"""One request on its own connection: how far it got, its time limit, and what its failure means.

httpx limits the time of each read and each write, not their sum: a server that sends a byte every half minute could
keep a request open for days. Here a timer shuts the connection down when the time is over.
"""

from __future__ import annotations

import errno
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
from .proxies import shown

_TLS_MARKS = ("CERTIFICATE_VERIFY_FAILED", "[SSL")
_NO_SUCH_HOST = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
_OWN_AUTHORITY = "If its certificate comes from an authority of your own, name that in SSL_CERT_FILE."
_CHECK_PROXY = "Check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY; NO_PROXY lists the hosts that are reached without a proxy."

OUT_OF_FILES = (
    "This process may not open more files or connections. Raise the limit (ulimit -n), or deploy fewer resources at a"
    " time (--parallel)."
)


class Exchange:
    """Tracks one request and its response.

    Attributes:
        begun: Whether any of the request was sent.
        sent: Whether all of it was sent.
    """

    def __init__(self, url: str, limit: float, *, build: bool = False, proxy: str | None = None) -> None:
        """Prepare an exchange.

        Args:
            url: The API's address, for messages.
            limit: The seconds that connection, request and response may take together.
            build: Whether it is a build, whose broken connection is a `StreamLostError`.
            proxy: The address of the proxy, for messages; None if there is none.
        """
        self.begun = False
        self.sent = False
        self._url = url
        self._limit = limit
        self._build = build
        self._proxy = proxy
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
        """The connection's socket; None until there is one."""
        stream = self._stream
        found = stream.get_extra_info("socket") if stream is not None else None
        return found if isinstance(found, socket.socket) else None

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Run the block under the time limit, and convert httpx's errors into this package's."""
        timer = threading.Timer(self._limit, self._expire)
        timer.daemon = True
        timer.start()
        try:
            with self._translating():
                yield
        finally:
            timer.cancel()

    def translated(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield a response's bytes, and convert httpx's errors into this package's."""
        with self._translating():
            yield from chunks

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
            if self._expired and not self._told:
                # A response without a length ends with the connection, so it also ends if the timer closed that.
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
                # Use the plain class's method: that of SSLSocket drops TLS, while another thread may be reading.
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
            return _connect_error(self._url, error, self._proxy)
        if isinstance(error, httpx.LocalProtocolError):
            return ProtocolError("The request could not be sent: its body is not as long as announced.")
        if isinstance(error, httpx.RemoteProtocolError) and not _is_break(error):
            return ProtocolError(f"The server at {self._url} does not speak valid HTTP/1.1. {CHECK_URL}")
        return self._lost(isinstance(error, httpx.TimeoutException))

    def _expiry(self) -> APIError:
        self._told = True
        if self._build:
            return TimedOutError(
                "The build did not end within its time limit. If it has begun, it continues on the server: run pulumi "
                "up again, with a longer limit (timeout= in Python, customTimeouts elsewhere) if needed."
            )
        return TimedOutError(f"{self._url} did not complete its answer within {self._limit:.0f} s.")

    def _lost(self, silent: bool) -> APIError:
        message = f"{self._url} {'was silent for too long' if silent else 'broke the connection off'}."
        if self._build:
            return StreamLostError(message, sent=self.sent)
        return TimedOutError(message) if silent else UnavailableError(message)


def is_out_of_files(error: BaseException) -> bool:
    """Tell whether an error comes from a limit on open files."""
    return any(isinstance(cause, OSError) and cause.errno in (errno.EMFILE, errno.ENFILE) for cause in _causes(error))


def _connect_error(url: str, error: httpx.HTTPError, proxy: str | None) -> UnavailableError:
    reason = excerpt(str(error)) or type(error).__name__
    told = "it does not answer" if isinstance(error, httpx.ConnectTimeout) else reason
    if is_out_of_files(error):
        return UnavailableError(f"Can't connect to {url}. {OUT_OF_FILES}")
    if isinstance(error, httpx.ProxyError) and proxy:
        return _proxy_error(url, reason, proxy)
    if any(mark in reason for mark in _TLS_MARKS):
        message = f"Can't connect to {url}: {reason}. {CHECK_URL} {_OWN_AUTHORITY}"
        return _hopeless(message, 1)
    if proxy:
        return UnavailableError(f"Can't connect to {url} through the proxy {shown(proxy)}: {told}. {_CHECK_PROXY}")
    if any(isinstance(cause, socket.gaierror) and cause.errno in _NO_SUCH_HOST for cause in _causes(error)):
        # A second attempt helps if the name server was wrong for a moment.
        return _hopeless(f"Can't connect to {url}: there is no such host ({told}). {CHECK_URL}", 2)
    return UnavailableError(f"Can't connect to {url}: {told}. {CHECK_URL}")


def _proxy_error(url: str, reason: str, proxy: str) -> UnavailableError:
    message = f"Can't connect to {url}: the proxy {shown(proxy)} refused it ({reason})."
    if reason.startswith("407"):
        return _hopeless(f"{message} It wants a user name and password: put them into its address. {_CHECK_PROXY}", 1)
    return _hopeless(f"{message} {_CHECK_PROXY}", 1 if reason.startswith("4") else None)


def _hopeless(message: str, most_attempts: int | None) -> UnavailableError:
    error = UnavailableError(message)
    error.most_attempts = most_attempts
    return error


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _is_break(error: httpx.RemoteProtocolError) -> bool:
    # The library uses the same class for broken connections and for responses that aren't HTTP.
    return "disconnected" in str(error) or "closed connection" in str(error)
