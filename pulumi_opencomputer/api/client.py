"""The OpenComputer API: snapshots and images, built, read, listed and deleted.

Requests that may be repeated (GET, DELETE) are, with growing random waits, when the connection fails or the
server can't serve. A build is repeated only where the server can't have begun it.
"""

from __future__ import annotations

import enum
import time
from collections.abc import Callable
from urllib.parse import quote

from ..config import Settings
from ..errors import (
    APIError,
    InvalidRequestError,
    NotFoundError,
    UnavailableError,
)
from ..sanitize import quoted
from .build_call import BuildBody, BuildCall, BuildOutcome
from .events import BuildEvent
from .record_list import RecordList, count_entries, find_head, read_list, read_one
from .records import Head, Record
from .transport import LARGEST_ANSWER, Timing, Transport

__all__ = [
    "LARGEST_ANSWER",
    "BuildBody",
    "BuildEvent",
    "BuildOutcome",
    "Client",
    "Deleted",
    "Head",
    "Record",
    "RecordList",
    "Timing",
]

_LOOK_LIMIT = 64 * 1024 * 1024
_LOOK_SECONDS = 10.0
# Bytes a second: a look that has much to read before what it looks for takes its time.
_SLOWEST_READ = 3e6


class Deleted(enum.Enum):
    """What a delete found."""

    DELETED = "deleted"
    """The record was there, and is deleted."""

    NOT_FOUND = "not found"
    """The server that holds the records has none of that name."""

    NOT_IN_INDEX = "not in the index"
    """The public endpoint's index shows none of that name. Where the index lags the record may be there all the same;
    then nothing was deleted."""

    def __bool__(self) -> bool:
        return self is Deleted.DELETED


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
            sleep: Called with the seconds of every wait between attempts and between looks at a record.
            clock: Gives the seconds that the time limits of builds are measured with.
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

    @property
    def clock_skew(self) -> float:
        """The seconds that the server's clock is ahead of this machine's, as its last answer told; 0 if none did."""
        return self._transport.clock_skew

    def get_snapshot(self, name: str, *, with_manifest: bool = True) -> Record:
        """Return the named record.

        Args:
            name: The snapshot's name.
            with_manifest: Whether the record keeps its manifest whole, which holds every embedded file. Otherwise it is
                read in little memory, and only the keys of the manifest whose values are no lists or objects remain.

        Raises:
            NotFoundError: There is none.
            APIError: The server can't be reached, refused, or answered otherwise than the API promises.
        """
        return self._transport.with_retries(lambda: self._look(name, with_manifest=with_manifest))

    def list_snapshots(self, *, limit: int = LARGEST_ANSWER, seconds: float | None = None) -> RecordList:
        """Return all named records of any status, newest first, without their manifests' lists and objects.

        A record that can't be read is left out, and the list is then not whole.

        Args:
            limit: The most bytes to read.
            seconds: The time after which no more is read; no limit of its own, if it is None.

        Raises:
            APIError: As with `get_snapshot`.
        """
        return self._list("/api/snapshots", limit=limit, seconds=seconds)

    def list_images(
        self,
        *,
        until: Callable[[Record], bool] = lambda _: False,
        limit: int = _LOOK_LIMIT,
        seconds: float | None = _LOOK_SECONDS,
    ) -> RecordList:
        """Return records of any kind, the unnamed ones of builds too, newest first, as far as they are wanted.

        The list holds every embedded file of every image, so it is read as it comes, in the memory of its records
        without their manifests' lists and objects, and no further than need be.

        Args:
            until: Told each record; True means that no further ones are wanted.
            limit: The most bytes to read.
            seconds: The time after which no more is read; no limit of its own, if it is None.

        Returns:
            The records read. Only where the list is whole does a record's absence say anything.

        Raises:
            APIError: As with `get_snapshot`.
        """
        return self._list("/api/images", until=until, limit=limit, seconds=seconds)

    def find_image(
        self, content_hash: str, *, with_manifest: bool = True, limit: int = LARGEST_ANSWER
    ) -> tuple[Record | None, RecordList]:
        """Return the unnamed record of a content hash, and the list up to it.

        Args:
            content_hash: The 64 hex digits.
            with_manifest: Whether the record keeps its manifest whole; those before it don't.
            limit: The most bytes to read.

        Raises:
            APIError: As with `get_snapshot`.
        """

        def is_wanted(record: Record) -> bool:
            return record.name is None and record.content_hash == content_hash

        found = self._list("/api/images", until=is_wanted, limit=limit, last_is_whole=with_manifest)
        return (found[-1] if found and is_wanted(found[-1]) else None), found

    def get_head(self, name: str) -> Head | None:
        """Return as much of the named record as stands before its manifest, which is not waited for.

        Returns:
            The head; None if the server does not write it first.

        Raises:
            NotFoundError: There is none.
            APIError: As with `get_snapshot`.
        """
        return self._find_head(_path(name), lambda head: head.name == name, is_list=False)

    def find_head(self, content_hash: str, *, size: float = 0.0) -> Head | None:
        """Return the head of the unnamed record of a content hash, as far as the list of images shows it.

        Args:
            content_hash: The 64 hex digits.
            size: The bytes of records before it that are known to be there: they are read as well.

        Raises:
            APIError: As with `get_snapshot`.
        """

        def is_wanted(head: Head) -> bool:
            return head.name is None and head.content_hash == content_hash

        limit, seconds = _LOOK_LIMIT + int(1.5 * size), _LOOK_SECONDS + size / _SLOWEST_READ
        return self._find_head("/api/images", is_wanted, is_list=True, limit=limit, seconds=seconds)

    def has_checkpoint(self, name: str) -> bool:
        """Tell whether a snapshot is there and ready; a cheap look, without its manifest.

        Raises:
            APIError: As with `get_snapshot`.
        """
        path = f"{_path(name)}/patches"

        def attempt() -> bool:
            try:
                with self._transport.get(path):
                    return True
            except NotFoundError:
                return False

        return self._transport.with_retries(attempt)

    def count_patches(self, name: str) -> int | None:
        """Count the patches that hang on a snapshot; None where it is not there, or not ready. As cheap a look.

        Raises:
            APIError: As with `get_snapshot`.
        """
        path = f"{_path(name)}/patches"

        def attempt() -> int | None:
            try:
                with self._transport.get(path, limit=_LOOK_LIMIT) as chunks:
                    return count_entries(chunks, f"answer to {path}")
            except NotFoundError:
                return None

        return self._transport.with_retries(attempt)

    def delete_snapshot(self, name: str) -> Deleted:
        """Delete the named record.

        Returns:
            What the delete found. A 404 after an attempt whose answer was lost counts as deleted by that attempt.

        Raises:
            APIError: As with `get_snapshot`; also for a 404 with another text than that of a missing snapshot, as that
                of a database that can't be written: nothing was deleted then.
        """
        path = _path(name)
        perhaps_done = False

        def attempt() -> Deleted:
            nonlocal perhaps_done
            exchange = self._transport.exchange()
            try:
                with self._transport.open(exchange, "DELETE", path) as response:
                    if response.status_code not in (200, 202, 204):
                        raise self._transport.error(response)
            except NotFoundError as error:
                return Deleted.DELETED if perhaps_done else _what_is_missing(error)
            except APIError as error:
                perhaps_done = perhaps_done or (exchange.begun and error.status != 429)
                raise
            return Deleted.DELETED

        return self._transport.with_retries(attempt)

    def create_snapshot(
        self,
        request: BuildBody,
        *,
        timeout: float,
        on_event: Callable[[BuildEvent], None],
        on_upload: Callable[[int, int], None] | None = None,
        on_quiet: Callable[[float, bool], None] | None = None,
        before_end: Callable[[], None] | None = None,
        before_last_byte: Callable[[float], None] | None = None,
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
            on_upload: Called as the body is sent, with the bytes that are sent and those of the whole body: first with
                0, at last with both equal; anew if the request is repeated.
            on_quiet: Called, whenever the server sends something, with the seconds since the last log event
                if they are `Timing.quiet` or more, and whether there was any. A stream that brought no event
                yet may be waiting for another build.
            before_end: Called when all but the last byte of the body is sent; again if the request is
                repeated.
            before_last_byte: For what must happen between the upload and the build, as a delete of the record that
                has the name. Called, with the seconds that it may take, when the server has received all but the last
                byte, the content's hash is what was planned, and the server has neither refused nor hung up. If it
                raises, the last byte is never sent. If the server hangs up during or after the call, the request is
                repeated, and the callback called again.

        Returns:
            The named record, ready, with the name and content hash that were asked for; and whether it comes from the
            cache.

        Raises:
            BuildFailedError: A step failed.
            BuildBlockedError: The server waited in vain for another build of the content.
            ConflictError: The name is taken.
            StreamLostError: The connection broke off; if its `sent` is true, the build may go on at the server.
            TimedOutError: `timeout` is over.
            ContentChangedError: A file is not what was planned; the server did not get the whole request.
            APIError: As with `get_snapshot`.
        """
        return BuildCall(
            self._transport,
            self._clock,
            self._sdk_version,
            request,
            timeout,
            on_event,
            on_upload,
            on_quiet,
            before_end,
            before_last_byte,
        ).run()

    def _look(self, name: str, *, with_manifest: bool = True) -> Record:
        path = _path(name)
        with self._transport.get(path) as chunks:
            return read_one(chunks, f"answer to {path}", self._transport.redact, name, with_manifest=with_manifest)

    def _find_head(
        self,
        path: str,
        is_wanted: Callable[[Head], bool],
        *,
        is_list: bool,
        limit: int = LARGEST_ANSWER,
        seconds: float | None = None,
    ) -> Head | None:
        def attempt() -> Head | None:
            with self._transport.get(path, limit=limit, seconds=seconds) as chunks:
                return find_head(chunks, f"answer to {path}", self._transport.redact, is_wanted, is_list=is_list)

        return self._transport.with_retries(attempt)

    def _list(
        self,
        path: str,
        *,
        until: Callable[[Record], bool] = lambda _: False,
        limit: int = LARGEST_ANSWER,
        seconds: float | None = None,
        last_is_whole: bool = False,
    ) -> RecordList:
        def attempt() -> RecordList:
            with self._transport.get(path, limit=limit, seconds=seconds) as chunks:
                return read_list(
                    chunks, f"answer to {path}", self._transport.redact, until=until, last_is_whole=last_is_whole
                )

        return self._transport.with_retries(attempt)


def _what_is_missing(error: NotFoundError) -> Deleted:
    """What the 404 of a delete means.

    Raises:
        UnavailableError: It is a failure of the server, which answers so for any error of its database.
    """
    if error.text == "snapshot not found":
        return Deleted.NOT_IN_INDEX
    if error.is_of_the_cell:
        return Deleted.NOT_FOUND
    raise UnavailableError(
        "The server could not delete the snapshot. Nothing was deleted; try again in a while.",
        status=404,
        text=error.text,
    ) from None


def _path(name: str) -> str:
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise InvalidRequestError(
            f"No snapshot can be looked up under the name {quoted(name)}: the server can't address it."
        )
    try:
        return "/api/snapshots/" + quote(name, safe="$&+,:;=@~")
    except UnicodeEncodeError:
        raise InvalidRequestError("A snapshot's name must be valid Unicode.") from None
