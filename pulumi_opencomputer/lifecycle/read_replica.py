"""Look up a named record through an index that lags behind the server's writes."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ..errors import NotFoundError
from .log import ResourceLog
from .types import Clock, Recorded
from .waiting import pauses

if TYPE_CHECKING:
    from ..api.client import Client
    from ..api.records import Record

#: The public endpoint cuts lists at this length. Absence in such a list proves nothing.
FULL_LIST = 200

#: Seconds between two looks.
SECOND_LOOK = 5.0

_LOOKS_AT_PAST = 12


def look_for_recorded(client: Client, state: Mapping[str, Any], clock: Clock, log: ResourceLog) -> Record | None:
    """Return the record under a resource's name; None if there is none now and 5 s later.

    If the index still shows the previous record, it has not caught up yet, so keep looking for up to a minute.

    Args:
        client: The API.
        state: The resource's recorded outputs.
        clock: Time.
        log: The resource's lines.
    """
    clock, recorded = _telling(clock, log), Recorded.of(state)
    record = get(client, recorded.name)
    if record is None:
        clock.sleep(SECOND_LOOK)
        record = get(client, recorded.name)
    for _ in range(_LOOKS_AT_PAST):
        if record is None or not is_past(record, recorded):
            break
        clock.sleep(SECOND_LOOK)
        record = get(client, recorded.name)
    return record


def look_until_shown(
    client: Client,
    name: str,
    clock: Clock,
    *,
    recorded: Recorded | None = None,
    but_not: Collection[str] = (),
    before: Callable[[], object] = lambda: None,
) -> Record | None:
    """Return the record of an existing name; None if the index does not show it within two minutes.

    Args:
        client: The API.
        name: The name.
        clock: Time.
        recorded: The record in the state, if any. An older record that the index shows is ignored.
        but_not: The ids of records that are known to be deleted.
        before: Called before each further look. It may raise, which ends the wait.
    """
    record = get(client, name)
    for pause in pauses():
        if record is not None and record.id not in but_not and not is_past(record, recorded):
            break
        before()
        clock.sleep(pause)
        record = get(client, name)
    return record


def get(client: Client, name: str) -> Record | None:
    """Return the record under a name, without the lists and objects in its manifest; None if there is none."""
    try:
        return client.get_snapshot(name, with_manifest=False)
    except NotFoundError:
        return None


def is_past(record: Record, recorded: Recorded | None) -> bool:
    """Tell whether a record is older than the recorded one, so that the index may still show it after its deletion."""
    if recorded is None or record.id == recorded.snapshot_id:
        return False
    moment = _seconds(recorded.created_at)
    return moment is not None and record.age(moment) >= 0


def _telling(clock: Clock, log: ResourceLog) -> Clock:
    """Return a clock that shows a status line before each wait."""

    def sleep(seconds: float) -> None:
        log.status("not found; looking again, since the server's lists may lag")
        clock.sleep(seconds)

    return replace(clock, sleep=sleep)


def age(state: Mapping[str, Any], now: float) -> float:
    """Return the seconds since the record was created; infinite if the state does not say when."""
    created = _seconds(Recorded.of(state).created_at)
    return math.inf if created is None else now - created


def is_later(time: str, other: str) -> bool:
    """Tell whether a time is later than another one; False if either can't be read."""
    moment, before = _seconds(time), _seconds(other)
    return moment is not None and before is not None and moment > before


def _seconds(text: str) -> float | None:
    try:
        whole, _, decimals = text.rstrip("Z").partition(".")
        created = datetime.fromisoformat(whole).replace(tzinfo=timezone.utc)
        return created.timestamp() + float(f"0.{decimals or 0}")
    except ValueError:
        return None
