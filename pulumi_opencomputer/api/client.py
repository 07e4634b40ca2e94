"""The client of the OpenComputer API: build, read, list and delete snapshots and images.

If the connection fails or the server is unavailable, GET and DELETE requests are repeated with growing random waits. A
build is repeated only if the server can't have begun it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import quote

from ..config import Settings
from ..errors import (
    APIError,
    InvalidRequestError,
    NotFoundError,
)
from ..sanitize import quoted
from .build_call import BuildBody, BuildCall, BuildOutcome
from .deleted import Deleted, is_not_in_index, what_is_missing
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
# Bytes a second. A search gets more time if much has to be read before the wanted record.
_SLOWEST_READ = 3e6


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
            settings: The API's address and the key.
            sleep: Waits between attempts; called with the seconds.
            clock: A monotonic clock, in seconds, for the time limits of builds.
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
        """Close the remaining connections."""
        self._transport.close()

    @property
    def clock_skew(self) -> float:
        """How many seconds the server's clock is ahead of this machine's, by its last response; 0 if unknown."""
        return self._transport.clock_skew

    def get_snapshot(self, name: str, *, with_manifest: bool = True) -> Record:
        """Return the named record.

        Args:
            name: The snapshot's name.
            with_manifest: Whether the record keeps its whole manifest, which contains every embedded file. Otherwise
                it is read in little memory, and the manifest keeps only keys whose values are not lists or objects.

        Raises:
            NotFoundError: There is no such record.
            APIError: The server can't be reached, refused the request, or sent an invalid response.
        """
        return self._transport.with_retries(lambda: self._look(name, with_manifest=with_manifest))

    def list_snapshots(self, *, limit: int = LARGEST_ANSWER, seconds: float | None = None) -> RecordList:
        """Return all named records of any status, newest first, without their manifests' lists and objects.

        A record that can't be read is left out, and the list is then not whole.

        Args:
            limit: The maximum number of bytes to read.
            seconds: The maximum time to read, in seconds; None for the limit of every request.

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
        """Return records of any kind, including the unnamed ones of builds, newest first, as far as they are needed.

        The list contains every embedded file of every image. So it is read as a stream, only as far as needed, and the
        lists and objects in the manifests are dropped.

        Args:
            until: Called with each record; True ends the reading after that record.
            limit: The maximum number of bytes to read.
            seconds: The maximum time to read, in seconds, or None for no limit of its own.

        Returns:
            The records that were read. Unless the list is whole, a record that is missing in it may still exist.

        Raises:
            APIError: As with `get_snapshot`.
        """
        return self._list("/api/images", until=until, limit=limit, seconds=seconds)

    def find_image(
        self, content_hash: str, *, with_manifest: bool = True, limit: int = LARGEST_ANSWER
    ) -> tuple[Record | None, RecordList]:
        """Return the unnamed record with a content hash, or None; and the list up to it.

        Args:
            content_hash: The 64 hex digits.
            with_manifest: Whether the record keeps its whole manifest. The records before it never do.
            limit: The maximum number of bytes to read.

        Raises:
            APIError: As with `get_snapshot`.
        """

        def is_wanted(record: Record) -> bool:
            return record.name is None and record.content_hash == content_hash

        found = self._list("/api/images", until=is_wanted, limit=limit, last_is_whole=with_manifest)
        return (found[-1] if found and is_wanted(found[-1]) else None), found

    def get_head(self, name: str) -> Head | None:
        """Return the fields of the named record that come before its manifest, without waiting for the manifest.

        Returns:
            The head; None if the server writes the manifest first.

        Raises:
            NotFoundError: There is no such record.
            APIError: As with `get_snapshot`.
        """
        return self._find_head(_path(name), lambda head: head.name == name, is_list=False)

    def find_head(self, content_hash: str, *, size: float = 0.0) -> Head | None:
        """Return the head of the unnamed record with a content hash; None if the list of images does not show it.

        Args:
            content_hash: The 64 hex digits.
            size: The size in bytes of records that are known to come before it, which raises the limits of the read.

        Raises:
            APIError: As with `get_snapshot`.
        """

        def is_wanted(head: Head) -> bool:
            return head.name is None and head.content_hash == content_hash

        limit, seconds = _LOOK_LIMIT + int(1.5 * size), _LOOK_SECONDS + size / _SLOWEST_READ
        return self._find_head("/api/images", is_wanted, is_list=True, limit=limit, seconds=seconds)

    def has_checkpoint(self, name: str) -> bool:
        """Tell whether a snapshot exists and is ready. This is cheap, because its manifest is not read.

        Raises:
            APIError: As with `get_snapshot`.
        """
        return self._exists(f"{_path(name)}/patches")

    def has_checkpoint_of(self, record_id: str) -> bool:
        """Tell whether the record with an id is there and ready, as the cell itself knows; as cheap a look.

        Only a True is certain: another cell than the record's may answer.

        Raises:
            APIError: As with `get_snapshot`.
        """
        return self._exists(f"/api/images/{quote(record_id, safe='')}/patches")

    def count_patches(self, name: str) -> int | None:
        """Count a snapshot's patches. As cheap as `has_checkpoint`.

        Returns:
            The number; 0 also if the server has no such snapshot, or no image for it; None if the public endpoint's
            index does not show the snapshot, so that a delete would not reach it either.

        Raises:
            APIError: As with `get_snapshot`.
        """
        path = f"{_path(name)}/patches"

        def attempt() -> int | None:
            try:
                with self._transport.get(path, limit=_LOOK_LIMIT) as chunks:
                    return count_entries(chunks, f"answer to {path}")
            except NotFoundError as error:
                return None if is_not_in_index(error) else 0

        return self._transport.with_retries(attempt)

    def delete_snapshot(self, name: str) -> Deleted:
        """Delete the named record.

        Returns:
            What the delete found. If the response to an attempt was lost, and the server that stores the records then
            has none with that name, that attempt deleted it.

        Raises:
            APIError: As with `get_snapshot`; also for a 404 whose text is not that of a missing snapshot, for example
                because the server can't write to its database. Its `perhaps_done` tells whether the record may be
                deleted.
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
                return what_is_missing(error, perhaps_done=perhaps_done)
            except APIError as error:
                is_refused = error.status is not None and error.status < 500
                perhaps_done = perhaps_done or (exchange.begun and not is_refused)
                error.perhaps_done = perhaps_done
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
        """Build an image and give it a name.

        The stream is read, and the callbacks are called, in the calling thread. An exception of a callback is raised
        unchanged; the stream's guard then keeps the connection, so that the build continues.

        Args:
            request: The request's body.
            timeout: The seconds that the whole call may take. If it ends during a build, the error is raised when the
                server sends something after that (a keepalive comes every 15 s), or at the latest when the server was
                silent for `Timing.silence`.
            on_event: Called for each log event.
            on_upload: Called while the body is sent, with the number of bytes sent and the size of the body: first
                with 0 bytes, last with all; from the start again if the request is repeated.
            on_quiet: Called whenever the server sends something, if the last log event was `Timing.quiet` seconds ago
                or more; with these seconds, and whether there was any event. A stream without any event may be waiting
                for another build.
            before_end: Called when all but the last byte of the body is sent; again if the request is repeated.
            before_last_byte: For what must happen between the upload and the build, such as deleting the record that
                has the name. It is called with the seconds that it may take, once the server has received all but the
                last byte, the content has the planned hash, and the server has neither refused the request nor
                disconnected. If it raises, the last byte is never sent. If the server disconnects during or after the
                call, the request is repeated, and the callback is called again.

        Returns:
            The ready named record with the requested name and content hash; and whether it comes from the cache.

        Raises:
            BuildFailedError: A step failed.
            BuildBlockedError: The server waited in vain for another build of the content.
            ConflictError: The name is taken.
            StreamLostError: The connection was lost. If its `sent` is true, the build may continue on the server.
            TimedOutError: `timeout` is over.
            ContentChangedError: A local file changed since the plan. The server did not get the whole request.
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

    def _exists(self, path: str) -> bool:
        def attempt() -> bool:
            try:
                with self._transport.get(path):
                    return True
            except NotFoundError:
                return False

        return self._transport.with_retries(attempt)

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


def _path(name: str) -> str:
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise InvalidRequestError(
            f"No snapshot can be looked up under the name {quoted(name)}: the server can't address it."
        )
    try:
        return "/api/snapshots/" + quote(name, safe="$&+,:;=@~")
    except UnicodeEncodeError:
        raise InvalidRequestError("A snapshot's name must be valid Unicode.") from None
