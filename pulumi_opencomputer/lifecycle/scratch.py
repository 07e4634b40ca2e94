"""Build under a temporary name: for an image, which has no name, or before a snapshot's new image gets the name.

The scratch name is computed from the resource's URN only, so the next run finds what an interrupted run left there. A
record can't be deleted as long as the public endpoint's index does not show it, which is always so if its manifest is
too large. Then another one of a few scratch names is used, so that the old record does not block later builds.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..errors import APIError, ConflictError, UnavailableError
from .delete import is_out_of_reach
from .names import scratch_name
from .read_replica import age
from .waiting import LONGEST_WAIT, YOUNG, is_too_large, pauses

if TYPE_CHECKING:
    from ..api.client import BuildOutcome, Client
    from ..api.records import Record
    from .build_job import Job
    from .build_with_recovery import Builder
    from .log import ResourceLog
    from .run import Run

_MOST_CACHE_PROOFS = 4
_MOST_NAMES = 6
# Behind the public endpoint's index one name may be deleted before it shows the next one.
_MOST_MISSING = 2
# Seconds by which the times of records and of requests may differ: the index has whole seconds.
_ROUNDING = 3.0
# Seconds to wait for the public endpoint's index to show a build that has just ended.
_SHOWN_WITHIN = 30.0


class Scratch:
    """The scratch record of one create.

    Attributes:
        name: The scratch name in use.
    """

    def __init__(self, run: Run, builder: Builder, job: Job) -> None:
        """Prepare the scratch record; nothing is sent."""
        self._run = run
        self._builder = builder
        self._job = job
        self.name = scratch_name(job.urn)
        self._number = 0
        self._made: list[str] = []
        self._patience = LONGEST_WAIT
        self._saw_old_record = False

    def build(self) -> BuildOutcome:
        """Build under the scratch name until it is certain that the server's cache serves the content.

        Raises:
            ConflictError: An interrupted run left a record under the name.
            UnavailableError: The server does not answer from its cache.
            APIError: As with `Builder.build`.
        """
        variants, requests = self._builder.variants, 0
        for _ in range(_MOST_CACHE_PROOFS):
            require_free(self._run.client(), self._job, self.name)
            began = time.monotonic()
            outcome = self._builder.build(self.name)
            self._made.append(self.name)
            cached = outcome.from_cache or self._is_cached(outcome.record, time.monotonic() - began)
            if cached:
                self._run.contents.note_cached(outcome.record.content_hash)
                return outcome
            # If it is not known, request the content again: the answer says whether it is cached.
            requests += 1
            if cached is False or requests == 2 or self._run.contents.is_useless(variants.content_hash):
                variants.leave()
                requests = 0
            if self._delete(self.name, wait=False):
                self._made.remove(self.name)
            else:
                self._take_next_name()
            self._job.restart_progress()
        raise UnavailableError(
            "The image is built, but the server does not serve it from its cache. Without that a snapshot can't be "
            "replaced safely, and an image is of no use. Nothing was changed; try again later."
        )

    def build_over(self) -> BuildOutcome:
        """Build like `build`, but first delete a record that an interrupted run left under the name.

        Raises:
            ConflictError: All scratch names are taken by records that can't be deleted now.
            APIError: As with `build`.
        """
        wait = True
        for _ in range(2 * _MOST_NAMES):
            try:
                return self.build()
            except ConflictError:
                self._job.restart_progress()
                if self._delete(self.name, wait=wait):
                    clear_left(self._run, self._job.urn, self._number + 1)
                else:
                    wait = False
                    self._take_next_name()
        raise ConflictError(
            f"The temporary names {scratch_name(self._job.urn)!r} and so on are taken by earlier builds of this "
            "resource, which the server's index does not show, so they can't be deleted. Try again in a few minutes.",
            status=409,
        )

    def clear(self) -> None:
        """Delete the scratch records after the create; warn about each one that the index does not show in time.

        Raises:
            APIError: A record can't be deleted. The create then fails, so that the next run deletes the record.
        """
        left: list[str] = []
        try:
            for name in reversed(self._made):
                # A later run finds a name only if one of the two before it exists. So don't open a gap.
                if (left and self._is_second_or_later(name)) or not self._delete(name, wait=True):
                    left.append(name)
        except APIError as error:
            error.add_hint(
                f"The image is ready, but its temporary name {self.name!r} could not be deleted; running the same "
                "command again takes the image from the cache and deletes it."
            )
            raise
        for name in left:
            self._job.log.warn(f"the temporary name {name!r} can't be deleted{self._what_becomes_of(name)}")

    def _is_second_or_later(self, name: str) -> bool:
        return name != scratch_name(self._job.urn)

    def _what_becomes_of(self, name: str) -> str:
        """Return the end of a warning about a scratch name that is left."""
        if is_too_large(self._job.manifest):
            return ": its manifest is larger than the public endpoint's index holds. It stays at the server, unused"
        if name in _names(self._job.urn):
            return (
                " yet, since the server's index does not show it; the next change of this resource, or its delete, "
                "does that once the index shows it"
            )
        return f" yet, since the server's index does not show it; later, delete it with DELETE /api/snapshots/{name}"

    def clear_left(self) -> None:
        """Delete what an interrupted run may have left; usually there is nothing. Only warn if that fails."""
        try:
            clear_left(self._run, self._job.urn)
        except APIError:
            self._job.log.warn(
                "the server could not be asked to delete what an interrupted run may have left under the temporary "
                f"name {self.name!r}; the next change of this resource, or its delete, does that"
            )

    def _is_cached(self, named: Record, took: float) -> bool | None:
        """Tell whether the server's cache has the content; None if the list of images does not say so.

        A record from the server itself is proof. One from the public endpoint's index may be of a build whose image
        was deleted since, so there only the record of this very build is proof. If the index shows just an older one
        for 30 s, the server has built content that it has a record of, so its cache never serves that content.

        Args:
            named: The record that the request has created.
            took: The seconds that the request took.
        """
        variants = self._builder.variants
        known = variants.is_cached()
        if known is not None or is_too_large(self._job.manifest) or not self._run.account.is_public():
            return known
        for pause in pauses(_SHOWN_WITHIN):
            record = variants.known_record()
            if record is not None and _is_of_request(record, named, took):
                return record.is_ready
            self._job.progress.wait_for("waiting until the server's index shows the build")
            self._job.remaining()
            self._run.clock.sleep(pause)
        if record is None:
            return None
        # Conclude this only once: if the times of records are wrong, the next request must be able to prove the cache.
        if self._saw_old_record or not self._run.contents.is_built(record.content_hash):
            return None
        self._saw_old_record = True
        return False

    def _delete(self, name: str, *, wait: bool) -> bool:
        """Delete a scratch record; return False if the index does not show it.

        Args:
            name: The scratch name.
            wait: Whether to wait for the index, at most two minutes for all records of this create together.
        """
        client = self._run.client()
        if not is_out_of_reach(client.delete_snapshot(name)):
            return True
        for pause in pauses(self._patience) if wait and not is_too_large(self._job.manifest) else ():
            if self._job.is_cancelled:
                return False
            self._job.progress.wait_for("waiting until the server's index shows the temporary name")
            self._run.clock.sleep(pause)
            self._patience -= pause
            if not is_out_of_reach(client.delete_snapshot(name)):
                return True
        return False

    def _take_next_name(self) -> None:
        self._number += 1
        if self._number < _MOST_NAMES and not is_too_large(self._job.manifest):
            self.name = scratch_name(self._job.urn, self._number)
        else:
            # A random name: later runs can't find it, but they could not delete the record either, because the index
            # does not show it.
            self.name = f"{scratch_name(self._job.urn)}-{os.urandom(4).hex()}"


def require_free(client: Client, job: Job, name: str) -> None:
    """Ask whether a name is free before a large request is sent. For others the request itself is the question.

    The server reads a request to its end before it refuses a name that is taken.

    Args:
        client: The API.
        job: The build of the content.
        name: The name.

    Raises:
        ConflictError: The name is taken. If this does not raise, it may be taken all the same.
    """
    is_taken = False
    if job.is_large:
        # The request that follows reports what is wrong with the server.
        with suppress(APIError):
            is_taken = client.has_checkpoint(name)
    if is_taken:
        raise ConflictError("The snapshot's name is taken.", status=409)


def _is_of_request(record: Record, named: Record, took: float) -> bool:
    """Tell whether a build's record was created during a request. Both times are by the clock of the server itself.

    Args:
        record: The build's record.
        named: The named record, which was created when the request ended.
        took: The seconds that the request took.
    """
    ended = -named.age(0.0)
    return record.age(ended) <= took + _ROUNDING


def clear_left(run: Run, urn: str, first: int = 0) -> bool:
    """Delete what earlier runs of a resource may have left under its scratch names; usually there is nothing.

    Args:
        run: The run.
        urn: The resource's URN.
        first: The number of the first name to delete.

    Returns:
        Whether it is certain that nothing is left. It is not if the public endpoint's index shows nothing.

    Raises:
        APIError: The server can't be reached, or refused.
    """
    missing = 0
    for name in _names(urn)[first:]:
        found = run.client().delete_snapshot(name)
        if not found and not is_out_of_reach(found):
            # The server that has the records knows. Without the endpoint's index only the first name is ever used.
            return True
        missing = 0 if found else missing + 1
        if missing == _MOST_MISSING:
            return False
    return True


def clear_for_good(run: Run, urn: str, state: Mapping[str, Any], log: ResourceLog) -> None:
    """Delete what is left under the scratch names of an image that leaves the state.

    If the image was made a moment ago, and the index does not show its build yet, it may not show a scratch name
    either. So wait up to two minutes, and then warn.

    Args:
        run: The run.
        urn: The image's URN.
        state: Its recorded outputs.
        log: Its lines.

    Raises:
        APIError: The server can't be reached, or refused.
    """
    is_certain = clear_left(run, urn) or is_too_large(state.get("manifest"))
    if is_certain or age(state, run.clock.now()) >= YOUNG:
        return
    built = str(state.get("builtHash") or state.get("contentHash"))
    for pause in pauses():
        if run.client().find_head(built) is not None:
            clear_left(run, urn)
            return
        if run.queue.is_cancelled:
            break
        log.status("waiting until the server's index shows what was made a moment ago")
        run.clock.sleep(pause)
    first, second = _names(urn)[:2]
    log.warn(
        f"the server's index does not show yet whether the temporary names {first!r} and {second!r} are left; delete "
        f"what it shows of them later, with DELETE /api/snapshots/{first} and the same for the other"
    )


def _names(urn: str) -> list[str]:
    return [scratch_name(urn, number) for number in range(_MOST_NAMES)]
