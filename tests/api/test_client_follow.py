"""What becomes of a build whose connection was lost: its row is looked up."""

from __future__ import annotations

from typing import Any

import pytest

from pulumi_opencomputer import errors
from pulumi_opencomputer.api.client import Client, Record
from wire import (
    HASH,
    Wire,
    answer,
    hang_up,
    plays,
    row,
)


def follow(client: Client, **options: Any) -> Record:
    return client.wait_for("tools", HASH, **{"timeout": 60.0} | options)


GONE = plays(answer(404, {"error": "snapshot not found"}))


def test_a_lost_build_is_followed_by_its_row(connect, clock):
    """A row that is not there yet, is of other content, building, or can't be asked for is looked up again."""
    scripts = (
        GONE,
        hang_up,
        plays(answer(502, b"")),
        plays(answer(200, row(status="building", checkpointId=None))),
        plays(answer(200, row(contentHash="cd" * 32))),
        plays(answer(200, row())),
    )
    with Wire(*scripts) as server:
        assert follow(connect(server)).id == "row-1"
    assert len(server.requests) == 6
    assert clock.slept == [0.5, 0.75, 1.125, 1.6875, 2.53125]


def test_a_build_that_failed_unseen_is_told(connect):
    """The row of a failed build has no reason; the next run shows it."""
    with (
        Wire(plays(answer(200, row(status="failed", checkpointId=None)))) as server,
        pytest.raises(errors.BuildFailedError, match="run pulumi up again"),
    ):
        follow(connect(server))


@pytest.mark.parametrize(
    ("script", "kind", "told"),
    [
        (GONE, errors.TimedOutError, "did not appear within the time limit. Run pulumi up again"),
        (plays(answer(200, row(status="building"))), errors.TimedOutError, "still being built"),
        (plays(answer(200, row(contentHash="cd" * 32))), errors.ConflictError, "taken by a record of other content"),
        (hang_up, errors.UnavailableError, "could not be asked what became of it"),
    ],
)
def test_following_ends_with_what_was_seen_last(connect, clock, script, kind, told):
    """Following ends within its time, with an error that says how it stands."""
    with Wire(script) as server, pytest.raises(kind) as caught:
        follow(connect(server))
    assert type(caught.value) is kind
    assert told in str(caught.value)
    assert 54 < sum(clock.slept) <= 60


def test_following_counts_from_the_builds_beginning(connect, clock):
    """The time that the build had already is not given again."""
    with Wire(GONE) as server, pytest.raises(errors.TimedOutError):
        follow(connect(server), started=clock.now - 59)
    assert sum(clock.slept) <= 1


def test_following_stops_at_what_does_not_pass(connect):
    """A refusal ends the following at once."""
    with Wire(plays(answer(401, {"error": "invalid API key"}))) as server, pytest.raises(errors.AuthenticationError):
        follow(connect(server))
    assert server.connections == 1
