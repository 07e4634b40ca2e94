"""One call of `Client.create_snapshot`: the request's body, its stream, its guard, and its attempts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import httpx

from ..errors import (
    APIError,
    ProtocolError,
    StreamLostError,
    TimedOutError,
    UnavailableError,
)
from ..sanitize import quoted
from .attempt import Exchange
from .error_mapping import stream_error
from .event_stream import TerminalEvent, read_build
from .events import BuildEvent, CacheHit
from .held_request import LONGEST_HOLD, HeldRequest
from .records import Record, parse_json, parse_record
from .stream_guard import Guard
from .transport import LARGEST_ANSWER, Transport, require_type

_PATH = "/api/snapshots"
_BLOCK = 64 * 1024
_RESULT = "build result"


class BuildBody(Protocol):
    """The body of a build request; it is iterated once for each attempt."""

    @property
    def name(self) -> str:
        """The snapshot's name."""

    @property
    def size(self) -> int:
        """The body's length in bytes."""

    @property
    def content_hash(self) -> str:
        """The content hash that the built record must have."""

    def __iter__(self) -> Iterator[bytes]:
        """Yield the body. ContentChangedError may be raised before the last chunk, but not after it."""


@dataclass(frozen=True)
class BuildOutcome:
    """The result of a successful build request.

    Attributes:
        record: The ready named record.
        from_cache: Whether the content came from the server's cache. Then nothing was built, and it is certain that
            the cache has the content.
    """

    record: Record
    from_cache: bool


class _NotArrivedError(Exception):
    """Carries the error of an attempt for which the server can't have begun a build, so that it can be repeated."""

    def __init__(self, error: APIError) -> None:
        super().__init__(str(error))
        self.error = error
        self.retry_after = getattr(error, "retry_after", None)
        self.most_attempts = getattr(error, "most_attempts", None)


@dataclass
class BuildCall:
    """A running call of `Client.create_snapshot`, whose arguments are its fields."""

    transport: Transport
    clock: Callable[[], float]
    sdk_version: str
    request: BuildBody
    timeout: float
    on_event: Callable[[BuildEvent], None]
    on_upload: Callable[[int, int], None] | None
    on_quiet: Callable[[float, bool], None] | None
    before_end: Callable[[], None] | None
    before_last_byte: Callable[[float], None] | None
    _deadline: float = field(init=False)
    _last_event: float = field(init=False)
    _has_begun: bool = field(init=False, default=False)
    _from_cache: bool = field(init=False, default=False)
    _callbacks_error: APIError | None = field(init=False, default=None)

    def run(self) -> BuildOutcome:
        """Make attempts until one reaches the server, and follow that one to its end."""
        self._deadline = self.clock() + self.timeout
        retrying = self.transport.retrying(_never_arrived, self.timeout)
        try:
            return retrying(self._attempt)
        except _NotArrivedError as last:
            raise last.error from last.__cause__

    def _attempt(self) -> BuildOutcome:
        self._check_time()
        silence = min(self.transport.timing.silence, self.timeout)
        # The limit of the connection must be later than `_check_time`, because it would interrupt the build.
        exchange = self.transport.exchange(self._deadline - self.clock() + silence, build=True)
        guard = Guard()
        try:
            with self.transport.open(
                exchange, "POST", _PATH, headers=self._headers(), body=self._body(exchange, guard)
            ) as response:
                return self._follow(response, guard)
        except ProtocolError:
            guard.dismiss()
            raise
        except APIError as error:
            if error is self._callbacks_error:
                raise
            if not _may_have_arrived(error, exchange):
                raise _NotArrivedError(error) from error
            if isinstance(error, StreamLostError):
                error.has_begun, error.from_cache = self._has_begun, self._from_cache
                self._check_time()
            raise
        finally:
            if not exchange.sent:
                guard.dismiss()
            guard.leave()

    def _headers(self) -> dict[str, str]:
        return {
            "Accept": "text/event-stream",
            "Content-Type": "application/json",
            "Content-Length": str(self.request.size),
            "x-oc-sdk-version": self.sdk_version,
        }

    def _body(self, exchange: Exchange, guard: Guard) -> Iterator[bytes]:
        held, sent = b"", 0
        self._tell_sent(0)
        for block in _blocks(self.request):
            self._check_time()
            if held:
                yield held
                sent += len(held)
                self._tell_sent(sent)
            held = block
        yield held[:-1]
        # Once it has the last byte, the server may be building. So attach the guard before that.
        guard.attach(exchange.socket)
        if self.before_end:
            self._call(self.before_end)
        if self.before_last_byte:
            self._hold(exchange, self.before_last_byte)
        self._tell_sent(self.request.size)
        yield held[-1:]

    def _tell_sent(self, count: int) -> None:
        if self.on_upload:
            self.on_upload(count, self.request.size)

    def _hold(self, exchange: Exchange, before_last_byte: Callable[[float], None]) -> None:
        """Call `before_last_byte` once the server has received everything else.

        Raises:
            APIError: The server refused the request or disconnected, or what the callback raises.
        """
        request = HeldRequest(exchange.socket, self.transport.url, self.transport.redact)
        request.wait_until_sent(self.transport.timing.silence)
        self._check_time()
        self._call(lambda: before_last_byte(LONGEST_HOLD))
        # If the server has disconnected meanwhile, it never gets the last byte and builds nothing.
        request.require_silence()

    def _call(self, callback: Callable[[], None]) -> None:
        try:
            callback()
        except APIError as error:
            # The error comes from another request, so it does not show whether this one has arrived.
            self._callbacks_error = error
            raise

    def _follow(self, response: httpx.Response, guard: Guard) -> BuildOutcome:
        if response.status_code != 200:
            guard.dismiss()
            raise self.transport.error(response)
        require_type(response, "text/event-stream", _PATH)
        self._last_event = self.clock()
        ending = read_build(self._chunks(response), self._pass_on, self.transport.redact, limit=LARGEST_ANSWER)
        if ending is None:
            raise self._lost()
        if ending.kind == "error":
            guard.dismiss()
            raise stream_error(ending.data, self.transport.redact)
        value = self._parse(ending)
        guard.dismiss()
        return self._check_record(value)

    def _parse(self, ending: TerminalEvent) -> object:
        try:
            return parse_json(ending.data, _RESULT, self.transport.redact)
        except ProtocolError:
            if ending.is_whole:
                raise
            raise self._lost() from None

    def _lost(self) -> StreamLostError:
        return StreamLostError(f"{self.transport.url} ended the build stream without a result.", sent=True)

    def _chunks(self, response: httpx.Response) -> Iterator[bytes]:
        for chunk in response.iter_raw():
            self._check_time()
            quiet = self.clock() - self._last_event
            if self.on_quiet and quiet >= self.transport.timing.quiet:
                self.on_quiet(quiet, self._has_begun)
            yield chunk

    def _pass_on(self, event: BuildEvent) -> None:
        self._last_event = self.clock()
        self._has_begun = True
        self._from_cache = self._from_cache or isinstance(event, CacheHit)
        self.on_event(event)

    def _check_time(self) -> None:
        if self.clock() >= self._deadline:
            raise TimedOutError(
                f"The build of snapshot {quoted(self.request.name)} did not end within its time limit of"
                f" {self.timeout:.0f} s. If it has begun, it continues on the server: run pulumi up again, with a"
                " longer limit (timeout= in Python, customTimeouts elsewhere) if needed."
            )

    def _check_record(self, value: object) -> BuildOutcome:
        record = parse_record(value, _RESULT, name=self.request.name)
        if record.content_hash != self.request.content_hash:
            raise ProtocolError(
                f"The server's {_RESULT} has the content hash {record.content_hash}, not"
                f" {self.request.content_hash} as planned."
            )
        if not record.is_ready:
            without = "" if record.checkpoint_id or record.status != "ready" else " without an image"
            raise ProtocolError(f"The server's {_RESULT} is a record that is {record.status}{without}, not ready.")
        return BuildOutcome(record, self._from_cache)


def _never_arrived(error: BaseException) -> bool:
    return isinstance(error, _NotArrivedError)


def _may_have_arrived(error: APIError, exchange: Exchange) -> bool:
    """Tell whether the server may have begun the build; True unless that is ruled out.

    It is ruled out if there was no connection; if the connection broke before the whole body was sent, because a build
    begins with the body's last byte; for status 429; and for status 503 before the whole body was sent, or with a
    Retry-After header. (A proxy whose server failed in the middle of a request sends a 503 without that header.)
    """
    if isinstance(error, StreamLostError):
        return error.sent
    if not isinstance(error, UnavailableError):
        return True
    if error.status == 503:
        return exchange.sent and error.retry_after is None
    return exchange.begun and error.status != 429


def _blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Join small chunks into blocks of at most 64 KiB, because each would be sent in a packet of its own."""
    gathered = bytearray()
    for chunk in chunks:
        if gathered and len(gathered) + len(chunk) > _BLOCK:
            yield bytes(gathered)
            gathered.clear()
        if len(chunk) >= _BLOCK:
            yield chunk
        else:
            gathered += chunk
    if gathered:
        yield bytes(gathered)
