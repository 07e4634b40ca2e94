"""Looks at a named record through a read replica that lags behind the server's writes."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ..errors import NotFoundError
from .progress import ResourceLog
from .types import Clock, Recorded

if TYPE_CHECKING:
    from ..api.client import Client
    from ..api.records import Record

#: Lists are cut by the public endpoint: absence in one of this length proves nothing.
FULL_LIST = 200

#: Seconds between two looks.
SECOND_LOOK = 5.0

_YOUNG = 600.0
_YOUNG_LOOKS = 12
_FRESH = 60.0


def look_for_recorded(client: Client, state: Mapping[str, Any], clock: Clock, log: ResourceLog) -> Record | None:
    """Look for the record that a state names; None if it is gone.

    A record made in the last ten minutes may not have reached the replica: it is looked for longer.
    """
    looks = _YOUNG_LOOKS if _age(state, clock.now()) < _YOUNG else 1
    return _look(
        client,
        Recorded.of(state).name,
        looks,
        _telling(clock, log, looks),
        lambda record: not _may_be_past(record, state),
    )


def look_until_shown(client: Client, name: str, clock: Clock, *, but_not: Collection[str] = ()) -> Record | None:
    """Look for the record under a name that was said to be taken; None if it is not shown within a minute.

    Args:
        client: The API.
        name: The name.
        clock: Time.
        but_not: The ids of records that are known to be gone.
    """
    return _look(client, name, _YOUNG_LOOKS, clock, lambda record: record.id not in but_not)


def look_while_fresh(client: Client, state: Mapping[str, Any], clock: Clock) -> Record | None:
    """Look for the record under a recorded name; a 404 is not believed in the record's first minute."""
    fresh = _FRESH - _age(state, clock.now())
    looks = min(_YOUNG_LOOKS, math.ceil(max(0.0, fresh) / SECOND_LOOK))
    return _look(client, Recorded.of(state).name, looks, clock, lambda record: not _may_be_past(record, state))


def _telling(clock: Clock, log: ResourceLog, looks: int) -> Clock:
    """The clock, which says on the status line why time goes by."""

    def sleep(seconds: float) -> None:
        log.status(f"not found; looking again for up to {looks * SECOND_LOOK:.0f} s, since the server's lists may lag")
        clock.sleep(seconds)

    return replace(clock, sleep=sleep)


def _look(client: Client, name: str, more: int, clock: Clock, is_good: Callable[[Record], bool]) -> Record | None:
    """Look once, and up to `more` times as long as no good record is shown; return what was shown last."""
    record = None
    for look in range(more + 1):
        if look:
            clock.sleep(SECOND_LOOK)
        try:
            record = client.get_snapshot(name)
        except NotFoundError:
            record = None
        if record is not None and is_good(record):
            break
    return record


def _may_be_past(record: Record, state: Mapping[str, Any]) -> bool:
    """Whether a record may be the one that the recorded one replaced, which the replica still shows."""
    recorded = _seconds(state)
    if record.id == state.get("snapshotId") or recorded is None:
        return False
    return record.age(recorded) >= 0


def _age(state: Mapping[str, Any], now: float) -> float:
    """Seconds since the record was created."""
    created = _seconds(state)
    return math.inf if created is None else now - created


def _seconds(state: Mapping[str, Any]) -> float | None:
    try:
        whole, _, decimals = str(state.get("createdAt")).rstrip("Z").partition(".")
        created = datetime.fromisoformat(whole).replace(tzinfo=timezone.utc)
        return created.timestamp() + float(f"0.{decimals or 0}")
    except ValueError:
        return None
