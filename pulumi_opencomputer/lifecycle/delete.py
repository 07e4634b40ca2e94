"""delete of a snapshot: only the record that the state names, and what an interrupted run may have left."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from .names import mark, mark_of, scratch_name
from .progress import ResourceLog
from .read_replica import look_while_fresh
from .types import Clock, Recorded

if TYPE_CHECKING:
    from ..api.client import Client


def delete_snapshot(
    client: Client, urn: str, state: Mapping[str, Any], log: ResourceLog, *, clock: Clock, replaced_ids: Collection[str]
) -> None:
    """Delete a snapshot's record if it is the one that the state names; another's under the name stays.

    Args:
        client: The API.
        urn: The resource's URN.
        state: Its recorded outputs.
        log: Its status line.
        clock: Time.
        replaced_ids: The ids of the records that this run replaced, which a read replica may still show.

    Raises:
        APIError: The server can't be reached, or refused.
    """
    recorded = Recorded.of(state)
    if recorded.snapshot_id not in replaced_ids:
        record = look_while_fresh(client, state, clock)
        if record is not None and record.id == recorded.snapshot_id:
            client.delete_snapshot(recorded.name)
        elif record is not None and mark_of(record) != mark(urn):
            log.warn(f"the snapshot named {recorded.name!r} is not the one that this resource made; it stays as it is")
    client.delete_snapshot(scratch_name(urn))
