"""create and delete of a snapshot: a name is replaced only when its new image is ready.

For a fixed name the image is built under a scratch name first. Then comes the swap: the old row is
deleted, and the new one made from the cache, so the name is missing for two calls and not for a build. A
failed build leaves the old row as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..answers import Row
from ..client import Client
from ..errors import APIError, ConflictError, NotFoundError, UnavailableError
from ..logs import ResourceLog
from .builds import Builder, Clock
from .job import Job
from .names import mark, mark_of, scratch_name
from .types import Recorded

_MOST_CACHE_PROOFS = 4


class SnapshotCreation:
    """One create of a snapshot."""

    def __init__(self, client: Client, job: Job, clock: Clock, *, recorded: Recorded | None, adopt: bool) -> None:
        """Prepare it; nothing is sent.

        Args:
            client: The API.
            job: The content.
            clock: Time.
            recorded: What the state records of the row that is replaced, or None.
            adopt: Whether another's row under the name may be taken over.
        """
        self._client = client
        self._job = job
        self._clock = clock
        self._builder = Builder(client, job, clock)
        self._recorded = recorded
        self._adopt = adopt

    def run(self, name: str) -> Row:
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
                return self._builder.build(name)
            except ConflictError:
                existing = self._get(name)
                if existing is None:
                    raise
        self._claim(existing)
        return self._swap(existing)

    def _claim(self, row: Row) -> None:
        """Make sure that a row under the wanted name is ours to replace."""
        job = self._job
        if self._adopt or (self._recorded is not None and self._recorded.snapshot_id == row.id):
            return
        carried = mark_of(row)
        if carried == job.mark and row.content_hash in (job.content_hash, job.hash_of(job.twin)):
            return
        raise ConflictError(_conflict(row, carried, job.mark), status=409)

    def _swap(self, old: Row) -> Row:
        name, scratch = str(old.name), scratch_name(self._job.urn)
        self._builder.choose()
        self._build_scratch(scratch)
        self._job.progress.wait_for(f"putting the new image under the name {name}")
        self._drop(old)
        row = self._put(name, scratch)
        self._client.delete_snapshot(scratch)
        return row

    def _build_scratch(self, scratch: str) -> None:
        """Build under the scratch name, until the cache is certain to serve the content."""
        for proof in range(_MOST_CACHE_PROOFS):
            build_scratch(self._client, self._builder, scratch)
            if self._builder.is_cached():
                return
            # The same request again is answered from the cache, or shows that this content never is.
            if proof % 2:
                self._builder.next_twin()
            self._client.delete_snapshot(scratch)
            self._job.restart_progress()
        raise UnavailableError(
            "The new image is built, but the server does not answer from its cache, without which the old snapshot "
            "can't be replaced safely. Nothing was changed; try again later."
        )

    def _drop(self, old: Row) -> None:
        """Delete the old row, unless it is not the one that was looked at any more."""
        current = self._get(str(old.name))
        if current is None:
            return
        if current.id != old.id:
            self._claim(current)
        self._client.delete_snapshot(str(old.name))

    def _put(self, name: str, scratch: str) -> Row:
        """Make the row from the cache; the name is missing until this is done."""
        self._job.restart_progress()
        try:
            return self._builder.build(name)
        except ConflictError:
            row = self._get(name)
            if row is not None and mark_of(row) == self._job.mark:
                self._client.delete_snapshot(name)
                return self._builder.build(name)
            raise
        except APIError as error:
            error.message += (
                f" The name {name!r} is missing for the moment: the new image is ready under {scratch!r}, "
                "and running the same command again puts it in place."
            )
            error.args = (error.message,)
            raise

    def _get(self, name: str) -> Row | None:
        try:
            return self._client.get_snapshot(name)
        except NotFoundError:
            return None


def build_scratch(client: Client, builder: Builder, scratch: str) -> Row:
    """Build under a scratch name, clearing what an interrupted run left there."""
    try:
        return builder.build(scratch)
    except ConflictError:
        client.delete_snapshot(scratch)
        return builder.build(scratch)


def _conflict(row: Row, carried: str | None, own: str) -> str:
    if carried is None:
        origin = "It was not made by this provider."
    elif carried == own:
        origin = "It was made by this very resource, with other content, in a run that was not recorded."
    else:
        origin = "It was made by another Pulumi resource."
    return (
        f"A snapshot named {row.name!r} exists already (content hash {row.content_hash}, status {row.status}, created "
        f"{row.created_at}). {origin} Choose another name, set adopt=True to take it over (it is replaced once "
        "the new image is ready), or delete it."
    )


def delete_snapshot(client: Client, urn: str, state: Mapping[str, Any], log: ResourceLog) -> None:
    """Delete a snapshot's row if it is the recorded one; another's under the name stays.

    Raises:
        APIError: The server can't be reached, or refused.
    """
    recorded = Recorded.of(state)
    try:
        row = client.get_snapshot(recorded.name)
    except NotFoundError:
        row = None
    if row is not None and row.id == recorded.snapshot_id:
        client.delete_snapshot(recorded.name)
    elif row is not None and mark_of(row) != mark(urn):
        log.warn(f"the snapshot named {recorded.name!r} is not the one that this resource made; it stays as it is")
    client.delete_snapshot(scratch_name(urn))
