"""Snapshots that keep versions: a change of content is an update, and the latest superseded records stay."""

from __future__ import annotations

from typing import Any

import pytest

from emulator_client import call, create, manifest
from faulty_process import FaultyEmulator
from pulumi_opencomputer.errors import (
    BuildFailedError,
    ConflictError,
    InvalidInputError,
    RunCancelledError,
    TimedOutError,
)
from pulumi_opencomputer.lifecycle.kinds import SNAPSHOT
from stack import Entry, Lines, Resource, Stack, calls, named, snapshot


@pytest.fixture
def stack(shared_faulty: FaultyEmulator) -> Stack:
    """A stack without resources."""
    return Stack(shared_faulty)


def kept(command: str, keep: Any = 2, **more: Any) -> Resource:
    """Return a snapshot with a generated name that keeps versions, or an ordinary one if `keep` is None."""
    given = {"keep": keep} if keep is not None else {}
    return snapshot(command, urn="trial", name=None, **given, **more)


def versions(stack: Stack, resource: Resource) -> list[str]:
    """Return the names of the versions in the state."""
    return [each["name"] for each in stack.outputs(resource)["versions"]]


def names(stack: Stack, *commands: str, keep: Any = 2) -> list[str]:
    """Deploy these contents one after the other; return the names that they get."""
    found = []
    for command in commands:
        stack.up(kept(command, keep))
        found.append(stack.outputs(kept(command))["name"])
    return found


def assert_server_has(stack: Stack, *wanted: str) -> None:
    """Fail unless the server has exactly the records with these names, all ready and in the state."""
    found = named(stack.emulator)
    assert set(found) == set(wanted)
    (entry,) = stack.state.values()
    recorded = {each["name"]: each["snapshotId"] for each in entry.outputs["versions"]}
    assert recorded == {name: row["id"] for name, row in found.items()}
    assert {row["status"] for row in found.values()} == {"ready"}


def test_a_change_keeps_the_superseded_records_and_deletes_those_beyond(stack: Stack) -> None:
    """The new record is created first, and versions beyond the limit are deleted last."""
    one, two, three = names(stack, "make one", "make two", "make three")
    assert versions(stack, kept("")) == [three, two, one]
    stack.emulator.forget_requests()
    (four,) = names(stack, "make four")
    made = calls(stack.emulator)
    assert made.index("POST snapshots") < made.index(f"DELETE {one}")
    assert versions(stack, kept("")) == [four, three, two]
    assert_server_has(stack, four, three, two)
    outputs = stack.outputs(kept(""))
    assert outputs["versions"][0] == {key: outputs[key] for key in ("name", "snapshotId", "contentHash", "createdAt")}


def test_a_change_of_content_is_an_update_of_the_resource(stack: Stack) -> None:
    """It is not replaced, so the engine keeps the id and deletes nothing."""
    stack.up(kept("make one"))
    state = stack.outputs(kept(""))
    with stack.process() as lifecycle:
        inputs = lifecycle.check(SNAPSHOT, kept("").urn, {}, kept("make two").news).inputs
        found = lifecycle.diff(SNAPSHOT, kept("").urn, state, inputs)
    assert (found.replaces, found.updates) == ((), ("contentHash",))
    assert not found.replacing


def test_the_id_is_nobodys_name(stack: Stack) -> None:
    """A program that starts sandboxes from the id fails at once, rather than starting old content."""
    with stack.process() as lifecycle:
        inputs = lifecycle.check(SNAPSHOT, kept("").urn, {}, kept("make one").news).inputs
        created = lifecycle.create(SNAPSHOT, kept("").urn, inputs, Lines())
    assert created.id == "trial/versions"


def test_going_back_takes_the_kept_record_without_a_build(stack: Stack) -> None:
    """Two reads and one list, and no create: the record is reused, and the version that it replaces is kept."""
    one, two = names(stack, "make one", "make two")
    before = named(stack.emulator)
    builds = len(stack.emulator.builds())
    stack.emulator.forget_requests()
    stack.up(kept("make one"))
    assert calls(stack.emulator) == [f"GET {one}", "GET patches", "GET snapshots"]
    assert len(stack.emulator.builds()) == builds
    assert versions(stack, kept("")) == [one, two]
    assert named(stack.emulator) == before
    assert stack.outputs(kept(""))["snapshotId"] == before[one]["id"]
    assert f"goes back to {one}" in stack.lines.text


def test_going_back_beyond_what_is_kept_takes_the_cache(stack: Stack) -> None:
    """The record is deleted, but its build is still in the cache."""
    one, *_ = names(stack, "make one", "make two", "make three", keep=1)
    assert one not in named(stack.emulator)
    builds = len(stack.emulator.builds())
    stack.up(kept("make one", 1))
    assert len(stack.emulator.builds()) == builds
    assert stack.outputs(kept(""))["name"] == one


def test_a_kept_record_that_no_sandbox_starts_from_is_made_anew(stack: Stack) -> None:
    """Someone else deleted its image."""
    one, two = names(stack, "make one", "make two")
    row = named(stack.emulator)[one]
    stack.emulator.delete_checkpoint(row["checkpointId"])
    stack.up(kept("make one"))
    assert versions(stack, kept("")) == [one, two]
    assert_server_has(stack, one, two)
    assert named(stack.emulator)[one]["id"] != row["id"]
    assert named(stack.emulator)[one]["checkpointId"]


def test_keep_is_raised_lowered_and_taken_away_without_a_build(stack: Stack) -> None:
    """Only versions beyond the new limit are deleted."""
    one, two, three = names(stack, "make one", "make two", "make three")
    builds = len(stack.emulator.builds())
    stack.up(kept("make three", 5))
    assert_server_has(stack, one, two, three)
    stack.up(kept("make three", 1))
    assert_server_has(stack, two, three)
    assert f"deleted the version {one}, which is beyond keep=1" in stack.lines.text
    stack.up(kept("make three", None))
    assert set(named(stack.emulator)) == {three}
    outputs = stack.outputs(kept(""))
    assert "versions" not in outputs
    assert "keep" not in outputs
    assert outputs["name"] == three
    assert len(stack.emulator.builds()) == builds
    stack.up(kept("make three", 3))
    assert_server_has(stack, three)
    assert len(stack.emulator.builds()) == builds


def test_without_keep_a_change_of_content_takes_the_history_along(stack: Stack) -> None:
    """It is an ordinary replacement: the new record is created first, the old ones are deleted last."""
    names(stack, "make one", "make two", "make three")
    stack.up(kept("make four", None))
    assert set(named(stack.emulator)) == {stack.outputs(kept(""))["name"]}


def test_without_keep_the_content_of_a_kept_version_is_made_anew(stack: Stack) -> None:
    """A replacement must not reuse a record that the engine deletes with the old state."""
    one, _, _ = names(stack, "make one", "make two", "make three")
    stack.up(kept("make one", None))
    assert {name: row["id"] for name, row in named(stack.emulator).items()} == {
        one: stack.outputs(kept(""))["snapshotId"]
    }


def test_unchanged_up_asks_for_nothing(stack: Stack) -> None:
    """However many versions are kept."""
    names(stack, "make one", "make two")
    stack.emulator.forget_requests()
    stack.up(kept("make two"))
    assert calls(stack.emulator) == []


def test_delete_removes_every_version_by_its_id(stack: Stack) -> None:
    """The current version is deleted last."""
    one, two, three = names(stack, "make one", "make two", "make three")
    stack.emulator.forget_requests()
    stack.destroy()
    deletes = [each for each in calls(stack.emulator) if each.startswith("DELETE trial-") and "scratch" not in each]
    assert deletes == [f"DELETE {one}", f"DELETE {two}", f"DELETE {three}"]
    assert named(stack.emulator) == {}


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


def test_a_replacement_that_the_engine_forces_begins_a_new_history_and_says_so(stack: Stack) -> None:
    """The provider doesn't get the old state; the old versions are deleted with it."""
    one, two = names(stack, "make one", "make two")
    stack.up(kept("make two"), replace=[kept("make two")])
    assert_server_has(stack, two)
    assert f"a replacement begins a new history of versions; deleting {two}, {one} of the old one" in stack.lines.text


def test_a_forced_replacement_by_the_content_of_a_kept_version_keeps_its_new_record(stack: Stack) -> None:
    """The kept record is swapped, and deleting the old state doesn't delete the new record."""
    one, _two = names(stack, "make one", "make two")
    stack.up(kept("make one"), replace=[kept("make one")])
    assert_server_has(stack, one)


def test_refresh_drops_a_kept_version_that_somebody_deleted(stack: Stack) -> None:
    """The others stay, and going back to it uses the cache."""
    one, two, three = names(stack, "make one", "make two", "make three")
    call(stack.emulator, "DELETE", f"/api/snapshots/{two}")
    stack.refresh()
    assert versions(stack, kept("")) == [three, one]
    assert f"the kept version {two} is not there any more" in stack.lines.text
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


@pytest.mark.parametrize("where", [{"urn": "weekly"}, {"urn": "trial", "stack": "prod"}], ids=["renamed", "moved"])
def test_history_outlives_another_urn(stack: Stack, where: dict[str, Any]) -> None:
    """Versions are identified by their ids, not by the URN."""
    one, two = names(stack, "make one", "make two")
    renamed = snapshot("make two", name=None, keep=2, **where)
    stack.state = {renamed.urn: stack.state.pop(kept("").urn)}
    stack.up(renamed)
    assert_server_has(stack, one, two)
    stack.up(snapshot("make one", name=None, keep=2, **where))
    assert_server_has(stack, one, two)
    assert stack.outputs(renamed)["name"] == one
    stack.up(snapshot("make one", name=None, **where))
    assert set(named(stack.emulator)) == {one}
    assert stack.outputs(renamed)["name"] == one


def test_fixed_name_that_is_given_up_for_keep_becomes_the_first_kept_version(stack: Stack) -> None:
    """Nothing is built, and users of the fixed name have time to move."""
    fixed = snapshot("make one", urn="trial", name="fixed")
    stack.up(fixed)
    builds = len(stack.emulator.builds())
    stack.up(kept("make one"))
    assert len(stack.emulator.builds()) == builds
    assert versions(stack, kept(""))[1:] == ["fixed"]
    assert_server_has(stack, *versions(stack, kept("")))
    stack.up(kept("make one"))
    assert_server_has(stack, *versions(stack, kept("")))


def test_two_resources_of_one_content_keep_their_own_versions(stack: Stack) -> None:
    """Generated names also depend on the URN."""
    other = snapshot("make one", urn="other", name=None, keep=2)
    stack.up(kept("make one"), other)
    stack.up(kept("make two"), other)
    assert len(named(stack.emulator)) == 3
    stack.up(other)
    assert set(named(stack.emulator)) == {stack.outputs(other)["name"]}


@pytest.mark.parametrize(
    ("keep", "words"),
    [
        (0, "must be a whole number from 1 to 100"),
        (101, "must be a whole number from 1 to 100"),
        (1.5, "must be a whole number from 1 to 100"),
        (True, "must be a whole number from 1 to 100"),
        ("3", "must be a whole number from 1 to 100"),
    ],
)
def test_keep_that_is_no_number_is_refused(stack: Stack, keep: Any, words: str) -> None:
    """The error names the property, and says what to do."""
    with pytest.raises(InvalidInputError) as caught:
        stack.up(kept("make", keep))
    assert str(caught.value).startswith(f"keep: {words}")


def test_keep_with_a_fixed_name_is_refused(stack: Stack) -> None:
    """A fixed name can't have versions."""
    with pytest.raises(InvalidInputError, match="keep: is for generated names") as caught:
        stack.up(snapshot("make", keep=2))
    assert "source_snapshot" in str(caught.value)


def test_diff_says_which_versions_go(stack: Stack) -> None:
    """A preview of a dynamic provider only calls diff, so the diff must say it."""
    one, two = names(stack, "make one", "make two", keep=1)
    assert _foretold(stack, kept("make three", 1)) == f"the version {one} will be deleted, once the new one is there"
    assert _foretold(stack, kept("make one", 1)) == ""
    assert _foretold(stack, kept("make two", None)) == f"the version {one} will be deleted, with this update"
    gone = _foretold(stack, kept("make three", None))
    assert gone == f"the version {one} will be deleted, once the new one is there"
    assert _foretold(stack, kept("make two", 1)) == ""
    assert two


def test_preview_of_an_update_gives_what_is_known(stack: Stack) -> None:
    """If a kept version comes back, its recorded outputs; otherwise the outputs of a create are unknown."""
    one, _ = names(stack, "make one", "make two")
    state = stack.outputs(kept(""))
    recorded = state["versions"][1]
    with stack.process() as lifecycle:
        for command, expected in (("make one", recorded["snapshotId"]), ("make three", None)):
            inputs = lifecycle.check(SNAPSHOT, kept("").urn, {}, kept(command).news).inputs
            found = lifecycle.preview_update(SNAPSHOT, kept("").urn, state, inputs, stack.lines)
            assert (found["snapshotId"] if expected else None) == expected
            assert isinstance(found["name"], str)
    assert f"kept: goes back to {one} at once" in stack.lines.text
    assert stack.outputs(kept("")) == state


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


def test_import_takes_one_snapshot_and_keep_goes_on_from_it(stack: Stack) -> None:
    """The record keeps its name; with `keep` the next version has a generated name, and the imported one is kept."""
    row_name = "made-by-hand"
    create(stack.emulator, row_name, manifest("make one")).raise_for_status()
    with stack.process() as lifecycle:
        found = lifecycle.import_(SNAPSHOT, kept("").urn, row_name, stack.lines)
    assert found is not None
    stack.state[kept("").urn] = Entry(SNAPSHOT, found.inputs, found.outputs)
    names(stack, "make two")
    assert versions(stack, kept(""))[1] == row_name
    assert_server_has(stack, *versions(stack, kept("")))


def test_a_transient_loss_of_the_list_fails_no_update(stack: Stack) -> None:
    """Leftovers of interrupted runs are then found by the next change."""
    names(stack, "make one")
    stack.emulator.fail({"method": "GET", "path": "/api/snapshots", "kind": "status", "status": 403, "count": 9})
    names(stack, "make two")
    assert len(versions(stack, kept(""))) == 2


def _foretold(stack: Stack, resource: Resource) -> str:
    lines = Lines()
    entry = stack.state[resource.urn]
    with stack.process() as lifecycle:
        checked = lifecycle.check(SNAPSHOT, resource.urn, entry.inputs, resource.news)
        lifecycle.diff(SNAPSHOT, resource.urn, entry.outputs, checked.inputs, lines)
    return lines.text


def _copied(stack: Stack) -> dict[str, Any]:
    return {urn: Entry(each.kind, dict(each.inputs), dict(each.outputs)) for urn, each in stack.state.items()}


def test_nothing_of_versions_is_asked_of_others(stack: Stack) -> None:
    """A snapshot without keep sends no additional requests."""
    stack.up(snapshot("make one", name=None))
    stack.emulator.forget_requests()
    stack.up(snapshot("make two", name=None))
    assert "GET snapshots" not in calls(stack.emulator)


def test_at_most_ten_lines_of_what_goes_stay(stack: Stack) -> None:
    """Otherwise a change of a thousand snapshots would fill the screen."""
    names(stack, "make one", "make two", keep=1)
    entry, changed, lines = stack.state[kept("").urn], kept("make three", 1), Lines()
    with stack.process() as lifecycle:
        checked = lifecycle.check(SNAPSHOT, changed.urn, entry.inputs, changed.news)
        for _ in range(12):
            lifecycle.diff(SNAPSHOT, changed.urn, entry.outputs, checked.inputs, lines)
    assert len(lines.said) == 12
    assert "for further resources it only shows in passing" in lines.said[9][1]
    assert lines.said[8][1] == lines.said[11][1]
