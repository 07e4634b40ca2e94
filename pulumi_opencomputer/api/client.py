"""The OpenComputer API: snapshots and images, built, read, listed and deleted.

Requests that may be repeated (GET, DELETE) are, with growing random waits, when the connection fails or the
server can't serve. A build is repeated only where the server can't have begun it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from urllib.parse import quote

from ..config import Settings
from ..errors import (
    APIError,
    BuildFailedError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    ProtocolError,
    TimedOutError,
    UnavailableError,
)
from ..sanitize import quoted
from .build_call import BuildBody, BuildCall, BuildOutcome
from .events import BuildEvent
from .records import Record, describe_failure, parse_record, parse_records
from .transport import LARGEST_ANSWER, Timing, Transport

__all__ = ["LARGEST_ANSWER", "BuildBody", "BuildEvent", "BuildOutcome", "Client", "Record", "Timing"]


class Client:
    """The API at one address with one key. Any number of threads may use it at once."""

    def __init__(
        self,
        settings: Settings,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        timing: Timing | None = None,
    ) -> None:
        """Prepare the client; nothing is sent.

        Args:
            settings: Where the API is, and with which key.
            sleep: Called with the seconds of every wait between attempts and between looks at a row.
            clock: Gives the seconds that the time limits of builds and of `wait_for` are measured with.
            timing: Time limits and numbers of attempts.

        Raises:
            ConfigurationError: The key would leave this machine unencrypted, or the proxy settings can't be
                used.
        """
        self._transport = Transport(settings, sleep, timing or Timing())
        self._sdk_version = settings.sdk_version
        self._clock = clock

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close what connections are left."""
        self._transport.close()

    def get_snapshot(self, name: str) -> Record:
        """Return the named row.

        Raises:
            NotFoundError: There is none.
            APIError: The server can't be reached, refused, or answered otherwise than the API promises.
        """
        return self._transport.safely(lambda: self._look(name))

    def list_snapshots(self) -> list[Record]:
        """Return all named rows of any status, newest first, with their manifests.

        Raises:
            APIError: As with `get_snapshot`.
        """
        return self._list("/api/snapshots", True, LARGEST_ANSWER)

    def list_images(self, *, with_manifests: bool = True, limit: int = LARGEST_ANSWER) -> list[Record]:
        """Return all rows, the unnamed ones of builds too, newest first.

        Args:
            with_manifests: Whether the rows keep their manifests, which hold every embedded file.
            limit: The most bytes to read.

        Raises:
            AnswerTooLargeError: The list is longer than `limit`.
            APIError: As with `get_snapshot`.
        """
        return self._list("/api/images", with_manifests, limit)

    def delete_snapshot(self, name: str) -> bool:
        """Delete the named row.

        Returns:
            Whether this call deleted it: False if the server had none. A 404 after an attempt whose answer
            was lost counts as deleted by that attempt.

        Raises:
            APIError: As with `get_snapshot`.
        """
        path = _path(name)
        perhaps_done = False

        def attempt() -> bool:
            nonlocal perhaps_done
            exchange = self._transport.exchange()
            try:
                with self._transport.open(exchange, "DELETE", path) as response:
                    if response.status_code not in (200, 202, 204):
                        raise self._transport.error(response)
            except NotFoundError:
                return perhaps_done
            except APIError as error:
                perhaps_done = perhaps_done or (exchange.begun and error.status != 429)
                raise
            return True

        return self._transport.safely(attempt)

    def create_snapshot(
        self,
        request: BuildBody,
        *,
        timeout: float,
        on_event: Callable[[BuildEvent], None],
        on_quiet: Callable[[float, bool], None] | None = None,
        before_end: Callable[[], None] | None = None,
    ) -> BuildOutcome:
        """Build an image and put it under a name.

        The stream is read, and the callbacks are called, in the calling thread. What a callback raises comes
        out as it is; the connection is then left to the stream's guard, so that a build goes on.

        Args:
            request: The request's body.
            timeout: The seconds that the whole call may take. A build that has begun is given up when the
                server sends something after that (a keepalive comes every 15 s), or at the latest when it was
                silent for `Timing.silence`.
            on_event: Called for each log event.
            on_quiet: Called, whenever the server sends something, with the seconds since the last log event
                if they are `Timing.quiet` or more, and whether there was any. A stream that brought no event
                yet may be waiting for another build.
            before_end: Called when all but the last byte of the body is sent; again if the request is
                repeated.

        Returns:
            The named row, ready, with the name and content hash that were asked for; and whether it comes from the
            cache.

        Raises:
            BuildFailedError: A step failed.
            BuildBlockedError: The server waited in vain for another build of the content.
            ConflictError: The name is taken.
            StreamLostError: The connection broke off; if its `sent` is true, `wait_for` follows the build.
            TimedOutError: `timeout` is over.
            ContentChangedError: A file is not what was planned; the server did not get the whole request.
            APIError: As with `get_snapshot`.
        """
        return BuildCall(
            self._transport, self._clock, self._sdk_version, request, timeout, on_event, on_quiet, before_end
        ).run()

    def wait_for(self, name: str, content_hash: str, *, timeout: float, started: float | None = None) -> Record:
        """Look a named row up until it is ready: what became of a build whose connection was lost.

        A build writes the row when it is done, so that a missing row may still come; one that the server
        broke off never does. A row of other content counts as missing, as a mirror may still show the one
        before.

        Args:
            name: The snapshot's name.
            content_hash: The content that the row must have.
            timeout: The seconds from `started` after which no further look is taken.
            started: The clock's time when the build began; now, if it is None.

        Raises:
            BuildFailedError: The row is failed.
            ConflictError: In the end another content was under the name.
            TimedOutError: In the end there was no such row, or it was still being built.
            UnavailableError: In the end the server could not be asked.
            APIError: As with `get_snapshot`, for errors that don't pass.
        """
        deadline = timeout + (self._clock() if started is None else started)
        for pause in self._pauses():
            found = self._look_again(name)
            if isinstance(found, Record) and found.content_hash == content_hash:
                if found.status == "ready":
                    return found
                if found.status == "failed":
                    raise BuildFailedError(
                        f"{describe_failure(None, None, None)} The reason was lost with the connection:"
                        " run pulumi up again to see it."
                    )
            if self._clock() + pause > deadline:
                raise _unsettled(name, content_hash, found)
            self._transport.sleep(pause)
        raise AssertionError("the pauses never end")

    def _look(self, name: str) -> Record:
        path = _path(name)
        row = parse_record(self._transport.get_json(path), f"answer to {path}")
        if row.name != name:
            raise ProtocolError(f"The server's answer about snapshot {quoted(name)} is about another row.")
        return row

    def _look_again(self, name: str) -> Record | APIError:
        try:
            return self._look(name)
        except (NotFoundError, UnavailableError, TimedOutError) as error:
            return error

    def _list(self, path: str, with_manifests: bool, limit: int) -> list[Record]:
        return self._transport.safely(
            lambda: parse_records(
                self._transport.get_json(path, limit), f"answer to {path}", with_manifests=with_manifests
            )
        )

    def _pauses(self) -> Iterator[float]:
        pause = self._transport.timing.first_poll
        while True:
            yield pause
            pause = min(1.5 * pause, self._transport.timing.longest_poll)


def _path(name: str) -> str:
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise InvalidRequestError(
            f"No snapshot can be looked up under the name {quoted(name)}: the server can't address it."
        )
    try:
        return "/api/snapshots/" + quote(name, safe="$&+,:;=@~")
    except UnicodeEncodeError:
        raise InvalidRequestError("A snapshot's name must be valid Unicode.") from None


def _unsettled(name: str, content_hash: str, found: Record | APIError) -> APIError:
    again = "Run pulumi up again: what was built meanwhile is taken from the cache."
    if isinstance(found, Record) and found.content_hash != content_hash:
        return ConflictError(
            f"The name {quoted(name)} is taken by a row of other content ({found.content_hash[:12]}, created"
            f" {found.created_at})."
        )
    if isinstance(found, Record):
        return TimedOutError(f"Snapshot {quoted(name)} is still being built at the end of its time limit. {again}")
    if isinstance(found, NotFoundError):
        return TimedOutError(
            f"The connection was lost during the build of snapshot {quoted(name)}, and the snapshot did not appear"
            f" within the time limit. {again}"
        )
    return UnavailableError(
        f"The connection was lost during the build of snapshot {quoted(name)}, and the server could not be asked"
        f" what became of it ({found.message}). {again}"
    )
