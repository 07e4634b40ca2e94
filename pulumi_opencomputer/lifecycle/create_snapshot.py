"""Create a snapshot: a name is replaced only when its new image is ready.

For a fixed name the image is built under a scratch name first. Then comes the swap: all but the last byte of the second
request is sent, the old record is deleted, and the last byte follows, which the server answers from its cache. So the
name is missing neither for a build nor for an upload. A failure before the delete leaves the old record as it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..errors import APIError, ConflictError, NotFoundError, UnavailableError
from .build_with_recovery import Builder
from .concerns import patches_lost
from .delete import is_out_of_reach
from .ownership import Ownership
from .read_replica import get, is_past, look_until_shown
from .scratch import Scratch
from .waiting import is_too_large, pauses

if TYPE_CHECKING:
    from ..api.records import Head, Record
    from .build_job import Job
    from .run import Run

# A manifest above this size is not read again between the two parts of the second request.
_QUICK = 1_000_000


_NOT_SHOWN = (
    "The server's index does not show that snapshot, so it can't be told whose it is, nor be replaced. If it was made "
    "a moment ago, run the same command again in a few minutes. One whose manifest is larger than 2 MB never shows at "
    "the public endpoint: choose another name then."
)


class SnapshotCreation:
    """One create of a snapshot."""

    def __init__(
        self, run: Run, job: Job, ownership: Ownership, *, may_take: Callable[[Record], bool] = lambda _: False
    ) -> None:
        """Prepare it; nothing is sent.

        Args:
            run: The run.
            job: The content.
            ownership: Whose records may be replaced.
            may_take: Tells of a record that stands under the name, and is the resource's own, whether it serves as it
                is. Never so for a create: the engine deletes the old state's record after it.
        """
        self._may_take = may_take
        self._run = run
        self._client = run.client()
        self._job = job
        self._builder = Builder(run, job)
        self._scratch = Scratch(run, self._builder, job)
        self._ownership = ownership
        self._recorded = ownership.recorded
        self._announced: set[str] = set()
        self._began_drop = False
        self._dropped = False
        job.predecessor = ownership.predecessor

    def run(self, name: str) -> Record:
        """Make the snapshot.

        Returns:
            The record, ready, and made by this call unless an existing one could be used.

        Raises:
            ConflictError: The name belongs to someone else.
            BuildFailedError: A step failed; the name still has its old record.
            APIError: The server can't be reached, or refused.
        """
        existing = self._find_own(name)
        if existing is None:
            try:
                return self._build_in_place(name)
            except ConflictError as error:
                existing = self._look_until_shown(name)
                if existing is None:
                    error.add_hint(_NOT_SHOWN)
                    raise
                self._require_ownership(existing)
                if self._may_take(existing):
                    return existing
        return self._swap(existing)

    def _find_own(self, name: str) -> Record | Head | None:
        """Return the record to replace, if the state says that there is one.

        Someone else's record is left to the server, which refuses a taken name: the index may show deleted records.
        """
        if self._recorded is None or self._recorded.name != name:
            return None
        try:
            head = self._client.get_head(name)
        except NotFoundError:
            return None
        if head is not None and head.id == self._recorded.snapshot_id:
            # A recorded one needs no further look, and its manifest with all files need not be read.
            return head
        found = get(self._client, name)
        if found is not None and is_past(found, self._recorded):
            found = self._look_until_shown(name)
        try:
            if found is not None:
                self._require_ownership(found)
        except ConflictError:
            return None
        return found

    def _build_in_place(self, name: str) -> Record:
        """Build under a free name, and then clear what an interrupted swap may have left.

        Not before: until the name is back, the scratch record may be all that the user has.
        """
        record = self._builder.build(name).record
        self._job.commit()
        if self._recorded is not None and self._recorded.name == name:
            # The name was free, so that record is gone, whatever the index shows when its state is deleted.
            self._run.replaced_ids.add(self._recorded.snapshot_id)
        self._scratch.clear_left()
        return record

    def _look_until_shown(self, name: str) -> Record | None:
        """Return the record that has the name now; None if the index does not show it."""
        return look_until_shown(
            self._client,
            name,
            self._run.clock,
            recorded=self._recorded,
            but_not=self._run.replaced_ids,
            before=self._job.remaining,
        )

    def _require_ownership(self, record: Record) -> None:
        """Make sure that the record under the wanted name may be replaced, and say which one is."""
        said = self._ownership.require(record, self._run.clock.now())
        if said and record.id not in self._announced:
            self._announced.add(record.id)
            self._job.log.info(said)

    def _swap(self, old: Record | Head) -> Record:
        name = str(old.name)
        self._builder.choose()
        try:
            self._scratch.build()
        except ConflictError:
            # A swap was interrupted. A read replica still shows the old record after that swap deleted it, and then
            # the scratch record must stay; the server itself knows whether the name is free.
            try:
                return self._build_in_place(name)
            except ConflictError:
                self._scratch.build_over()
        self._job.progress.wait_for(f"putting the new image under the name {name}")
        self._wait_until_reachable(old)
        record = self._restore_name(old)
        self._scratch.clear()
        return record

    def _wait_until_reachable(self, old: Record | Head) -> None:
        """Wait until a DELETE reaches the old record. Before that, nothing of the second request is sent."""
        if not old.is_ready:
            # The cheap look finds only ready records.
            return
        for pause in pauses():
            self._job.remaining()
            count = self._client.count_patches(str(old.name))
            if count is not None:
                if count and old.content_hash != self._job.hash_of(self._job.variant):
                    self._job.log.warn(patches_lost(str(old.name), count))
                return
            self._run.clock.sleep(pause)
        reason = (
            "because its manifest is larger than the public endpoint's index holds"
            if is_too_large(self._job.manifest)
            else "yet"
        )
        raise UnavailableError(
            f"The server's index does not show the snapshot {old.name!r} {reason}, so it can't be replaced. Nothing "
            "was changed: the old snapshot stays. Run the same command again in a few minutes, or choose another name."
        )

    def _drop(self, old: Record | Head, seconds: float) -> None:
        """Delete the old record if it is still the same one. All but the last byte is sent by now."""
        if self._dropped:
            return
        began = time.monotonic()
        name = str(old.name)
        ids = {old.id}
        if self._job.size < _QUICK and (current := get(self._client, name)) is not None:
            if current.id != old.id:
                self._require_ownership(current)
            ids.add(current.id)
        if time.monotonic() - began > seconds:
            raise UnavailableError(
                f"The server took too long to show the snapshot {name!r}, which is to be replaced. Nothing was "
                "changed. Try again later."
            )
        # Checked again, because what follows can't be stopped halfway.
        self._job.remaining()
        self._job.commit()
        self._began_drop = True
        if is_out_of_reach(self._client.delete_snapshot(name)):
            self._job.committed = self._began_drop = False
            raise UnavailableError(
                f"The server's index does not show the snapshot {name!r} any more, so it can't be replaced. Nothing "
                "was changed. Run the same command again in a few minutes."
            )
        self._dropped = True
        self._run.replaced_ids.update(ids)

    def _restore_name(self, old: Record | Head) -> Record:
        """Make the record from the cache; the name is missing between the delete of the old one and its end."""
        name = str(old.name)
        self._job.restart_progress()
        try:
            try:
                return self._builder.build(name, before_last_byte=lambda seconds: self._drop(old, seconds)).record
            except ConflictError as error:
                if not self._dropped:
                    raise
                record = self._look_until_shown(name)
                if record is None:
                    error.add_hint(_NOT_SHOWN)
                    raise
                self._require_ownership(record)
                self._client.delete_snapshot(name)
                self._run.replaced_ids.add(record.id)
                return self._builder.build(name, before_last_byte=lambda _: None).record
        except ConflictError:
            raise
        except APIError as error:
            if self._began_drop:
                error.add_hint(
                    f"The name {name!r} is missing for the moment: the new image is ready under "
                    f"{self._scratch.name!r}, and running the same command again puts it in place."
                )
            raise
