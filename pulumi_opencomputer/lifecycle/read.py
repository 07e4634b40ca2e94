"""read: what became of a row. Only a believed 404 means that it is gone; any error leaves the state."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ..errors import AnswerTooLargeError, NotFoundError
from .build_with_recovery import LIST_LIMIT, Clock
from .progress import ResourceLog
from .types import Recorded

if TYPE_CHECKING:
    from ..api.client import Client
    from ..api.records import Row

#: Lists are cut by the public endpoint: absence in one of this length proves nothing.
FULL_LIST = 200

_SECOND_LOOK = 5.0
_YOUNG = 600.0
_YOUNG_LOOKS = 12
_FRESH = 60.0

#: The status that a refresh records when another row stands under the name.
FOREIGN = "foreign"


def read_snapshot(client: Client, state: Mapping[str, Any], clock: Clock, log: ResourceLog) -> dict[str, Any] | None:
    """The outputs of a snapshot as the server has it now.

    Returns:
        The state with what the row says, or None if the row is gone. The recorded `snapshotId` stays.

    Raises:
        APIError: The server can't be reached, or refused.
    """
    recorded = Recorded.of(state)
    looks = _YOUNG_LOOKS if _age(state, clock.now()) < _YOUNG else 1
    row = _look(client, recorded.name, looks, _telling(clock, log, looks), lambda row: not _may_be_past(row, state))
    if row is None:
        return None
    if row.id != recorded.snapshot_id:
        log.warn(
            f"another snapshot stands under the name {recorded.name!r} (id {row.id}, created {row.created_at}); "
            "the next up ends with a conflict, unless adopt is true"
        )
        return {**state, "status": FOREIGN}
    return {**state, **row_outputs(row)}


def _telling(clock: Clock, log: ResourceLog, looks: int) -> Clock:
    """The clock, which says on the row why time goes by."""

    def sleep(seconds: float) -> None:
        log.status(f"not found; looking again for up to {looks * _SECOND_LOOK:.0f} s, since the server's lists may lag")
        clock.sleep(seconds)

    return replace(clock, sleep=sleep)


def look_until_shown(client: Client, name: str, clock: Clock, *, but_not: Collection[str] = ()) -> Row | None:
    """The row under a name that was said to be taken; None if the mirror does not show it in a minute.

    Args:
        client: The API.
        name: The name.
        clock: Time.
        but_not: The ids of rows that are known to be gone.
    """
    return _look(client, name, _YOUNG_LOOKS, clock, lambda row: row.id not in but_not)


def look_while_fresh(client: Client, state: Mapping[str, Any], clock: Clock) -> Row | None:
    """The row that stands under a recorded name; a 404 is not believed in the row's first minute."""
    fresh = _FRESH - _age(state, clock.now())
    looks = min(_YOUNG_LOOKS, math.ceil(max(0.0, fresh) / _SECOND_LOOK))
    return _look(client, Recorded.of(state).name, looks, clock, lambda row: not _may_be_past(row, state))


def _look(client: Client, name: str, more: int, clock: Clock, is_good: Callable[[Row], bool]) -> Row | None:
    """The row that a name has, as lists and rows come from a mirror that lags.

    Looks once, and `more` times as long as there is none or one that is not good; then gives the last one.
    """
    row = None
    for look in range(more + 1):
        if look:
            clock.sleep(_SECOND_LOOK)
        try:
            row = client.get_snapshot(name)
        except NotFoundError:
            row = None
        if row is not None and is_good(row):
            break
    return row


def _may_be_past(row: Row, state: Mapping[str, Any]) -> bool:
    """Whether a row may be the one that the recorded one replaced, which a mirror showed late."""
    recorded = _seconds(state)
    if row.id == state.get("snapshotId") or recorded is None:
        return False
    return row.age(recorded) >= 0


def _age(state: Mapping[str, Any], now: float) -> float:
    """Seconds since the row was created."""
    created = _seconds(state)
    return math.inf if created is None else now - created


def _seconds(state: Mapping[str, Any]) -> float | None:
    try:
        whole, _, decimals = str(state.get("createdAt")).rstrip("Z").partition(".")
        created = datetime.fromisoformat(whole).replace(tzinfo=timezone.utc)
        return created.timestamp() + float(f"0.{decimals or 0}")
    except ValueError:
        return None


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
            wanted = str(state.get("builtHash") or state.get("contentHash"))
            if self._whole and wanted not in (self._rows or {}) and not self._looked_again:
                self._looked_again = True
                self._clock.sleep(_SECOND_LOOK)
                self._fetch()
            row, whole = (self._rows or {}).get(wanted), self._whole
        if row is None:
            return None if whole else dict(state)
        return {**state, "status": row.status}

    def _fetch(self) -> None:
        try:
            rows = self._client().list_images(with_manifests=False, limit=LIST_LIMIT)
        except AnswerTooLargeError:
            self._rows, self._whole = {}, False
            return
        self._whole = len(rows) < FULL_LIST
        self._rows = {row.content_hash: row for row in reversed(rows) if row.name is None}
