"""Looks at a named record through an index that lags behind the server's writes."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ..errors import NotFoundError
from .progress import ResourceLog
from .types import Clock, Recorded
from .waiting import pauses

if TYPE_CHECKING:
    from ..api.client import Client
    from ..api.records import Record

#: Lists are cut by the public endpoint: absence in one of this length proves nothing.
FULL_LIST = 200

#: Seconds between two looks.
SECOND_LOOK = 5.0

_LOOKS_AT_PAST = 12


def look_for_recorded(client: Client, state: Mapping[str, Any], clock: Clock, log: ResourceLog) -> Record | None:
    """Look for the record that a state names; None if it is not there, nor 5 s later.

    Where the record before it is shown, the index has not caught up yet: that is looked at for up to a minute.
    """
    clock = _telling(clock, log)
    record = _get(client, state)
    if record is None:
        clock.sleep(SECOND_LOOK)
        record = _get(client, state)
    for _ in range(_LOOKS_AT_PAST):
        if record is None or not may_be_past(record, state):
            break
        clock.sleep(SECOND_LOOK)
        record = _get(client, state)
    return record


def look_until_shown(
    client: Client,
    name: str,
    clock: Clock,
    *,
    but_not: Collection[str] = (),
    before: Callable[[], object] = lambda: None,
) -> Record | None:
    """Look for the record under a name that was said to be taken; None if it is not shown within two minutes.

    Args:
        client: The API.
        name: The name.
        clock: Time.
        but_not: The ids of records that are known to be gone.
        before: Called before each further look; may raise.
    """
    record = _get(client, {"name": name})
    for pause in pauses():
        if record is not None and record.id not in but_not:
            return record
        before()
        clock.sleep(pause)
        record = _get(client, {"name": name})
    return record


def _telling(clock: Clock, log: ResourceLog) -> Clock:
    """The clock, which says on the status line why time goes by."""

    def sleep(seconds: float) -> None:
        log.status("not found; looking again, since the server's lists may lag")
        clock.sleep(seconds)

    return replace(clock, sleep=sleep)


def _get(client: Client, state: Mapping[str, Any]) -> Record | None:
    try:
        return client.get_snapshot(Recorded.of(state).name, with_manifest=False)
    except NotFoundError:
        return None


def may_be_past(record: Record, state: Mapping[str, Any]) -> bool:
    """Whether a record may be the one that the recorded one replaced, which the index still shows."""
    recorded = _seconds(state)
    if record.id == state.get("snapshotId") or recorded is None:
        return False
    return record.age(recorded) >= 0


def age(state: Mapping[str, Any], now: float) -> float:
    """Seconds since the record was created; for ever where the state does not say when."""
    created = _seconds(state)
    return math.inf if created is None else now - created


def _seconds(state: Mapping[str, Any]) -> float | None:
    try:
        whole, _, decimals = str(state.get("createdAt")).rstrip("Z").partition(".")
        created = datetime.fromisoformat(whole).replace(tzinfo=timezone.utc)
        return created.timestamp() + float(f"0.{decimals or 0}")
    except ValueError:
        return None
