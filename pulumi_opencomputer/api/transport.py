"""Requests to one address with one key: connections, headers, limits, and the rule for retries."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import httpx
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_any,
    stop_before_delay,
    wait_exponential,
    wait_random,
)
from tenacity.stop import stop_base

from ..about import version
from ..config import Settings, refuse_plain_http
from ..errors import (
    AnswerTooLargeError,
    APIError,
    ConfigurationError,
    ProtocolError,
    TimedOutError,
    UnavailableError,
)
from .attempt import OUT_OF_FILES, Exchange, is_out_of_files
from .error_mapping import http_error, parse_date
from .proxies import proxy_of

LARGEST_ANSWER = 300 * 1024 * 1024
"""The maximum size of a response, or of one event of a build stream, in bytes."""

_LARGEST_ERROR = 64 * 1024
_SHORTEST_SECRET = 4
# A shorter key may be part of other words, such as a path.
_LONG_SECRET = 8
_SMALLEST_SKEW = 2.0
_RETRIED = frozenset({None, 408, 429, 500, 502, 503, 504, 524})

T = TypeVar("T")


@dataclass(frozen=True)
class Timing:
    """Time limits in seconds, and numbers of attempts.

    Attributes:
        connect: Establishing a connection.
        silence: Between two reads or writes; a build stream has a keepalive every 15 s.
        call: One attempt of a request that is not a build, from its beginning to the end of its answer.
        attempts: The number of attempts of one request. With the waits between them, a server may be away for half a
            minute.
        retrying: The time after which no further attempt begins.
        first_wait: The wait before the second attempt; it doubles from one to the next, and up to this
            much is added.
        longest_wait: The longest such wait.
        longest_retry_after: The longest wait that the server can request.
        quiet: How long a build stream may bring no log event before its reader is notified.
    """

    connect: float = 10.0
    silence: float = 60.0
    call: float = 180.0
    attempts: int = 10
    retrying: float = 90.0
    first_wait: float = 0.25
    longest_wait: float = 8.0
    longest_retry_after: float = 30.0
    quiet: float = 10.0


class Transport:
    """Sends requests and reads responses. Any number of threads may use it at once.

    Attributes:
        url: The API's address.
        timing: Time limits and numbers of attempts.
        sleep: Waits for a number of seconds.
        clock_skew: How far the server's clock is ahead of this machine's, in seconds, by its last response.

    Every request has its own connection. If a build was sent on a pooled connection that the server was just closing,
    it would be unclear whether it arrived. Besides, the limit on the total time needs the socket.
    """

    def __init__(self, settings: Settings, sleep: Callable[[float], None], timing: Timing) -> None:
        """Prepare the transport; nothing is sent.

        Raises:
            ConfigurationError: The key would leave this machine unencrypted, or the proxy settings can't be used.
        """
        refuse_plain_http(settings.api_url, allow_http=settings.allow_http)
        self.url = settings.api_url
        self.timing = timing
        self.sleep = sleep
        self.clock_skew = 0.0
        self._key = settings.api_key
        self._key_alone = re.compile(
            rf"(?<![^\s\"'`=:,;<(\[{{]){re.escape(self._key)}(?=$|[\s\"'`,;>)\]}}]|[.:!?](?:\s|$))"
        )
        self._proxy = proxy_of(settings.api_url)
        self._http = _open_http(settings, timing, self._proxy)

    def close(self) -> None:
        """Close the remaining connections."""
        self._http.close()

    def redact(self, text: str) -> str:
        """Return the text without the API key."""
        if len(self._key) >= _LONG_SECRET:
            return text.replace(self._key, "[API key]")
        return self._key_alone.sub("[API key]", text) if len(self._key) >= _SHORTEST_SECRET else text

    def exchange(self, limit: float | None = None, *, build: bool = False) -> Exchange:
        """Return the exchange for one attempt of a request.

        Args:
            limit: The seconds that it may take in total; None for `Timing.call`.
            build: Whether it is a build.
        """
        return Exchange(self.url, self.timing.call if limit is None else limit, build=build, proxy=self._proxy)

    @contextmanager
    def open(
        self,
        exchange: Exchange,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        body: Iterable[bytes] | None = None,
    ) -> Iterator[httpx.Response]:
        """Send a request and yield its response with the body unread. Close the connection after the block.

        Raises:
            APIError: The connection failed, here or while the block was reading; or the response is compressed.
        """
        with (
            exchange.watched(),
            self._http.stream(
                method, self.url + path, headers=headers, content=body, extensions=exchange.extensions
            ) as response,
        ):
            self._note_time(response.headers.get("date", ""))
            if response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
                raise ProtocolError(f"{self.url} compressed its answer, though asked not to.")
            yield response

    @contextmanager
    def get(self, path: str, *, limit: int = LARGEST_ANSWER, seconds: float | None = None) -> Iterator[Iterator[bytes]]:
        """Send a GET request once and yield the chunks of the JSON response as they arrive.

        Args:
            path: The escaped path.
            limit: The maximum size of the response, in bytes.
            seconds: The time limit in seconds; None for `Timing.call`.

        Raises:
            AnswerTooLargeError: The response is larger than `limit`. Raised while it is read.
            TimedOutError: The time limit is over.
            APIError: The server can't be reached, refused the request, or sent something else than JSON.
        """
        exchange = self.exchange(None if seconds is None else min(self.timing.call, seconds))
        with self.open(exchange, "GET", path) as response:
            if response.status_code != 200:
                raise self.error(response)
            require_type(response, "application/json", path)
            yield _limited(exchange.translated(response.iter_raw()), limit, path)

    def _note_time(self, date: str) -> None:
        moment = parse_date(date)
        if moment is not None:
            # The header has whole seconds, and the response took time to arrive.
            skew = moment + 0.5 - time.time()
            self.clock_skew = skew if abs(skew) > _SMALLEST_SKEW else 0.0

    def error(self, response: httpx.Response) -> APIError:
        """Return the error for an unexpected response. At most 64 KiB of it are read."""
        body = bytearray()
        try:
            for chunk in response.iter_raw():
                body += chunk
                if len(body) > _LARGEST_ERROR:
                    break
        except httpx.HTTPError:
            pass  # The status is more informative than the broken connection.
        return http_error(
            response.status_code, response.headers, bytes(body[:_LARGEST_ERROR]), url=self.url, redact=self.redact
        )

    def with_retries(self, attempt: Callable[[], T]) -> T:
        """Call `attempt` until it succeeds or another try is pointless, and return its result."""
        return self.retrying(_is_transient, self.timing.retrying)(attempt)

    def retrying(self, repeatable: Callable[[BaseException], bool], total: float) -> Retrying:
        """Return the rule for retries. The last error is raised unchanged.

        Args:
            repeatable: Tells whether another attempt follows an error.
            total: The seconds after which no attempt begins, if less than `Timing.retrying`.
        """
        return Retrying(
            retry=retry_if_exception(repeatable),
            wait=self._wait,
            stop=stop_any(
                stop_after_attempt(self.timing.attempts),
                stop_before_delay(min(total, self.timing.retrying)),
                _StopWhereHopeless(),
            ),
            sleep=self.sleep,
            reraise=True,
        )

    def _wait(self, state: RetryCallState) -> float:
        timing = self.timing
        growing = wait_exponential(timing.first_wait, timing.longest_wait)(state)
        jitter = wait_random(0, timing.first_wait)(state)
        error = state.outcome.exception() if state.outcome else None
        asked: float = getattr(error, "retry_after", None) or 0.0
        return max(growing + jitter, min(asked, timing.longest_retry_after))


def require_type(response: httpx.Response, media_type: str, path: str) -> None:
    """Raise ProtocolError if the answer's content type is not `media_type`."""
    found = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if found != media_type:
        # Don't quote the response: a line of a proxy's error page or of a login page would not help.
        raise ProtocolError(
            f"The answer to {path} is not {media_type}. Does opencomputer:apiUrl name an OpenComputer server?"
        )


def _limited(chunks: Iterable[bytes], limit: int, path: str) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise AnswerTooLargeError(f"The answer to {path} is larger than {limit:,} bytes; the rest was not read.")
        yield chunk


def _is_transient(error: BaseException) -> bool:
    return isinstance(error, (UnavailableError, TimedOutError)) and error.status in _RETRIED


class _StopWhereHopeless(stop_base):
    """Stop after as many attempts as the error allows, if it says that more are pointless."""

    def __call__(self, retry_state: RetryCallState) -> bool:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        most: int | None = getattr(error, "most_attempts", None)
        return most is not None and retry_state.attempt_number >= most


def _open_http(settings: Settings, timing: Timing, proxy: str | None) -> httpx.Client:
    try:
        return httpx.Client(
            headers={
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "User-Agent": f"pulumi-opencomputer/{version()}",
                "X-API-Key": settings.api_key,
            },
            proxy=proxy,
            # Otherwise it would read a password from .netrc and send it along.
            trust_env=False,
            verify=httpx.create_ssl_context(),
            follow_redirects=False,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
            timeout=httpx.Timeout(timing.silence, connect=timing.connect, pool=None),
        )
    except (ValueError, ImportError, OSError, httpx.InvalidURL) as error:
        if is_out_of_files(error):
            raise ConfigurationError(OUT_OF_FILES) from None
        raise ConfigurationError(
            "The environment's settings for proxies or certificates (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY,"
            " SSL_CERT_FILE, SSL_CERT_DIR) can't be used. A proxy's address must begin with http:// or https://."
        ) from None
