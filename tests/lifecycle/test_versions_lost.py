"""Versions after failures: interrupted updates, records that others delete or take, time limits, cancels."""

from __future__ import annotations

from typing import Any

import pytest

from emulator_client import call, create, manifest
from faulty_process import FaultyEmulator
from kept_versions import assert_server_has, kept, names, versions
from pulumi_opencomputer.errors import (
    BuildFailedError,
    ConflictError,
    RunCancelledError,
    TimedOutError,
)
from pulumi_opencomputer.lifecycle.kinds import SNAPSHOT
from stack import Entry, Stack, calls, named, snapshot


@pytest.fixture
def stack(shared_faulty: FaultyEmulator) -> Stack:
    """A stack without resources."""
    return Stack(shared_faulty)


def test_nothing_is_deleted_that_is_not_the_resources_own(stack: Stack) -> None:
    """Someone else's record under a kept version's name stays, with a warning, and leaves the history."""
    one, two, three = names(stack, "make one", "make two", "make three")
    call(stack.emulator, "DELETE", f"/api/snapshots/{one}")
    create(stack.emulator, one, manifest("theirs")).raise_for_status()
    theirs = named(stack.emulator)[one]
    names(stack, "make four")
    assert named(stack.emulator)[one] == theirs
    assert any("is not the one that this resource made" in each for each in stack.lines.warnings)
    assert one not in versions(stack, kept(""))
    stack.destroy()
    assert named(stack.emulator) == {one: theirs}
    assert two
    assert three


def test_a_build_that_fails_changes_nothing(stack: Stack) -> None:
    """All versions stay in the state and on the server."""
    one, two = names(stack, "make one", "make two", keep=1)
    with pytest.raises(BuildFailedError):
        stack.up(kept("echo FAIL_BUILD", 1))
    assert versions(stack, kept("")) == [two, one]
    assert_server_has(stack, two, one)


def test_what_an_interrupted_update_made_is_taken_by_the_same_program(stack: Stack) -> None:
    """The state was not written, so the record is found by its name, and reused."""
    names(stack, "make one")
    state = _copied(stack)
    names(stack, "make two")
    made = named(stack.emulator)
    stack.state = state
    stack.up(kept("make two"))
    assert_server_has(stack, *made)
    assert named(stack.emulator) == made


def test_what_an_interrupted_update_made_is_deleted_by_another_program(stack: Stack) -> None:
    """Its manifest names the versions in the state, so the next change recognises it as its own."""
    (one,) = names(stack, "make one")
    state = _copied(stack)
    (two,) = names(stack, "make two")
    stack.state = state
    (three,) = names(stack, "make three")
    assert_server_has(stack, one, three)
    assert f"deleted the version {two}, which an interrupted run left" in stack.lines.text


def test_what_an_interrupted_update_made_goes_with_the_resource(stack: Stack) -> None:
    """A delete looks for it too."""
    names(stack, "make one")
    state = _copied(stack)
    names(stack, "make two")
    stack.state = state
    stack.destroy()
    assert named(stack.emulator) == {}


def test_what_another_stack_made_of_a_copied_state_stays(stack: Stack) -> None:
    """A copied state has the same versions, but the record belongs to another stack."""
    (one,) = names(stack, "make one")
    other = Stack(stack.emulator)
    copied = snapshot("make two", urn="trial", name=None, stack="copy", keep=2)
    other.state = {copied.urn: _copied(stack)[kept("").urn]}
    other.up(copied)
    theirs = other.outputs(copied)["name"]
    (two,) = names(stack, "make three")
    assert set(named(stack.emulator)) == {one, two, theirs}


def test_refresh_drops_a_kept_version_that_somebody_deleted(stack: Stack) -> None:
    """The others stay, and going back to it uses the cache."""
    one, two, three = names(stack, "make one", "make two", "make three")
    call(stack.emulator, "DELETE", f"/api/snapshots/{two}")
    stack.refresh()
    assert versions(stack, kept("")) == [three, one]
    assert f"the kept version {two} no longer exists" in stack.lines.text
    builds = len(stack.emulator.builds())
    stack.up(kept("make two"))
    assert_server_has(stack, two, three, one)
    assert len(stack.emulator.builds()) == builds


def test_refresh_keeps_the_history_where_the_version_in_use_is_gone(stack: Stack) -> None:
    """The next up creates it again; the kept versions stay."""
    one, two = names(stack, "make one", "make two")
    call(stack.emulator, "DELETE", f"/api/snapshots/{two}")
    stack.refresh()
    assert stack.outputs(kept(""))["status"] == "missing"
    assert versions(stack, kept("")) == [one]
    stack.up(kept("make two"))
    assert versions(stack, kept("")) == [two, one]
    assert_server_has(stack, two, one)
    stack.emulator.forget_requests()
    stack.up(kept("make two"))
    assert calls(stack.emulator) == []


def test_resource_is_gone_where_every_version_is(stack: Stack) -> None:
    """The next up creates the resource again."""
    for name in names(stack, "make one", "make two"):
        call(stack.emulator, "DELETE", f"/api/snapshots/{name}")
    stack.refresh()
    assert stack.state == {}


def test_version_whose_image_is_gone_is_made_anew_and_the_broken_one_deleted(stack: Stack) -> None:
    """The user can't go back to a broken version, so it is not kept."""
    one, two = names(stack, "make one", "make two")
    stack.emulator.delete_checkpoint(named(stack.emulator)[two]["checkpointId"])
    stack.refresh()
    names(stack, "make three")
    assert two not in named(stack.emulator)
    assert one in versions(stack, kept(""))


def test_anothers_record_under_the_name_of_the_next_version_is_a_conflict(stack: Stack) -> None:
    """That record and the history stay."""
    one, two = names(stack, "make one", "make two")
    stack.up(kept("make one", None))
    call(stack.emulator, "DELETE", f"/api/snapshots/{two}")
    create(stack.emulator, two, manifest("theirs")).raise_for_status()
    stack.up(kept("make one", 2))
    with pytest.raises(ConflictError):
        stack.up(kept("make two"))
    assert set(named(stack.emulator)) == {one, two}


def test_version_that_could_not_be_deleted_is_deleted_by_the_next_up(stack: Stack) -> None:
    """The update succeeds, and the record is still in the state."""
    one, two = names(stack, "make one", "make two", keep=1)
    stack.emulator.fail({"method": "DELETE", "path": f"/api/snapshots/{one}", "kind": "status", "status": 403})
    (three,) = names(stack, "make three", keep=1)
    assert versions(stack, kept("")) == [three, two, one]
    assert any(
        f"the version {one}, which is beyond keep=1, could not be deleted" in each for each in stack.lines.warnings
    )
    stack.emulator.fail()
    stack.up(kept("make three", 1))
    assert_server_has(stack, three, two)


def test_time_limit_of_an_update_ends_its_build(stack: Stack) -> None:
    """The update's own limit applies, and nothing is lost."""
    (one,) = names(stack, "make one")
    with pytest.raises(TimedOutError, match="within 1e-09 s"):
        stack.up(kept("make two", updateTimeout=1e-9))
    assert_server_has(stack, one)


def test_time_limit_of_a_delete_keeps_what_is_left(stack: Stack) -> None:
    """The state still has every version that was not deleted."""
    names(stack, "make one", "make two")
    stack.up(kept("make two", deleteTimeout=1e-9))
    stack.state[kept("").urn].outputs["deleteTimeout"] = 1e-9
    with pytest.raises(TimedOutError, match="Not all versions could be deleted within 1e-09 s"):
        stack.destroy()
    assert len(named(stack.emulator)) == 2
    del stack.state[kept("").urn].outputs["deleteTimeout"]
    stack.destroy()
    assert named(stack.emulator) == {}


def test_delete_that_is_cancelled_keeps_what_is_left(stack: Stack) -> None:
    """The next destroy deletes the rest."""
    names(stack, "make one", "make two")
    with stack.process() as lifecycle:
        lifecycle.cancel()
        with pytest.raises(RunCancelledError):
            lifecycle.delete(SNAPSHOT, kept("").urn, stack.outputs(kept("")), stack.lines)
    assert len(named(stack.emulator)) == 2


def test_a_transient_loss_of_the_list_fails_no_update(stack: Stack) -> None:
    """Leftovers of interrupted runs are then found by the next change."""
    names(stack, "make one")
    stack.emulator.fail({"method": "GET", "path": "/api/snapshots", "kind": "status", "status": 403, "count": 9})
    names(stack, "make two")
    assert len(versions(stack, kept(""))) == 2


def _copied(stack: Stack) -> dict[str, Any]:
    return {urn: Entry(each.kind, dict(each.inputs), dict(each.outputs)) for urn, each in stack.state.items()}
