"""Update, read and delete snapshots that keep versions (`keep`): a change of content is an update.

The resource's id stays, and the state lists every record. An update creates the new record first and deletes versions
beyond `keep` last, so an interruption loses nothing. If a kept version already has the wanted content, it is used again
instead of a build. Each record that an update creates lists the ids of the versions in the state at that time, under a
key of its manifest that is not hashed. By these ids a later run recognises a record that an interrupted run created: it
uses the record if that has the wanted content, and deletes it otherwise.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import OpenComputerError, RunCancelledError, TimedOutError
from .concerns import tell_of_lost_patches
from .create_snapshot import SnapshotCreation
from .delete import Outcome, delete_snapshot
from .history import Version, beyond, history_of, kept_version, state_of, with_first
from .names import lineage_of
from .ownership import Ownership
from .read import is_kept_version_there
from .read_replica import get
from .status import MISSING
from .types import DEFAULT_TIMEOUT, Recorded

if TYPE_CHECKING:
    from ..api.records import Record
    from .build_job import Job
    from .log import ResourceLog
    from .run import Run
    from .work import Work

# Seconds that an update waits for the index to show a version that it deletes. After that the next run tries again.
_PATIENCE = 15.0
# A record of an interrupted run may have the hash of a variant of the content. So many variants are checked.
_MOST_VARIANTS = 5
# Seconds for a delete of everything, unless the resource's own limit says otherwise.
_DELETE_TIMEOUT = 3600.0


class Deadline:
    """A time limit that starts when the object is created.

    Attributes:
        seconds: The limit.
    """

    def __init__(self, seconds: Any, otherwise: float) -> None:
        """Start the time.

        Args:
            seconds: The limit in seconds; None or 0 if there is none.
            otherwise: The limit to use then.
        """
        self.seconds = float(seconds or otherwise)
        self._end = time.monotonic() + self.seconds

    @property
    def is_over(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() >= self._end


class VersionUpdate:
    """One update of a snapshot that keeps versions, or kept them so far."""

    def __init__(self, run: Run, urn: str, state: Mapping[str, Any], inputs: Mapping[str, Any], work: Work) -> None:
        """Prepare the update; nothing is sent.

        Args:
            run: The run.
            urn: The resource's URN.
            state: Its recorded outputs.
            inputs: Its checked inputs.
            work: The log, the time limit and the function that starts a build.
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
        """Switch to the wanted content: to a kept version, a record of an interrupted run, or a new record.

        Returns:
            The record, and the history that begins with it. Nothing is deleted yet.

        Raises:
            ConflictError: Someone else's record has the name.
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
        """Delete the versions beyond `keep`, and the records that interrupted updates left.

        A version that can't be deleted now stays in the history, and the next run tries again.

        Args:
            versions: The history, beginning with the version in use.

        Returns:
            The remaining versions.
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
        """Return the record of a kept version; None if sandboxes can't start from it any more."""
        client = self._run.client()
        record = get(client, kept.name)
        if record is None or record.id != kept.snapshot_id or not client.has_checkpoint(kept.name):
            return None
        self._run.account.require(record, self._state)
        return record

    def _make(self, job: Job) -> Record:
        job.lineage = tuple(each.snapshot_id for each in self._history)
        ownership = Ownership(self._urn, self._run.known, adopt=bool(self._inputs.get("adopt", False)))
        own, name = frozenset(job.lineage), str(self._inputs["name"])

        def is_own_and_ready(record: Record) -> bool:
            """Tell whether a record belongs to this resource, is ready and has the wanted content."""
            is_own = record.id in own or not lineage_of(record).isdisjoint(own)
            hashes = {job.hash_of(variant) for variant in range(_MOST_VARIANTS if job.has_variants else 1)}
            is_usable = record.is_ready and record.content_hash in hashes
            return is_own and is_usable and self._run.client().has_checkpoint(name)

        tell_of_lost_patches(job, Recorded.of(self._state), name, self._run.client())
        return SnapshotCreation(self._run, job, ownership, may_take=is_own_and_ready).run(name)

    def _is_broken(self, version: Version) -> bool:
        """Tell whether a version is the recorded one in use, and a refresh found that no sandbox can start from it."""
        recorded = self._history[0].snapshot_id
        return version.snapshot_id == recorded and self._state.get("status", "ready") != "ready"

    def _delete(self, version: Version, why: str) -> bool:
        if self._run.queue.is_cancelled or self._deadline.is_over:
            self._log.warn(f"no time was left to delete the version {version.name}, {why}; the next run deletes it")
            return False
        try:
            # Like a resource's own record, a version's is deleted only if its id is the recorded one.
            state = state_of(version, self._state)
            outcome = delete_snapshot(self._run, self._urn, state, self._log, wait=_PATIENCE)
        except OpenComputerError as error:
            self._log.warn(
                f"the version {version.name}, {why}, could not be deleted, and the next run tries again: {error}"
            )
            return False
        if outcome is Outcome.DELETED:
            self._log.info(f"deleted the version {version.name}, {why}")
        elif outcome is Outcome.GONE:
            self._log.info(f"the version {version.name}, {why}, is not at the server any more")
        elif outcome is Outcome.NOT_SHOWN:
            self._log.warn(
                f"the server's index does not show the version {version.name}, {why}: it was deleted before, or is too "
                "large for the index. It leaves the state"
            )
        return True

    def _delete_left(self, versions: Sequence[Version]) -> None:
        """Delete the records that interrupted updates left. If the list can't be read, the next change tries again."""
        ids = {each.snapshot_id for each in (*versions, *self._history)}
        try:
            left = self._run.named.left_of(self._urn, ids)
        except OpenComputerError:
            return
        if self._run.named.is_cut and self._run.account.is_public():
            self._log.info("the server lists at most 200 records, so records that an interrupted run left may remain")
        for record in left:
            self._delete(Version.of_record(record, record.content_hash), "which an interrupted run left")


def read_versions(
    run: Run, state: Mapping[str, Any], current: dict[str, Any] | None, log: ResourceLog
) -> dict[str, Any] | None:
    """Read which kept versions still exist.

    Args:
        run: The run.
        state: The recorded outputs.
        current: The outputs that a read returned for the version in use; None if that is gone.
        log: The resource's lines.

    Returns:
        The outputs; None if no version is left.

    Raises:
        APIError: The server can't be reached, or refused.
    """
    kept = []
    for version in history_of(state)[1:]:
        if is_kept_version_there(run, state_of(version, state), log):
            kept.append(version)
        else:
            log.warn(f"the kept version {version.name} no longer exists: somebody deleted it. It leaves the state")
    if current is not None:
        return {**current, "versions": [each.values for each in (history_of(state)[0], *kept)]}
    if not kept:
        return None
    log.warn(
        f"the version in use, {state.get('name')}, no longer exists: somebody deleted it. The next pulumi up creates "
        "it again; the kept versions stay"
    )
    return {**state, "status": MISSING, "versions": [each.values for each in kept]}


def delete_versions(run: Run, urn: str, state: Mapping[str, Any], log: ResourceLog) -> None:
    """Delete the kept versions, oldest first. Before that, delete the records that interrupted updates left.

    The version in use is not deleted here.

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
        log.info(f"a replacement begins a new history; deleting the versions of the old one: {names_of(history)}")
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
        delete_snapshot(run, urn, state_of(version, state), log)


def names_of(versions: Iterable[Version]) -> str:
    """Return the names of versions for a message, separated by commas."""
    return ", ".join(each.name for each in versions)


def _why(keep: Any) -> str:
    return "since no versions are kept any more" if keep is None else f"which is beyond keep={int(keep)}"
