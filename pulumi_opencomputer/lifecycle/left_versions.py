"""Find records that interrupted updates of snapshots with versions have left, with one list request a run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from .names import Origin, lineage_of, origin_of
from .read_replica import FULL_LIST

if TYPE_CHECKING:
    from ..api.client import Client
    from ..api.records import Record

# Limits, because the list contains every embedded file of every snapshot. What an interrupted run left is among the
# newest records, which come first.
_MOST_BYTES = 64 * 1024 * 1024
_MOST_SECONDS = 10.0


class NamedList:
    """The list of named records, requested once a run; thread-safe.

    It may lack records that this run created, and contain some that it deleted.
    """

    def __init__(self, client: Callable[[], Client]) -> None:
        """Prepare the list; nothing is sent.

        Args:
            client: Returns the API's client.
        """
        self._client = client
        self._records: Sequence[Record] | None = None
        self._lock = threading.Lock()

    def left_of(self, urn: str, ids: Collection[str]) -> Sequence[Record]:
        """Return the records that updates of a resource created but its state does not name, newest first.

        An interrupted update leaves such a record. It is recognised by the ids of the versions that were in the state
        at that time. Records that another stack created, for example from a copy of the state, are left out.

        Args:
            urn: The resource's URN.
            ids: The ids of all records that its state names.

        Raises:
            APIError: The server can't be reached, or refused.
        """
        own = Origin.of_urn(urn)
        return [
            record
            for record in self._all()
            if record.name
            and record.id not in ids
            and not lineage_of(record).isdisjoint(ids)
            and _stack(origin_of(record)) == _stack(own)
        ]

    @property
    def is_cut(self) -> bool:
        """Whether the list has the maximum length of the public endpoint's lists, so that it may be incomplete."""
        return len(self._records or ()) >= FULL_LIST

    def _all(self) -> Sequence[Record]:
        with self._lock:
            if self._records is None:
                self._records = self._client().list_snapshots(limit=_MOST_BYTES, seconds=_MOST_SECONDS)
            return self._records


def _stack(origin: Origin) -> tuple[str, str]:
    return origin.project, origin.stack
