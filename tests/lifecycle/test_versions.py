"""Snapshots that keep versions: a change of content is an update, and the latest superseded records stay."""

from __future__ import annotations

from typing import Any

import pytest

from emulator_client import create, manifest
from faulty_process import FaultyEmulator
from kept_versions import assert_server_has, kept, names, versions
from pulumi_opencomputer.errors import InvalidInputError
from pulumi_opencomputer.lifecycle.kinds import SNAPSHOT
from stack import Entry, Lines, Resource, Stack, calls, named, snapshot


@pytest.fixture
def stack(shared_faulty: FaultyEmulator) -> Stack:
    """A stack without resources."""
    return Stack(shared_faulty)


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
    record = named(stack.emulator)[one]
    stack.emulator.delete_checkpoint(record["checkpointId"])
    stack.up(kept("make one"))
    assert versions(stack, kept("")) == [one, two]
    assert_server_has(stack, one, two)
    assert named(stack.emulator)[one]["id"] != record["id"]
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
    assert {name: record["id"] for name, record in named(stack.emulator).items()} == {
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


def test_a_replacement_that_the_engine_forces_begins_a_new_history_and_says_so(stack: Stack) -> None:
    """The provider doesn't get the old state; the old versions are deleted with it."""
    one, two = names(stack, "make one", "make two")
    stack.up(kept("make two"), replace=[kept("make two")])
    assert_server_has(stack, two)
    told = f"a replacement begins a new history; deleting the versions of the old one: {two}, {one}"
    assert told in stack.lines.text


def test_a_forced_replacement_by_the_content_of_a_kept_version_keeps_its_new_record(stack: Stack) -> None:
    """The kept record is swapped, and deleting the old state doesn't delete the new record."""
    one, _two = names(stack, "make one", "make two")
    stack.up(kept("make one"), replace=[kept("make one")])
    assert_server_has(stack, one)


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


def test_import_takes_one_snapshot_and_keep_goes_on_from_it(stack: Stack) -> None:
    """The record keeps its name; with `keep` the next version has a generated name, and the imported one is kept."""
    record_name = "made-by-hand"
    create(stack.emulator, record_name, manifest("make one")).raise_for_status()
    with stack.process() as lifecycle:
        found = lifecycle.import_(SNAPSHOT, kept("").urn, record_name, stack.lines)
    assert found is not None
    stack.state[kept("").urn] = Entry(SNAPSHOT, found.inputs, found.outputs)
    names(stack, "make two")
    assert versions(stack, kept(""))[1] == record_name
    assert_server_has(stack, *versions(stack, kept("")))


def _foretold(stack: Stack, resource: Resource) -> str:
    lines = Lines()
    entry = stack.state[resource.urn]
    with stack.process() as lifecycle:
        checked = lifecycle.check(SNAPSHOT, resource.urn, entry.inputs, resource.news)
        lifecycle.diff(SNAPSHOT, resource.urn, entry.outputs, checked.inputs, lines)
    return lines.text


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
    assert "for further resources this is only shown on their status lines" in lines.said[9][1]
    assert lines.said[8][1] == lines.said[11][1]
