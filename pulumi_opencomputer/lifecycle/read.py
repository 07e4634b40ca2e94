"""Read a snapshot's current record. Only a 404 that can be trusted means that it is gone; any error keeps the state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .log import ResourceLog
from .outputs import SNAPSHOT, maker, refreshed
from .read_replica import age, is_past, look_for_recorded
from .status import FOREIGN, MISSING, NO_RECORDS, status_of
from .types import Recorded
from .waiting import YOUNG, may_be_too_large, pauses

if TYPE_CHECKING:
    from ..api.records import Record
    from .run import Run

# Seconds to wait for the index to show the first record of a key.
_FIRST_SHOWN_WITHIN = 60.0


def read_snapshot(run: Run, state: Mapping[str, Any], log: ResourceLog) -> dict[str, Any] | None:
    """Read the outputs of a snapshot as the server has it now.

    Args:
        run: The run.
        state: The recorded outputs.
        log: The resource's lines.

    Returns:
        The state, updated from the record; None if the record is gone. The recorded `snapshotId` never changes.

    Raises:
        ConfigurationError: The key belongs to another organisation.
        APIError: The server can't be reached, or refused.
    """
    record = look_for_recorded(run.client(), state, run.clock, log)
    if record is None and _is_young(run, state) and _wait_for_any(run, state, log):
        record = look_for_recorded(run.client(), state, run.clock, log)
    run.account.require(record, state)
    return _not_found(run, state, log) if record is None else _found(run, state, record, log)


def is_kept_version_there(run: Run, state: Mapping[str, Any], log: ResourceLog) -> bool:
    """Tell whether a superseded version still exists; True in doubt.

    Args:
        run: The run.
        state: The resource's outputs, with the values of this version instead of those of the one in use.
        log: The resource's lines.

    Raises:
        ConfigurationError: The key belongs to another organisation.
        APIError: The server can't be reached, or refused.
    """
    record = look_for_recorded(run.client(), state, run.clock, log)
    run.account.require(record, state)
    if record is None:
        return _not_found(run, state, log) is not None
    recorded = Recorded.of(state)
    is_lagging = is_past(record, recorded) and _is_young(run, state) and run.account.is_public()
    return record.id == recorded.snapshot_id or is_lagging


def _found(run: Run, state: Mapping[str, Any], record: Record, log: ResourceLog) -> dict[str, Any]:
    """Return the new state if there is a record under the name."""
    recorded = Recorded.of(state)
    if record.id == recorded.snapshot_id:
        return {**state, **refreshed(SNAPSHOT, record, state), "status": status_of(record)}
    if is_past(record, recorded) and _is_young(run, state) and run.account.is_public():
        return dict(state)
    log.warn(
        f"another snapshot has the name {recorded.name!r} (id {record.id}, created {record.created_at}, "
        f"{maker(record)}): {_contents(state, record)}; the next pulumi up ends with a conflict, unless adopt is true "
        "or an interrupted run of this resource created it"
    )
    return {**state, "status": FOREIGN}


def _contents(state: Mapping[str, Any], record: Record) -> str:
    """Describe the content of a record that has replaced the recorded one."""
    built, declared = str(state.get("builtHash") or ""), str(state.get("contentHash") or "")
    if record.content_hash in (built, declared):
        return f"it holds the same content, {record.content_hash[:12]}"
    return f"it holds the content {record.content_hash[:12]}, and this resource's is {declared[:12]}"


def _not_found(run: Run, state: Mapping[str, Any], log: ResourceLog) -> dict[str, Any] | None:
    """Return the new state if no record was found under the name, twice; None if the record is gone."""
    if not run.account.has_any(state):
        log.warn(NO_RECORDS)
        return {**state, "status": MISSING}
    if not run.account.is_public():
        return None
    if may_be_too_large(state.get("manifest")):
        log.info(
            "the manifest is too large for the public endpoint's index, or almost, so it is unknown whether the "
            "snapshot still exists; the state stays as it is"
        )
        return dict(state)
    if _is_young(run, state):
        log.info("created a short while ago, and the server's index does not show it yet; the state stays as it is")
        return dict(state)
    return None


def _is_young(run: Run, state: Mapping[str, Any]) -> bool:
    """Tell whether a record is so young that the public endpoint's index may not show it yet."""
    return age(state, run.clock.now()) < YOUNG


def _wait_for_any(run: Run, state: Mapping[str, Any], log: ResourceLog) -> bool:
    """Wait until a key that shows no records shows one: its first record may not be in the index yet.

    Returns:
        Whether the key showed none at first and shows one now.
    """
    if run.account.has_any(state):
        return False
    for pause in pauses(_FIRST_SHOWN_WITHIN):
        log.status("the server shows no records at all yet; looking again")
        run.clock.sleep(pause)
        if run.account.has_any(state):
            return True
    return False
