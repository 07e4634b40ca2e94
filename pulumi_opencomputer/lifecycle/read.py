"""read: what became of a record. Only a believed 404 means that it is gone; any error leaves the state."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import AnswerTooLargeError
from .outputs import IMAGE, SNAPSHOT, refreshed
from .progress import ResourceLog
from .read_replica import FULL_LIST, SECOND_LOOK, look_for_recorded
from .types import Clock, Recorded
from .which_build import LIST_LIMIT, unnamed

if TYPE_CHECKING:
    from ..api.client import Client
    from ..api.records import Record

#: The status that a refresh records when another's record stands under the name.
FOREIGN = "foreign"


def read_snapshot(client: Client, state: Mapping[str, Any], clock: Clock, log: ResourceLog) -> dict[str, Any] | None:
    """Read the outputs of a snapshot as the server has it now.

    Returns:
        The state with what the record says, or None if the record is gone. The recorded `snapshotId` stays.

    Raises:
        APIError: The server can't be reached, or refused.
    """
    recorded = Recorded.of(state)
    record = look_for_recorded(client, state, clock, log)
    if record is None:
        return None
    if record.id != recorded.snapshot_id:
        log.warn(
            f"another snapshot stands under the name {recorded.name!r} (id {record.id}, created {record.created_at}); "
            "the next up ends with a conflict, unless adopt is true"
        )
        return {**state, "status": FOREIGN}
    return {**state, **refreshed(SNAPSHOT, record)}


class ImageList:
    """The list of images, asked for once a run whatever the number of images; twice, if one of them is missing."""

    def __init__(self, client: Callable[[], Client], clock: Clock) -> None:
        """Prepare it; nothing is sent.

        Args:
            client: Gives the API.
            clock: Time.
        """
        self._client = client
        self._clock = clock
        self._looked_again = False
        self._lock = threading.Lock()
        self._records: Mapping[str, Record] | None = None
        self._whole = False

    def read(self, state: Mapping[str, Any]) -> dict[str, Any] | None:
        """Read the outputs of an image as the server has it now; None if its record is gone.

        Raises:
            APIError: The server can't be reached, or refused.
        """
        with self._lock:
            if self._records is None:
                self._fetch()
            wanted = str(state.get("builtHash") or state.get("contentHash"))
            if self._whole and wanted not in (self._records or {}) and not self._looked_again:
                self._looked_again = True
                self._clock.sleep(SECOND_LOOK)
                self._fetch()
            record, whole = (self._records or {}).get(wanted), self._whole
        if record is None:
            return None if whole else dict(state)
        return {**state, **refreshed(IMAGE, record)}

    def _fetch(self) -> None:
        try:
            records = self._client().list_images(limit=LIST_LIMIT)
        except AnswerTooLargeError:
            self._records, self._whole = {}, False
            return
        self._whole = records.is_whole and len(records) < FULL_LIST
        self._records = unnamed(records)
