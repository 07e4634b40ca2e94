"""Delete a snapshot's record, but only the one that the state names.

The public endpoint refuses to delete a record that its index does not show. The wording of that error differs from the
error for a record that does not exist, so the two cases can be told apart.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError, RunCancelledError, UnavailableError
from .log import ResourceLog
from .names import mark, mark_of, predecessor_of
from .read_replica import age, get, is_past
from .types import Recorded
from .waiting import LONGEST_WAIT, YOUNG, is_too_large, may_be_too_large, pauses

if TYPE_CHECKING:
    from ..api.client import Deleted
    from ..api.records import Record
    from .run import Run

_SECOND_LOOK = 5.0
# Seconds to wait for a yes to a request by id. The index usually lags less than a second, and it is not certain that
# the public endpoint answers such requests for named records at all.
_CONFIRMED_WITHIN = 10.0


class Outcome(enum.Enum):
    """What became of a record."""

    DELETED = "deleted"
    """It was there, and is deleted."""

    GONE = "gone"
    """It was deleted before."""

    NOT_SHOWN = "not shown"
    """The public endpoint's index does not show it, although it had time to: it was deleted before, or it is too large
    for the index."""

    LEFT = "left"
    """It can't be deleted, or another one has the name. A warning says so."""


def delete_snapshot(
    run: Run, urn: str, state: Mapping[str, Any], log: ResourceLog, *, wait: float = LONGEST_WAIT
) -> Outcome:
    """Delete a snapshot's record if it is the one that the state names. Someone else's record under the name stays.

    Args:
        run: The run.
        urn: The resource's URN.
        state: Its recorded outputs.
        log: Its lines.
        wait: The maximum number of seconds to wait for the index to show the record.

    Returns:
        What became of the record.

    Raises:
        ConfigurationError: The key belongs to another organisation, or shows no records at all.
        RunCancelledError: The run was cancelled while it was uncertain whose the name is.
        APIError: The server can't be reached, refused, or does not show the record yet.
    """
    recorded = Recorded.of(state)
    # A run that was cut off after a replacement leaves the delete of the old record to the next one, and by then the
    # name is the successor's. The engine registers the program's resources, and so shows their states, before such
    # deletes.
    if recorded.snapshot_id in run.replaced_ids or run.known.has_successor(recorded):
        return Outcome.GONE
    return _Deletion(run, urn, state, log, wait).run()


def is_out_of_reach(found: Deleted) -> bool:
    """Tell whether a delete found nothing in the index. That proves nothing about a record created a moment ago."""
    return found.name in ("NOT_IN_INDEX", "UNCERTAIN")


class _Deletion:
    """One delete of one record."""

    def __init__(self, run: Run, urn: str, state: Mapping[str, Any], log: ResourceLog, wait: float) -> None:
        self._run = run
        self._wait = wait
        self._urn = urn
        self._state = state
        self._log = log
        self._recorded = Recorded.of(state)
        self._was_shown = False

    def run(self) -> Outcome:
        outcome = self._try()
        if outcome is None and not self._was_shown and is_too_large(self._state.get("manifest")):
            return self._leave_too_large("is")
        if outcome is None and (self._was_shown or age(self._state, self._run.clock.now()) >= YOUNG):
            # The index showed the record just now, or had ten minutes to show it. So a second look decides.
            self._run.clock.sleep(_SECOND_LOOK)
            outcome = self._try() or self._judge_not_shown()
        return outcome or self._wait_until_shown()

    def _wait_until_shown(self) -> Outcome:
        name = self._recorded.name
        for pause in pauses(self._wait):
            if self._run.queue.is_cancelled:
                break
            self._log.status(f"waiting until the server's index shows {name}, which was made a moment ago")
            self._run.clock.sleep(pause)
            if (outcome := self._try()) is not None:
                return outcome
        error = UnavailableError(
            f"The snapshot named {name!r} was made a short while ago, and the server's index does not show it yet, so "
            "it can't be deleted. It stays in the state; run the same command again in a few minutes."
        )
        if self._run.account.newest() is None:
            error.add_hint("The API key shows no records at all: make sure that it is of the right organisation.")
        raise error

    def _judge_not_shown(self) -> Outcome:
        """Return what became of a record that the index had to show, and twice did not."""
        if self._was_shown:
            return Outcome.GONE
        if may_be_too_large(self._state.get("manifest")):
            return self._leave_too_large("may be")
        self._require_records()
        return Outcome.NOT_SHOWN

    def _leave_too_large(self, is_or_may_be: str) -> Outcome:
        self._log.warn(
            f"the snapshot named {self._recorded.name!r} can't be deleted: its manifest {is_or_may_be} larger than the "
            "public endpoint's index holds, so the server does not find it. It leaves the state; sandboxes still start "
            "from it"
        )
        return Outcome.LEFT

    def _try(self) -> Outcome | None:
        """Try to delete the record; None if the index does not show it."""
        client, name = self._run.client(), self._recorded.name
        record = self._get()
        if record is not None and not self._is_recorded(record):
            return self._leave(record)
        found = client.delete_snapshot(name)
        if is_out_of_reach(found):
            self._run.account.require(self._run.account.newest(), self._state)
            return None
        if not found and record is None:
            self._require_records()
        return Outcome.DELETED if found else Outcome.GONE

    def _is_recorded(self, record: Record) -> bool:
        """Tell whether a record is the one that the state names.

        A record that names it as its predecessor is not deleted: the delete may be a provider's that no longer serves
        the resource, such as an earlier version's, and then another process has made the successor for the program.
        """
        return record.id == self._recorded.snapshot_id

    def _get(self) -> Record | None:
        """Return the record under the name, once it is certain that the name is not another one's by now.

        A delete goes by the name, and the public endpoint's index may still show the recorded one while the name is
        already someone else's. The request by id goes through to the cell, so its yes is certain. Its no is not:
        another cell may have answered. So after a no, wait a little for the index to catch up.
        """
        record = self._look()
        for pause in pauses(min(self._wait, _CONFIRMED_WITHIN)):
            if record is None or not self._is_uncertain(record):
                return record
            if self._run.queue.is_cancelled:
                raise RunCancelledError
            self._log.status(f"waiting until it is certain that {self._recorded.name} is still the same snapshot")
            self._run.clock.sleep(pause)
            record = self._look()
        if record is not None and self._is_recorded(record):
            # Don't wait for each record if this endpoint answers no request by id.
            self._run.asks_by_id = False
        return record

    def _look(self) -> Record | None:
        record = get(self._run.client(), self._recorded.name)
        self._run.account.require(record, self._state)
        self._was_shown |= record is not None and self._is_recorded(record)
        return record

    def _is_uncertain(self, record: Record) -> bool:
        """Tell whether the index shows a record of this resource, but the cell does not confirm it."""
        is_shown = self._is_recorded(record) and record.cell_id is not None and record.is_ready
        return is_shown and self._run.asks_by_id and not self._run.client().has_checkpoint_of(record.id)

    def _leave(self, record: Record) -> Outcome | None:
        """Leave another record alone; return None if it is only an older record that the index still shows."""
        if is_past(record, self._recorded):
            return None
        name = self._recorded.name
        if mark_of(record) != mark(self._urn):
            if predecessor_of(record) != self._recorded.snapshot_id:
                self._log.warn(f"the snapshot named {name!r} is not the one that this resource made; it stays as it is")
        elif record.age(self._run.clock.now()) > self._run.elapsed():
            # One that is younger was just made for the program, perhaps by another provider process.
            self._log.warn(
                f"the snapshot named {name!r} has this resource's mark, but its id is {record.id}, and the state "
                f"records {self._recorded.snapshot_id}; it stays as it is. If a cut-off run of this stack made it, "
                f"delete it with DELETE /api/snapshots/{name}"
            )
        return Outcome.LEFT

    def _require_records(self) -> None:
        """Check that the key shows records of the same organisation. Otherwise a 404 proves nothing.

        Raises:
            ConfigurationError: It shows none, or records of another organisation.
        """
        if self._state.get("orgId") and not self._run.account.has_any(self._state):
            raise ConfigurationError(
                "The API key has no records at all: it may belong to another organisation than this resource "
                f"({self._state['orgId']}). Nothing was changed. Set the key of that organisation "
                "(opencomputer:apiKey or OPENCOMPUTER_API_KEY); if the records are really gone, remove the resource "
                "from the state with: pulumi state delete <urn>"
            )
