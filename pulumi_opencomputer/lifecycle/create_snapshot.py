"""create and delete of a snapshot: a name is replaced only when its new image is ready.

For a fixed name the image is built under a scratch name first. Then comes the swap: the old row is
deleted, and the new one made from the cache, so the name is missing for two calls and not for a build. A
failed build leaves the old row as it was.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import APIError, ConflictError, NotFoundError, UnavailableError
from .build_job import Job
from .build_with_recovery import Builder, Clock
from .names import mark, mark_of, scratch_name
from .progress import ResourceLog
from .read import look_until_shown, look_while_fresh
from .types import Recorded

if TYPE_CHECKING:
    from ..api.client import BuildOutcome, Client
    from ..api.records import Record

_MOST_CACHE_PROOFS = 4


class SnapshotCreation:
    """One create of a snapshot."""

    def __init__(
        self,
        client: Client,
        job: Job,
        clock: Clock,
        *,
        recorded: Recorded | None,
        adopt: bool,
        gone: set[str],
    ) -> None:
        """Prepare it; nothing is sent.

        Args:
            client: The API.
            job: The content.
            clock: Time.
            recorded: What the state records of the row that is replaced, or None.
            adopt: Whether another's row under the name may be taken over.
            gone: The ids of the rows that this process replaced; what is replaced here is added.
        """
        self._client = client
        self._job = job
        self._clock = clock
        self._builder = Builder(client, job, clock, gone=gone)
        self._gone = gone
        self._recorded = recorded
        self._adopt = adopt

    def run(self, name: str) -> Record:
        """Make the snapshot.

        Returns:
            The row, ready, made by this very call.

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
        self._claim(existing)
        return self._swap(existing)

    def _build_in_place(self, name: str) -> Record:
        """Build under a name that is free, and then clear what an interrupted swap may have left.

        Not before: until the name is back, the scratch row may be all that the user has.
        """
        row = self._builder.build(name).record
        self._job.commit()
        if self._recorded is not None and self._recorded.name == name:
            # The name was free, so that row is no more, whatever a mirror shows when its state is deleted.
            self._gone.add(self._recorded.snapshot_id)
        try:
            self._client.delete_snapshot(scratch_name(self._job.urn))
        except APIError:
            # The row is made and must be recorded; mostly there is nothing to clear.
            self._job.log.warn(
                "the server could not be asked to delete what an interrupted run may have left under the temporary "
                f"name {scratch_name(self._job.urn)!r}; the next change of this resource, or its delete, does that"
            )
        return row

    def _claim(self, row: Record) -> None:
        """Make sure that a row under the wanted name is ours to replace."""
        if self._adopt or (self._recorded is not None and self._recorded.snapshot_id == row.id):
            return
        carried = mark_of(row)
        if carried == self._job.mark and self._job.is_content(row.content_hash):
            return
        raise ConflictError(_conflict(row, carried, self._job.mark), status=409)

    def _swap(self, old: Record) -> Record:
        name, scratch = str(old.name), scratch_name(self._job.urn)
        self._builder.choose()
        try:
            build_cached(self._client, self._builder, self._job, scratch)
        except ConflictError:
            # A swap was interrupted. A mirror that lags shows the old row also where that swap deleted it already,
            # and then the scratch row must stay; the server itself knows whether the name is free.
            try:
                return self._build_in_place(name)
            except ConflictError:
                build_over(self._client, self._builder, self._job, scratch)
        self._job.progress.wait_for(f"putting the new image under the name {name}")
        # Asked once more, since what follows can't be stopped halfway.
        self._job.remaining()
        self._job.commit()
        self._drop(old)
        row = self._put(name, scratch)
        clear_scratch(self._client, scratch)
        return row

    def _drop(self, old: Record) -> None:
        """Delete the old row, unless it is not the one that was looked at any more."""
        current = self._get(str(old.name))
        if current is None:
            return
        if current.id != old.id:
            self._claim(current)
        self._client.delete_snapshot(str(old.name))
        self._gone.update((old.id, current.id))

    def _put(self, name: str, scratch: str) -> Record:
        """Make the row from the cache; the name is missing until this is done."""
        self._job.restart_progress()
        try:
            return self._builder.build(name).record
        except ConflictError:
            row = look_until_shown(self._client, name, self._clock, but_not=self._gone)
            if row is None:
                raise
            self._claim(row)
            self._client.delete_snapshot(name)
            self._gone.add(row.id)
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


def build_cached(client: Client, builder: Builder, job: Job, scratch: str) -> BuildOutcome:
    """Build under a scratch name, until the cache is certain to serve the content.

    Raises:
        ConflictError: An interrupted run left a row there.
        UnavailableError: The server does not answer from its cache.
        APIError: As with `Builder.build`.
    """
    for proof in range(_MOST_CACHE_PROOFS):
        outcome = builder.build(scratch)
        built = None if outcome.from_cache else builder.built_row()
        if outcome.from_cache or (built and built.status == "ready"):
            return outcome
        # A content whose row can't be seen is asked for again: it comes from the cache, or never does.
        if (built and built.status == "failed") or proof % 2:
            builder.next_twin()
        client.delete_snapshot(scratch)
        job.restart_progress()
    raise UnavailableError(
        "The image is built, but the server does not answer from its cache, without which the image is no use, and an "
        "old snapshot can't be replaced safely. Nothing was changed; try again later."
    )


def build_over(client: Client, builder: Builder, job: Job, scratch: str) -> BuildOutcome:
    """Build under a scratch name as `build_cached` does, in place of what an interrupted run left there."""
    try:
        return build_cached(client, builder, job, scratch)
    except ConflictError:
        client.delete_snapshot(scratch)
        job.restart_progress()
        return build_cached(client, builder, job, scratch)


def clear_scratch(client: Client, scratch: str) -> None:
    """Delete the row under a scratch name, once the image is where it belongs.

    Raises:
        APIError: It can't be deleted. That fails the create, so that the next run clears it.
    """
    try:
        client.delete_snapshot(scratch)
    except APIError as error:
        error.add_hint(
            f"The image is ready, but its temporary name {scratch!r} could not be deleted; running the same command "
            "again takes the image from the cache and deletes it."
        )
        raise


def _conflict(row: Record, carried: str | None, own: str) -> str:
    if carried is None:
        origin = "It was not made by this provider."
    elif carried == own:
        origin = "It was made by this very resource, with other content, in a run that was not recorded."
    else:
        origin = "It was made by another Pulumi resource."
    return (
        f"A snapshot named {row.name!r} exists already (content hash {row.content_hash}, status {row.status}, created "
        f"{row.created_at}). {origin} Choose another name, set adopt to true to take it over (it is replaced once "
        "the new image is ready), or delete it."
    )


def delete_snapshot(
    client: Client, urn: str, state: Mapping[str, Any], log: ResourceLog, *, clock: Clock, gone: Collection[str]
) -> None:
    """Delete a snapshot's row if it is the recorded one; another's under the name stays.

    Args:
        client: The API.
        urn: The resource's URN.
        state: Its recorded outputs.
        log: Its row.
        clock: Time.
        gone: The ids of the rows that this process replaced. A mirror that lags may still show such a row under the
            name that is its successor's by now.

    Raises:
        APIError: The server can't be reached, or refused.
    """
    recorded = Recorded.of(state)
    if recorded.snapshot_id not in gone:
        row = look_while_fresh(client, state, clock)
        if row is not None and row.id == recorded.snapshot_id:
            client.delete_snapshot(recorded.name)
        elif row is not None and mark_of(row) != mark(urn):
            log.warn(f"the snapshot named {recorded.name!r} is not the one that this resource made; it stays as it is")
    client.delete_snapshot(scratch_name(urn))
