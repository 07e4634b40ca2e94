"""Create a snapshot: an existing record is replaced only when the new image is ready.

A fixed name is replaced in two steps. First the image is built under a scratch name. Then comes the swap: all but the
last byte of a second request is sent, the old record is deleted, and the last byte follows, whereupon the server
creates the new record from its cache. So the name is missing neither during a build nor during an upload. A failure
before the delete leaves the old record as it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..errors import APIError, ConflictError, NotFoundError, UnavailableError
from .build_with_recovery import Builder
from .concerns import patches_lost
from .ownership import Ownership
from .read_replica import get, is_past, look_until_shown
from .scratch import Scratch, require_free
from .waiting import is_too_large, pauses

if TYPE_CHECKING:
    from ..api.records import Head, Record
    from .build_job import Job
    from .run import Run

# Bytes. The record of a larger request is not read again just before the delete, because that would take too long.
_QUICK = 1_000_000


_NOT_SHOWN = (
    "The server's index does not show that snapshot, so the provider can neither find out whose it is nor replace it. "
    "If it was created a moment ago, run the same command again in a few minutes. The public endpoint never shows a "
    "snapshot whose manifest is larger than 2 MB: in that case choose another name."
)


class SnapshotCreation:
    """One create of a snapshot."""

    def __init__(
        self, run: Run, job: Job, ownership: Ownership, *, may_take: Callable[[Record], bool] = lambda _: False
    ) -> None:
        """Prepare the create; nothing is sent.

        Args:
            run: The run.
            job: The build of the content.
            ownership: Decides which records may be replaced.
            may_take: Tells whether an existing record of this resource can be used as it is. Must be False for a
                create, because the engine deletes the record in the old state afterwards.
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
        self._dropped = False
        # For requests. A record's own name is only for messages: it lacks characters that can't be shown.
        self._name = ""
        job.predecessor = ownership.predecessor

    def run(self, name: str) -> Record:
        """Create the snapshot.

        Args:
            name: The snapshot's name.

        Returns:
            The ready record. This call created it, unless `may_take` accepted an existing one.

        Raises:
            ConfigurationError: The key belongs to another organisation than the recorded snapshot.
            ConflictError: The name belongs to someone else.
            BuildFailedError: A step failed; the name still has its old record.
            APIError: The server can't be reached, or refused.
        """
        self._name = name
        existing = self._find_own(name)
        is_looked_up = self._recorded is not None and self._recorded.name == name
        shown_id = (existing.id if existing else "") if is_looked_up else None
        self._run.account.require_for_build(self._recorded, shown_id)
        if existing is None:
            try:
                require_free(self._client, self._job, name)
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
        """Return this resource's record under the name, which is to be replaced; None if there is none to replace.

        If someone else has the name, this returns None too. The server then refuses the request if the name is really
        taken; the index may also show a record that was deleted.
        """
        if self._recorded is None or self._recorded.name != name:
            return None
        try:
            head = self._client.get_head(name)
        except NotFoundError:
            return None
        if head is not None and head.id == self._recorded.snapshot_id:
            # It is the recorded one, so its manifest with all files need not be read.
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
        """Build under a free name, and then delete what an interrupted swap may have left.

        The scratch record must not be deleted earlier: as long as the name is missing, it may be all that is left.
        """
        record = self._builder.build(name).record
        self._job.commit()
        if self._recorded is not None and self._recorded.name == name:
            # The name was free, so the recorded one no longer exists, even if the index still shows it later.
            self._run.replaced_ids.add(self._recorded.snapshot_id)
        self._scratch.clear_left()
        return record

    def _look_until_shown(self, name: str) -> Record | None:
        """Wait until the index shows the record that has the name now; None if it does not within two minutes."""
        return look_until_shown(
            self._client,
            name,
            self._run.clock,
            recorded=self._recorded,
            but_not=self._run.replaced_ids,
            before=self._job.remaining,
        )

    def _require_ownership(self, record: Record) -> None:
        """Check that the record under the wanted name may be replaced, and log which one that is.

        Raises:
            ConflictError: It belongs to someone else.
        """
        said = self._ownership.require(record, self._run.clock.now())
        if said and record.id not in self._announced:
            self._announced.add(record.id)
            self._job.log.info(said)

    def _swap(self, old: Record | Head) -> Record:
        name = self._name
        self._builder.variants.choose()
        try:
            self._scratch.build()
        except ConflictError:
            # A swap was interrupted and left the scratch record. If it had already deleted the old record, which a
            # read replica may still show, the scratch record must stay. So try the name itself first: the server knows
            # whether it is free.
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
        """Wait until a DELETE would reach the old record. Before that, no part of the second request is sent.

        Raises:
            UnavailableError: The server's index does not show the record within two minutes.
        """
        if not old.is_ready:
            # It was read in this state, so the index shows it.
            return
        for pause in pauses():
            self._job.remaining()
            count = self._client.count_patches(self._name)
            if count is not None:
                if count and old.content_hash != self._job.hash_of(self._job.variant):
                    self._job.log.warn(patches_lost(self._name, count))
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
        """Delete the old record if it is still the same one. All but the last byte of the new request has been sent.

        Args:
            old: The old record.
            seconds: How long the checks before the delete may take.
        """
        if self._dropped:
            return
        began = time.monotonic()
        name = self._name
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
        # Check for cancellation and the time limit again, because what follows can't be stopped halfway.
        self._job.remaining()
        self._job.commit()
        try:
            found = self._client.delete_snapshot(name)
        except APIError as error:
            self._job.committed = error.perhaps_done
            if error.perhaps_done:
                error.add_hint(
                    f"The server did not confirm the delete of the old snapshot. If it was deleted, {self._way_on}"
                )
            raise
        if found.name == "NOT_IN_INDEX":
            self._job.committed = False
            raise UnavailableError(
                f"The server's index does not show the snapshot {name!r} any more, so it can't be replaced. Nothing "
                "was changed. Run the same command again in a few minutes."
            )
        self._dropped = True
        self._run.replaced_ids.update(ids)

    def _restore_name(self, old: Record | Head) -> Record:
        """Create the new record from the cache. From the delete of the old record until then the name is missing."""
        name = self._name
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
            if self._dropped:
                error.add_hint(f"The old snapshot is deleted: {self._way_on}")
            raise

    @property
    def _way_on(self) -> str:
        return (
            f"the name {self._name!r} is missing for the moment, the new image is ready under {self._scratch.name!r}, "
            "and running the same command again puts it in place."
        )
