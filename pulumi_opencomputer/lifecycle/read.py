"""read: what became of a row. Only a believed 404 means that it is gone; any error leaves the state."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

from ..answers import Row
from ..client import Client
from ..errors import AnswerTooLargeError, NotFoundError
from .builds import LIST_LIMIT, Clock
from .types import Recorded

#: Lists are cut by the public endpoint: absence in one of this length proves nothing.
FULL_LIST = 200

_SECOND_LOOK = 5.0
_YOUNG = 600.0
_YOUNG_LOOKS = 12

#: The status that a refresh records when another row stands under the name.
FOREIGN = "foreign"


def read_snapshot(client: Client, state: Mapping[str, Any], clock: Clock) -> dict[str, Any] | None:
    """The outputs of a snapshot as the server has it now.

    Returns:
        The state with what the row says, or None if the row is gone. The recorded `snapshotId` stays.

    Raises:
        APIError: The server can't be reached, or refused.
    """
    recorded = Recorded.of(state)
    row = _look(client, recorded.name, _is_young(state, clock.now()), clock)
    if row is None:
        return None
    if row.id != recorded.snapshot_id:
        return {**state, "status": FOREIGN}
    return {**state, **row_outputs(row)}


def _look(client: Client, name: str, young: bool, clock: Clock) -> Row | None:
    """The row, or None once the 404 is believed: lists and rows come from a mirror that lags."""
    for look in range((_YOUNG_LOOKS if young else 1) + 1):
        if look:
            clock.sleep(_SECOND_LOOK)
        try:
            return client.get_snapshot(name)
        except NotFoundError:
            continue
    return None


def _is_young(state: Mapping[str, Any], now: float) -> bool:
    try:
        created = datetime.fromisoformat(str(state.get("createdAt")).partition(".")[0].rstrip("Z"))
    except ValueError:
        return False
    return now - created.replace(tzinfo=timezone.utc).timestamp() < _YOUNG


def row_outputs(row: Row) -> dict[str, Any]:
    """What a row says that can change without another content."""
    outputs = {
        "status": row.status,
        "checkpointId": row.checkpoint_id,
        "createdAt": row.created_at,
        "lastUsedAt": row.last_used_at,
    }
    return {key: value for key, value in outputs.items() if value is not None}


class ImageList:
    """The list of images, asked for once a run whatever the number of images."""

    def __init__(self, client: Callable[[], Client]) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._rows: dict[str, Row] | None = None
        self._whole = False

    def read(self, state: Mapping[str, Any]) -> dict[str, Any] | None:
        """The outputs of an image as the server has it now, or None if its row is gone.

        Raises:
            APIError: The server can't be reached, or refused.
        """
        with self._lock:
            if self._rows is None:
                self._fetch()
            rows, whole = self._rows or {}, self._whole
        row = rows.get(str(state.get("builtHash") or state.get("contentHash")))
        if row is None:
            return None if whole else dict(state)
        return {**state, "status": row.status}

    def _fetch(self) -> None:
        try:
            rows = self._client().list_images(with_manifests=False, limit=LIST_LIMIT)
        except AnswerTooLargeError:
            self._rows = {}
            return
        self._whole = len(rows) < FULL_LIST
        self._rows = {row.content_hash: row for row in reversed(rows) if row.name is None}
