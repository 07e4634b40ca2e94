"""Ownership of records: someone else's record is never replaced or deleted unless the program says so."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest

from emulator_client import call, create, manifest
from faulty_process import FaultyEmulator
from pulumi_opencomputer.api.run_lock import this_run
from pulumi_opencomputer.content.hashing import content_hash
from pulumi_opencomputer.errors import ConflictError, InvalidInputError
from pulumi_opencomputer.lifecycle import UNKNOWN
from pulumi_opencomputer.lifecycle.kinds import SNAPSHOT
from pulumi_opencomputer.lifecycle.names import mark
from stack import Lines, Resource, Stack, calls, named, snapshot

OLD, NEW = snapshot("make old"), snapshot("make new")


def _foreign(faulty: FaultyEmulator, name: str = "fixed", **more) -> dict:
    """Create a record as someone else; return it."""
    call(faulty, "DELETE", f"/api/snapshots/{name}")
    create(faulty, name, manifest("theirs", **more)).raise_for_status()
    return named(faulty)[name]


def _error(stack: Stack, *program) -> str:
    with pytest.raises(ConflictError) as caught:
        stack.up(*program)
    return str(caught.value)


def test_recorded_record_is_ours_whatever_its_mark_says(stack: Stack) -> None:
    """After a rename in the program the record still has the mark of the old URN; the recorded id is enough."""
    stack.up(OLD)
    renamed = snapshot("make new", urn="weekly")
    stack.state = {renamed.urn: stack.state[OLD.urn]}
    stack.up(renamed)
    assert named(stack.emulator)["fixed"]["id"] == stack.outputs(renamed)["snapshotId"]


def test_unrecorded_record_with_mark_and_wanted_content_is_ours(stack: Stack) -> None:
    """If a provider was killed before the state was written, the next create finds its record, and replaces it."""
    stack.up(NEW)
    first = stack.outputs(NEW)["snapshotId"]
    again = Stack(stack.emulator)
    again.up(NEW)
    assert named(stack.emulator).keys() == {"fixed"}
    assert named(stack.emulator)["fixed"]["id"] == again.outputs(NEW)["snapshotId"] != first


def test_unrecorded_record_of_a_variant_is_ours(stack: Stack) -> None:
    """The record of a variant that a killed run had to build is found too."""
    stack.up(NEW)
    variant = {
        **manifest("x"),
        **_variant_of(NEW),
        "pulumiMark": named(stack.emulator)["fixed"]["manifest"]["pulumiMark"],
    }
    call(stack.emulator, "DELETE", "/api/snapshots/fixed")
    create(stack.emulator, "fixed", variant).raise_for_status()
    again = Stack(stack.emulator)
    again.up(NEW)
    assert named(stack.emulator)["fixed"]["id"] == again.outputs(NEW)["snapshotId"]


def _variant_of(resource) -> dict:
    commands = {"commands": [resource.command], "rebuild": 1}
    return {"steps": [{"type": "apt_install", "args": {"packages": ["jq"]}}, {"type": "run", "args": commands}]}


def test_conflict_with_an_unmarked_record_tells_the_record_and_the_ways_on(stack: Stack) -> None:
    """The error gives the record's hash, status and time, says that it has no mark, and what the user can do."""
    record = _foreign(stack.emulator)
    assert _error(stack, NEW) == (
        f"A snapshot named 'fixed' exists already (content hash {content_hash(manifest('theirs'))}, status ready, "
        f"created {record['createdAt']}). It was not made by this provider. Choose another name, set adopt to true to "
        "take it over (it is replaced once the new image is ready), or delete it. (OC1104)"
    )
    assert named(stack.emulator) == {"fixed": record}


def test_conflict_with_a_resource_that_is_not_named_tells_that_it_is_anothers(stack: Stack) -> None:
    """The error says that another Pulumi resource has the record, even if the record doesn't name it."""
    _foreign(stack.emulator, pulumiMark="0123456789abcdef")
    assert "It was made by another Pulumi resource." in _error(stack, NEW)


def test_conflict_with_another_stack_names_its_resource(stack: Stack) -> None:
    """Readable keys next to the mark say which stack and resource a record belongs to."""
    Stack(stack.emulator).up(snapshot("make theirs", stack="prod"))
    record = named(stack.emulator)["fixed"]
    said = _error(stack, NEW)
    assert "It was made by another Pulumi resource: 'daily' of stack 'prod' in project 'pytest'." in said
    assert named(stack.emulator) == {"fixed": record}


def test_record_says_whose_it_is(stack: Stack) -> None:
    """The mark decides; the other keys are for human readers."""
    stack.up(OLD)
    kept = named(stack.emulator)["fixed"]["manifest"]
    assert {key: value for key, value in kept.items() if key.startswith("pulumi")} == {
        "pulumiMark": mark(OLD.urn),
        "pulumiProject": "pytest",
        "pulumiResource": "daily",
        "pulumiRun": this_run().id,
        "pulumiStack": "dev",
    }


@pytest.mark.parametrize("wanted", [NEW, OLD], ids=["other content", "the same content"])
def test_unrecorded_record_with_our_mark_is_replaced_whatever_its_content(stack: Stack, wanted: Resource) -> None:
    """After an interrupted first create and a change, the record is still ours; a message says which is replaced."""
    stack.up(OLD)
    first = stack.outputs(OLD)["snapshotId"]
    again = Stack(stack.emulator)
    again.up(wanted)
    assert named(stack.emulator)["fixed"]["id"] == again.outputs(wanted)["snapshotId"] != first
    assert f"replaces the snapshot 'fixed' (id {first}, made " in again.lines.text
    assert " s ago), which bears this resource's mark; no state of this run records it" in again.lines.text


@pytest.mark.parametrize("wanted", [NEW, OLD], ids=["other content", "the same content"])
def test_replacement_that_the_engine_decides(stack: Stack, wanted: Resource) -> None:
    """With --replace, taint or a trigger the engine passes no state, so only the mark shows who has the record."""
    stack.up(OLD)
    first = stack.outputs(OLD)["snapshotId"]
    stack.up(wanted, replace=[wanted])
    assert named(stack.emulator).keys() == {"fixed"}
    assert named(stack.emulator)["fixed"]["id"] == stack.outputs(wanted)["snapshotId"] != first
    assert f"(id {first}, made " in stack.lines.text


def test_replacement_that_the_engine_decides_after_a_refresh(stack: Stack) -> None:
    """A refresh in the same run passes the state: the recorded id decides, and no message is needed."""
    stack.up(OLD)
    stack.up(NEW, replace=[NEW], refresh=True)
    assert named(stack.emulator)["fixed"]["id"] == stack.outputs(NEW)["snapshotId"]
    assert "which bears this resource's mark" not in stack.lines.text


def test_two_backends_with_one_urn_stay_apart_once_a_state_is_known(stack: Stack) -> None:
    """A first create goes by the mark, and says what it replaces; with a state, only the recorded record is ours."""
    stack.up(OLD)
    other = Stack(stack.emulator)
    other.up(snapshot("make theirs"))
    record = named(stack.emulator)["fixed"]
    assert "replaces the snapshot 'fixed'" in other.lines.text
    said = _error(stack, NEW)
    assert (
        f"bears the mark of this very resource, but its id is {record['id']}, and the state records another one" in said
    )
    assert "another backend" in said
    assert named(stack.emulator) == {"fixed": record}
    other.up(snapshot("make theirs again"))
    assert "its id is" in _error(stack, NEW)


def test_two_backends_can_be_told_apart_by_adopt(stack: Stack) -> None:
    """One of the solutions that the conflict's message offers works."""
    stack.up(OLD)
    Stack(stack.emulator).up(snapshot("make theirs"))
    adopting = snapshot("make new", adopt=True)
    stack.up(adopting)
    assert named(stack.emulator)["fixed"]["id"] == stack.outputs(adopting)["snapshotId"]


def test_record_that_an_interrupted_run_put_in_place_of_the_recorded_one_is_ours(stack: Stack) -> None:
    """The record names the recorded one as its predecessor, no matter how many runs were interrupted."""
    stack.up(OLD)
    recorded = stack.state[OLD.urn]
    for number in range(3):
        cut_off = Stack(stack.emulator)
        cut_off.state = {OLD.urn: replace(recorded)}
        cut_off.up(snapshot(f"make {number}"))
    stack.up(NEW)
    assert named(stack.emulator).keys() == {"fixed"}
    assert named(stack.emulator)["fixed"]["id"] == stack.outputs(NEW)["snapshotId"]


def test_record_that_an_interrupted_run_put_under_a_new_name_is_ours(stack: Stack) -> None:
    """A rename is interrupted after its create, then repeated with other content."""
    stack.up(OLD)
    recorded = stack.state[OLD.urn]
    cut_off = Stack(stack.emulator)
    renamed = snapshot("make old", name="renamed")
    with cut_off.process() as lifecycle:
        checked = lifecycle.check(renamed.kind, renamed.urn, recorded.inputs, renamed.news)
        lifecycle.diff(renamed.kind, renamed.urn, recorded.outputs, checked.inputs)
        lifecycle.create(renamed.kind, renamed.urn, checked.inputs, Lines())
    wanted = snapshot("make new", name="renamed")
    stack.up(wanted)
    assert named(stack.emulator).keys() == {"renamed"}
    assert named(stack.emulator)["renamed"]["id"] == stack.outputs(wanted)["snapshotId"]


def test_rename_without_its_state_says_how_to_go_on(stack: Stack) -> None:
    """After a rename the mark has the old URN, and without a diff nothing else identifies the record: an error."""
    stack.up(OLD)
    renamed = snapshot("make new", urn="weekly")
    stack.state = {renamed.urn: stack.state[OLD.urn]}
    with pytest.raises(ConflictError) as caught:
        stack.up(renamed, replace=[renamed])
    assert "It was made by this stack's own resource 'daily'. If that is an earlier name" in str(caught.value)
    assert "--refresh" in str(caught.value)
    assert "adopt" in str(caught.value)


@pytest.mark.parametrize("way", ["a plain up", "--refresh", "adopt"])
def test_ways_out_after_a_rename_work(stack: Stack, way: str) -> None:
    """Each solution leaves a single, new record."""
    stack.up(OLD)
    renamed = snapshot("make new", urn="weekly", adopt=way == "adopt")
    stack.state = {renamed.urn: stack.state[OLD.urn]}
    stack.up(renamed, replace=[] if way == "a plain up" else [renamed], refresh=way == "--refresh")
    assert named(stack.emulator).keys() == {"fixed"}
    assert named(stack.emulator)["fixed"]["id"] == stack.outputs(renamed)["snapshotId"]


def test_renamed_without_an_alias_adopts_what_the_state_records_under_the_old_urn(stack: Stack) -> None:
    """The program no longer has the resource that the state records, so adopt may take its record."""
    stack.up(OLD)
    renamed = snapshot("make new", urn="weekly", adopt=True)
    stack.up(renamed, refresh=True)
    assert stack.state.keys() == {renamed.urn}
    assert named(stack.emulator)["fixed"]["id"] == stack.outputs(renamed)["snapshotId"]


ONE, TWO = snapshot("make one", urn="one", name="a"), snapshot("make two", urn="two", name="b")


def _swapped(*, adopt: bool = False) -> tuple[Resource, Resource]:
    return snapshot("make one", urn="one", name="b", adopt=adopt), snapshot(
        "make two", urn="two", name="a", adopt=adopt
    )


def test_names_swapped_in_one_stack_are_a_conflict_that_names_the_other_resource(stack: Stack) -> None:
    """The error says that this stack has the record, and how to swap the names."""
    stack.up(ONE, TWO)
    said = _error(stack, *_swapped())
    assert "It was made by this stack's own resource 'two'." in said
    assert {name: record["id"] for name, record in named(stack.emulator).items()} == {
        "a": stack.outputs(ONE)["snapshotId"],
        "b": stack.outputs(TWO)["snapshotId"],
    }


def test_adopt_takes_nothing_that_another_resource_of_the_program_has(stack: Stack) -> None:
    """Two resources that swap names with adopt don't replace each other in every run."""
    stack.up(ONE, TWO)
    first, second = _swapped(adopt=True)
    with stack.process() as lifecycle:
        for resource in (first, second):
            old = stack.state[resource.urn]
            checked = lifecycle.check(resource.kind, resource.urn, old.inputs, resource.news)
            lifecycle.diff(resource.kind, resource.urn, old.outputs, checked.inputs)
        before = named(stack.emulator)
        inputs = lifecycle.check(first.kind, first.urn, {}, first.news).inputs
        with pytest.raises(ConflictError, match=r"adopt takes nothing from it.*a third name first"):
            lifecycle.create(first.kind, first.urn, inputs, Lines())
        assert named(stack.emulator) == before


def test_adopt_takes_nothing_that_this_run_made(stack: Stack) -> None:
    """A record that another resource has just created is not a leftover."""
    with stack.process() as lifecycle:
        inputs = lifecycle.check(ONE.kind, ONE.urn, {}, ONE.news).inputs
        lifecycle.create(ONE.kind, ONE.urn, inputs, Lines())
        with pytest.raises(ConflictError, match="this stack's own resource 'one'"):
            lifecycle.create(TWO.kind, TWO.urn, {**inputs, "adopt": True}, Lines())


def test_swap_with_adopt_and_refresh_comes_to_rest(stack: Stack) -> None:
    """Even if the first command does not succeed, after a few each name is where the program wants it."""
    stack.up(ONE, TWO)
    program = _swapped(adopt=True)
    for _ in range(3):
        with suppress(ConflictError):
            stack.up(*program, refresh=True)
    before = named(stack.emulator)
    stack.up(*program, refresh=True)
    assert named(stack.emulator) == before
    assert {name: record["id"] for name, record in before.items()} == {
        "b": stack.outputs(program[0])["snapshotId"],
        "a": stack.outputs(program[1])["snapshotId"],
    }


def test_two_resources_with_one_fixed_name_are_a_mistake(stack: Stack) -> None:
    """The second one's check fails before it is built, and names the URN of the first."""
    other = snapshot("make other", urn="other")
    with pytest.raises(InvalidInputError) as caught:
        stack.up(OLD, other)
    (problem,) = caught.value.problems
    assert problem.path == "name"
    assert OLD.urn in problem.reason


def test_name_is_ones_own_however_often_it_is_checked(stack: Stack) -> None:
    """The engine checks a replacement twice. Generated and unknown names are not compared."""
    with stack.process() as lifecycle:
        for resource, name in ((OLD, "fixed"), (OLD, "fixed"), (ONE, UNKNOWN), (TWO, UNKNOWN), (ONE, None)):
            assert lifecycle.check(SNAPSHOT, resource.urn, {}, {**resource.news, "name": name}).problems == ()


def test_renaming_onto_a_foreign_record_is_a_conflict(stack: Stack) -> None:
    """A rename doesn't take a record that exists under the new name, and keeps the old one."""
    _foreign(stack.emulator, "taken")
    stack.up(OLD)
    before = named(stack.emulator)
    assert "'taken' exists already" in _error(stack, snapshot("make old", name="taken"))
    assert named(stack.emulator) == before


def test_adopt_replaces_a_foreign_record_once_the_image_is_ready(stack: Stack) -> None:
    """With adopt, someone else's record stays until the new image is built; then it is replaced."""
    _foreign(stack.emulator)
    adopting = snapshot("make new", adopt=True)
    stack.emulator.forget_requests()
    stack.up(adopting)
    seen = calls(stack.emulator)
    assert seen.index("DELETE fixed") > len(seen) - 1 - seen[::-1].index("GET images")
    assert named(stack.emulator)["fixed"]["id"] == stack.outputs(adopting)["snapshotId"]


def test_adopt_with_a_failing_build_leaves_the_foreign_record(stack: Stack) -> None:
    """If the build fails, nothing is taken over."""
    record = _foreign(stack.emulator)
    with pytest.raises(Exception, match="exit code 1"):
        stack.up(snapshot("echo FAIL_BUILD", adopt=True))
    assert named(stack.emulator) == {"fixed": record}


def test_lost_answer_does_not_make_a_foreign_record_ours(stack: Stack) -> None:
    """A record with equal content that existed before the connection broke is not taken for the build's."""
    create(stack.emulator, "fixed", {"base": "base", **_wanted(NEW)}).raise_for_status()
    record = named(stack.emulator)["fixed"]
    stack.emulator.fail({"method": "POST", "path": "/api/snapshots", "kind": "drop"})
    assert "It was not made by this provider." in _error(stack, NEW)
    assert named(stack.emulator) == {"fixed": record}


def _wanted(resource) -> dict:
    steps = _variant_of(resource)["steps"]
    return {"steps": [steps[0], {"type": "run", "args": {"commands": [resource.command]}}]}


def test_delete_leaves_a_foreign_record_with_a_warning(stack: Stack) -> None:
    """Destroy deletes only the recorded record; if someone else has the name, it warns."""
    stack.up(OLD)
    record = _foreign(stack.emulator)
    stack.destroy()
    assert named(stack.emulator) == {"fixed": record}
    assert stack.lines.warnings == [
        "the snapshot named 'fixed' is not the one that this resource made; it stays as it is"
    ]


def test_delete_after_a_swap_is_silent(stack: Stack) -> None:
    """The replaced record is already deleted, and its successor stays without a warning."""
    stack.up(OLD)
    stack.up(NEW)
    assert stack.lines.warnings == []
    assert set(named(stack.emulator)) == {"fixed"}


def test_delete_after_a_swap_in_another_process_is_silent(stack: Stack) -> None:
    """A delete left over from an interrupted run doesn't touch the successor, which has our mark."""
    stack.up(OLD)
    old = stack.state[OLD.urn]
    stack.up(NEW)
    record = named(stack.emulator)["fixed"]
    stack.leftover = [(OLD.urn, old)]
    stack.up(NEW)
    assert stack.lines.warnings == []
    assert named(stack.emulator)["fixed"] == record


def test_delete_of_a_record_that_is_gone_succeeds(stack: Stack) -> None:
    """A record that someone else deleted needs no delete."""
    stack.up(OLD)
    call(stack.emulator, "DELETE", "/api/snapshots/fixed")
    stack.destroy()
    assert stack.state == {}


def test_name_with_a_character_that_is_never_shown_is_sent_as_it_is(stack: Stack) -> None:
    """A state of such a name stays usable, and someone else's snapshot under the name as it is shown stays."""
    create(stack.emulator, "ab", manifest("theirs")).raise_for_status()
    theirs = named(stack.emulator)["ab"]
    name = "a\u202eb"
    with stack.process() as lifecycle:
        for command in ("make old", "make new"):
            # Large enough that the record is not read again before its delete.
            steps = [{"run": [command]}, {"addFile": {"path": "/f", "content": "x" * 1_100_000}}]
            checked = lifecycle.check(SNAPSHOT, OLD.urn, {}, {**OLD.news, "manifest": {"steps": steps}})
            outputs = lifecycle.create(SNAPSHOT, OLD.urn, {**checked.inputs, "name": name}, Lines()).outputs
            assert named(stack.emulator)[name]["id"] == outputs["snapshotId"]
            assert named(stack.emulator)["ab"] == theirs
        assert lifecycle.read(SNAPSHOT, OLD.urn, outputs) == outputs
        lifecycle.delete(SNAPSHOT, OLD.urn, outputs, Lines())
    assert named(stack.emulator) == {"ab": theirs}
