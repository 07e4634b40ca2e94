"""read: what became of a record. Only a believed 404 means that it is gone; any error leaves the state."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .outputs import IMAGE, SNAPSHOT, refreshed
from .progress import ResourceLog
from .read_replica import FULL_LIST, SECOND_LOOK, age, is_past, look_for_recorded
from .types import Recorded
from .waiting import YOUNG, is_too_large, pauses
from .which_build import unnamed

if TYPE_CHECKING:
    from ..api.records import Record
    from .run import Run

#: The status that a refresh records when another's record stands under the name.
FOREIGN = "foreign"

#: The status that a refresh records when the image behind the resource is not there any more.
MISSING = "missing"

# Seconds in which the index shows the first record of a key.
_FIRST_SHOWN_WITHIN = 60.0

_NO_RECORDS = (
    "this API key has no records at all. If it is of another organisation, set the right one; else the next up makes "
    "the resource anew"
)


def read_snapshot(run: Run, state: Mapping[str, Any], log: ResourceLog) -> dict[str, Any] | None:
    """Read the outputs of a snapshot as the server has it now.

    Returns:
        The state with what the record says, or None if the record is gone. The recorded `snapshotId` stays.

    Raises:
        ConfigurationError: The key is of another organisation.
        APIError: The server can't be reached, or refused.
    """
    record = look_for_recorded(run.client(), state, run.clock, log)
    if record is None and _is_young(run, state) and _wait_for_any(run, state, log):
        record = look_for_recorded(run.client(), state, run.clock, log)
    run.account.require(record, state)
    return _not_found(run, state, log) if record is None else _found(run, state, record, log)


def _found(run: Run, state: Mapping[str, Any], record: Record, log: ResourceLog) -> dict[str, Any]:
    """What it means that a record stands under the name."""
    recorded = Recorded.of(state)
    if record.id == recorded.snapshot_id:
        return {**state, **refreshed(SNAPSHOT, record, state), "status": _status(record)}
    if is_past(record, recorded) and _is_young(run, state) and run.account.is_public():
        return dict(state)
    log.warn(
        f"another snapshot stands under the name {recorded.name!r} (id {record.id}, created {record.created_at}); "
        "the next up ends with a conflict, unless adopt is true, or an interrupted run of this very resource made it"
    )
    return {**state, "status": FOREIGN}


def _not_found(run: Run, state: Mapping[str, Any], log: ResourceLog) -> dict[str, Any] | None:
    """What it means that a record was not found in two looks."""
    if not run.account.has_any(state):
        log.warn(_NO_RECORDS)
        return {**state, "status": MISSING}
    if not run.account.is_public():
        return None
    if is_too_large(state.get("manifest")):
        log.info(
            "the manifest is larger than the public endpoint's index holds, so it can't be told whether the snapshot "
            "is still there; the state stays as it is"
        )
        return dict(state)
    if _is_young(run, state):
        log.info("made a short while ago, and not shown by the server's index yet; the state stays as it is")
        return dict(state)
    return None


def _is_young(run: Run, state: Mapping[str, Any]) -> bool:
    """Whether the public endpoint's index may not have heard of a record yet."""
    return age(state, run.clock.now()) < YOUNG


def _wait_for_any(run: Run, state: Mapping[str, Any], log: ResourceLog) -> bool:
    """Wait until a key that shows no records at all shows one: its first may not be in the index yet.

    Returns:
        Whether it showed none at first, and does now.
    """
    if run.account.has_any(state):
        return False
    for pause in pauses(_FIRST_SHOWN_WITHIN):
        log.status("the server shows no records at all yet; looking again")
        run.clock.sleep(pause)
        if run.account.has_any(state):
            return True
    return False


def _status(record: Record) -> str:
    """A record that says ready without an image is of no use: no sandbox starts from it."""
    return MISSING if record.status == "ready" and not record.is_ready else record.status


class ImageList:
    """The list of images, asked for once a run whatever the number of images; twice, if one of them is missing."""

    def __init__(self) -> None:
        self._looked_again = False
        self._lock = threading.Lock()
        self._records: Mapping[str, Record] | None = None
        self._whole = False
        self._newest: Record | None = None

    def read(self, run: Run, state: Mapping[str, Any], log: ResourceLog) -> dict[str, Any] | None:
        """Read the outputs of an image as the server has it now; None if its record is gone.

        Raises:
            ConfigurationError: The key is of another organisation.
            APIError: The server can't be reached, or refused.
        """
        record = self._find(run, str(state.get("builtHash") or state.get("contentHash")))
        run.account.require(self._newest, state)
        if record is not None:
            return {**state, **refreshed(IMAGE, record, state), "status": _status(record)}
        if not self._whole:
            return dict(state)
        if self._newest is None:
            log.warn(_NO_RECORDS)
            return {**state, "status": MISSING}
        return dict(state) if _is_young(run, state) and self._newest.cell_id is not None else None

    def _find(self, run: Run, wanted: str) -> Record | None:
        with self._lock:
            if self._records is None:
                self._fetch(run)
            if self._whole and wanted not in (self._records or {}) and not self._looked_again:
                self._looked_again = True
                run.clock.sleep(SECOND_LOOK)
                self._fetch(run)
            return (self._records or {}).get(wanted)

    def _fetch(self, run: Run) -> None:
        records = run.client().list_images()
        self._whole = records.is_whole and len(records) < FULL_LIST
        self._newest = next(iter(records), None)
        self._records = unnamed(records)
