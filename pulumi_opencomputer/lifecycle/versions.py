"""Snapshots that keep versions: a change of content is an update, which makes the new record first.

The resource's id stays, and the state names every record. What is superseded stays until more than `keep` are, and goes
last; so nothing that an interruption could lose is deleted before its successor is there. A record that is kept already
is taken as it is. One that an update made names the versions that the state had then (an unhashed key of its manifest),
so that what an interrupted run made is known for the resource's own: it is taken where it is the wanted content, and
deleted where it is not.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import OpenComputerError, RunCancelledError, TimedOutError
from .create_snapshot import SnapshotCreation
from .delete import delete_snapshot
from .history import Version, beyond, history_of, kept_version, with_first
from .names import lineage_of
from .ownership import Ownership
from .read import is_kept_version_there
from .read_replica import get
from .status import MISSING
from .types import DEFAULT_TIMEOUT

if TYPE_CHECKING:
    from ..api.records import Record
    from .build_job import Job
    from .log import ResourceLog
    from .run import Run
    from .work import Work

# Seconds for which an update waits until the index shows a record that it deletes; the next run tries again.
_PATIENCE = 15.0
# The variants of a content that a record of an interrupted run may be of.
_MOST_VARIANTS = 5
# Seconds for a delete of everything, unless the resource's own limit says otherwise.
_DELETE_TIMEOUT = 3600.0


class Deadline:
    """The end of a time limit."""

    def __init__(self, seconds: Any, otherwise: float) -> None:
        """Begin.

        Args:
            seconds: The limit, or nothing.
            otherwise: The limit where there is none.
        """
        self.seconds = float(seconds or otherwise)
        self._end = time.monotonic() + self.seconds

    @property
    def is_over(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() >= self._end


class VersionUpdate:
    """One update of a snapshot that keeps versions, or did."""

    def __init__(self, run: Run, urn: str, state: Mapping[str, Any], inputs: Mapping[str, Any], work: Work) -> None:
        """Prepare it; nothing is sent.

        Args:
            run: The run.
            urn: The resource's URN.
            state: Its outputs as recorded.
            inputs: Its checked inputs.
            work: What it works with.
        """
        self._run = run
        self._urn = urn
        self._state = state
        self._inputs = inputs
        self._log = work.log
        self._start = work.start
        self._deadline = Deadline(work.timeout, DEFAULT_TIMEOUT)
        self._history = history_of(state)

    def change(self) -> tuple[Record, tuple[Version, ...]]:
        """Put the wanted content in use: a version that is kept, what an interrupted run made, or a new record.

        Returns:
            The record, and the history with it in front; nothing is deleted yet.

        Raises:
            ConflictError: The name is another's.
            BuildFailedError: A step failed; nothing changed.
            APIError: The server can't be reached, or refused.
        """
        kept = kept_version(self._state, self._inputs)
        if kept and (record := self._find_kept(kept)):
            self._log.info(f"goes back to {kept.name}, made {kept.created_at}, which is kept: nothing is built")
            return record, with_first(kept, self._history)
        with self._start() as job:
            made = Version.of_record(record := self._make(job), job.content_hash)
        others = [each for each in self._history if each.snapshot_id not in self._run.replaced_ids]
        return record, with_first(made, others)

    def trim(self, versions: Sequence[Version]) -> tuple[Version, ...]:
        """Delete what is beyond `keep`, and what interrupted updates left.

        What can't be deleted now stays in the history, and the next run tries again.

        Returns:
            The versions that are left.
        """
        keep = self._inputs.get("keep")
        going = [*beyond(versions, keep), *(each for each in versions[1:] if self._is_broken(each))]
        left = []
        for version in reversed(list(dict.fromkeys(going))):
            why = "which no sandbox could start from" if self._is_broken(version) else _why(keep)
            if not self._delete(version, why):
                left.append(version)
        self._delete_left(versions)
        gone = {each.snapshot_id for each in going} - {each.snapshot_id for each in left}
        return tuple(each for each in versions if each.snapshot_id not in gone)

    def _find_kept(self, kept: Version) -> Record | None:
        """The record of a kept version, if sandboxes start from it."""
        client = self._run.client()
        record = get(client, kept.name)
        if record is None or record.id != kept.snapshot_id or not client.has_checkpoint(kept.name):
            return None
        self._run.account.require(record, self._state)
        return record

    def _make(self, job: Job) -> Record:
        job.lineage = tuple(each.snapshot_id for each in self._history)
        ownership = Ownership(self._urn, self._run.known, adopt=bool(self._inputs.get("adopt", False)))
        own = frozenset(job.lineage)

        def is_own_and_ready(record: Record) -> bool:
            """Whether a record is a version, or one that an interrupted update made, and serves as it is."""
            is_own = record.id in own or not lineage_of(record).isdisjoint(own)
            hashes = {job.hash_of(variant) for variant in range(_MOST_VARIANTS if job.has_variants else 1)}
            is_usable = record.is_ready and record.content_hash in hashes
            return is_own and is_usable and self._run.client().has_checkpoint(str(record.name))

        return SnapshotCreation(self._run, job, ownership, may_take=is_own_and_ready).run(str(self._inputs["name"]))

    def _is_broken(self, version: Version) -> bool:
        """Whether a version is the recorded one in use, which a refresh found to be of no use any more."""
        recorded = self._history[0].snapshot_id
        return version.snapshot_id == recorded and self._state.get("status", "ready") != "ready"

    def _delete(self, version: Version, why: str) -> bool:
        if self._run.queue.is_cancelled or self._deadline.is_over:
            self._log.warn(f"there was no time left to delete the version {version.name}, {why}; the next run does")
            return False
        try:
            # A version's record is deleted as a resource's own is: only if its id is the recorded one.
            state = {**self._state, **version.values}
            delete_snapshot(self._run, self._urn, state, self._log, wait=_PATIENCE)
        except OpenComputerError as error:
            self._log.warn(
                f"the version {version.name}, {why}, could not be deleted, and the next run tries again: {error}"
            )
            return False
        self._log.info(f"deleted the version {version.name}, {why}")
        return True

    def _delete_left(self, versions: Sequence[Version]) -> None:
        """Delete what interrupted updates left. Where the list can't be had, the next change finds it."""
        ids = {each.snapshot_id for each in (*versions, *self._history)}
        try:
            left = self._run.named.left_of(self._urn, ids)
        except OpenComputerError:
            return
        if self._run.named.is_cut and self._run.account.is_public():
            self._log.info(
                "the server lists 200 records and no more, so what an earlier run that was interrupted left may stay"
            )
        for record in left:
            self._delete(Version.of_record(record, record.content_hash), "which an interrupted run left")


def read_versions(
    run: Run, state: Mapping[str, Any], current: dict[str, Any] | None, log: ResourceLog
) -> dict[str, Any] | None:
    """Read which kept versions are still there.

    Args:
        run: The run.
        state: The outputs as recorded.
        current: What a read found of the version in use; None where it is gone.
        log: The status line.

    Returns:
        The outputs; None if no version is left.

    Raises:
        APIError: The server can't be reached, or refused.
    """
    kept = []
    for version in history_of(state)[1:]:
        if is_kept_version_there(run, {**state, **version.values}, log):
            kept.append(version)
        else:
            log.warn(f"the kept version {version.name} is not there any more: somebody deleted it. It leaves the state")
    if current is not None:
        return {**current, "versions": [each.values for each in (history_of(state)[0], *kept)]}
    if not kept:
        return None
    log.warn(
        f"the version in use, {state.get('name')}, is not there any more: somebody deleted it. The next up makes it "
        "again; the kept versions stay"
    )
    return {**state, "status": MISSING, "versions": [each.values for each in kept]}


def delete_versions(run: Run, urn: str, state: Mapping[str, Any], log: ResourceLog) -> None:
    """Delete the kept versions, the oldest first, and before them what interrupted updates left.

    Raises:
        TimedOutError: The resource's time limit is over.
        RunCancelledError: The run was cancelled.
        ConfigurationError: The key is of another organisation, or shows no records at all.
        APIError: The server can't be reached, or refused; the state still names what is left.
    """
    deadline = Deadline(state.get("deleteTimeout"), _DELETE_TIMEOUT)
    history = history_of(state)
    successor = run.known.of(urn)
    if successor and successor.snapshot_id != history[0].snapshot_id and len(history) > 1:
        log.info(f"a replacement begins a new history of versions; deleting {names_of(history)} of the old one")
    left = run.named.left_of(urn, {each.snapshot_id for each in history})
    known = [Version.of_record(record, record.content_hash) for record in left]
    for version in (*known, *reversed(history[1:])):
        if run.queue.is_cancelled:
            raise RunCancelledError
        if deadline.is_over:
            raise TimedOutError(
                f"Not all versions could be deleted within {deadline.seconds:g} s. The state keeps them; run the same "
                "command again, or raise the resource's limit (customTimeouts.delete)."
            )
        delete_snapshot(run, urn, {**state, **version.values}, log)


def names_of(versions: Iterable[Version]) -> str:
    """The names of versions, for people."""
    return ", ".join(each.name for each in versions)


def _why(keep: Any) -> str:
    return "since no versions are kept any more" if keep is None else f"which is beyond keep={int(keep)}"
