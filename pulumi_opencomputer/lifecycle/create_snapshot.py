"""create of a snapshot: a name is replaced only when its new image is ready.

For a fixed name the image is built under a scratch name first. Then comes the swap: the old record is deleted, and the
new one made from the cache, so the name is missing for two calls and not for a build. A failed build leaves the old
record as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import APIError, ConflictError, NotFoundError
from .build_with_recovery import Builder
from .names import scratch_name
from .ownership import Ownership
from .read_replica import look_until_shown
from .scratch import build_cached, build_over, clear_scratch
from .types import Clock

if TYPE_CHECKING:
    from ..api.client import Client
    from ..api.records import Record
    from .build_job import Job


class SnapshotCreation:
    """One create of a snapshot."""

    def __init__(
        self,
        client: Client,
        job: Job,
        clock: Clock,
        *,
        ownership: Ownership,
        replaced_ids: set[str],
    ) -> None:
        """Prepare it; nothing is sent.

        Args:
            client: The API.
            job: The content.
            clock: Time.
            ownership: Whose records may be replaced.
            replaced_ids: The ids of the records that this run replaced; what is replaced here is added.
        """
        self._client = client
        self._job = job
        self._clock = clock
        self._builder = Builder(client, job, clock, replaced_ids=replaced_ids)
        self._replaced_ids = replaced_ids
        self._ownership = ownership
        self._recorded = ownership.recorded
        self._announced: set[str] = set()
        job.predecessor = ownership.predecessor

    def run(self, name: str) -> Record:
        """Make the snapshot.

        Returns:
            The record, ready, made by this very call.

        Raises:
            ConflictError: The name is another's.
            BuildFailedError: A step failed; what stood under the name still does.
            APIError: The server can't be reached, or refused.
        """
        known = self._recorded is not None and self._recorded.name == name
        existing = self._get(name) if known else None
        if existing is None:
            try:
                return self._build_in_place(name)
            except ConflictError:
                existing = look_until_shown(self._client, name, self._clock)
                if existing is None:
                    raise
        self._require_ownership(existing)
        return self._swap(existing)

    def _build_in_place(self, name: str) -> Record:
        """Build under a name that is free, and then clear what an interrupted swap may have left.

        Not before: until the name is back, the scratch record may be all that the user has.
        """
        record = self._builder.build(name).record
        self._job.commit()
        if self._recorded is not None and self._recorded.name == name:
            # The name was free, so that record is no more, whatever a read replica shows when its state is deleted.
            self._replaced_ids.add(self._recorded.snapshot_id)
        try:
            self._client.delete_snapshot(scratch_name(self._job.urn))
        except APIError:
            # The record is made and must be recorded; mostly there is nothing to clear.
            self._job.log.warn(
                "the server could not be asked to delete what an interrupted run may have left under the temporary "
                f"name {scratch_name(self._job.urn)!r}; the next change of this resource, or its delete, does that"
            )
        return record

    def _require_ownership(self, record: Record) -> None:
        """Make sure that the record under the wanted name may be replaced, and say which one is."""
        said = self._ownership.require(record, self._clock.now())
        if said and record.id not in self._announced:
            self._announced.add(record.id)
            self._job.log.info(said)

    def _swap(self, old: Record) -> Record:
        name, scratch = str(old.name), scratch_name(self._job.urn)
        self._builder.choose()
        try:
            build_cached(self._client, self._builder, self._job, scratch)
        except ConflictError:
            # A swap was interrupted. A read replica still shows the old record after that swap deleted it, and then
            # the scratch record must stay; the server itself knows whether the name is free.
            try:
                return self._build_in_place(name)
            except ConflictError:
                build_over(self._client, self._builder, self._job, scratch)
        self._job.progress.wait_for(f"putting the new image under the name {name}")
        # Asked once more, since what follows can't be stopped halfway.
        self._job.remaining()
        self._job.commit()
        self._drop(old)
        record = self._restore_name(name, scratch)
        clear_scratch(self._client, scratch)
        return record

    def _drop(self, old: Record) -> None:
        """Delete the old record, if it is still the one that was looked at."""
        current = self._get(str(old.name))
        if current is None:
            return
        if current.id != old.id:
            self._require_ownership(current)
        self._client.delete_snapshot(str(old.name))
        self._replaced_ids.update((old.id, current.id))

    def _restore_name(self, name: str, scratch: str) -> Record:
        """Make the record from the cache; the name is missing until this is done."""
        self._job.restart_progress()
        try:
            return self._builder.build(name).record
        except ConflictError:
            record = look_until_shown(self._client, name, self._clock, but_not=self._replaced_ids)
            if record is None:
                raise
            self._require_ownership(record)
            self._client.delete_snapshot(name)
            self._replaced_ids.add(record.id)
            return self._builder.build(name).record
        except APIError as error:
            error.add_hint(
                f"The name {name!r} is missing for the moment: the new image is ready under {scratch!r}, "
                "and running the same command again puts it in place."
            )
            raise

    def _get(self, name: str) -> Record | None:
        try:
            return self._client.get_snapshot(name)
        except NotFoundError:
            return None
