"""What interrupted updates of snapshots that keep versions have left, found by one list a run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from .names import Origin, lineage_of, origin_of
from .read_replica import FULL_LIST

if TYPE_CHECKING:
    from ..api.client import Client
    from ..api.records import Record

# What an interrupted run left is among the newest; the list holds every embedded file of every snapshot.
_MOST_BYTES = 64 * 1024 * 1024
_MOST_SECONDS = 10.0


class NamedList:
    """The list of named records, asked for once a run; thread-safe.

    Records that this run made itself may be missing, and those that it deleted may be there.
    """

    def __init__(self, client: Callable[[], Client]) -> None:
        """Prepare it; nothing is sent.

        Args:
            client: Gives the API.
        """
        self._client = client
        self._records: Sequence[Record] | None = None
        self._lock = threading.Lock()

    def left_of(self, urn: str, ids: Collection[str]) -> Sequence[Record]:
        """The records that updates of a resource made, but that its state does not name, the newest first.

        An update that is interrupted leaves one: it names the versions that the state had then. One that another stack
        made, as from a copy of the state, is not among them.

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
        """Whether the list is as long as the public endpoint's lists can be, so that it may not be whole."""
        return len(self._records or ()) >= FULL_LIST

    def _all(self) -> Sequence[Record]:
        with self._lock:
            if self._records is None:
                self._records = self._client().list_snapshots(limit=_MOST_BYTES, seconds=_MOST_SECONDS)
            return self._records


def _stack(origin: Origin) -> tuple[str, str]:
    return origin.project, origin.stack
