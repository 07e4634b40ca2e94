"""Whose a row is: nothing of another owner is replaced or deleted unless the program says so."""

from __future__ import annotations

import pytest

from emulator_client import call, create, manifest
from faulty_process import FaultyEmulator
from pulumi_opencomputer.content.hashing import content_hash
from pulumi_opencomputer.errors import ConflictError
from stack import Stack, calls, named, snapshot

OLD, NEW = snapshot("make old"), snapshot("make new")


def _foreign(faulty: FaultyEmulator, name: str = "fixed", **more) -> dict:
    """A row that someone else made."""
    call(faulty, "DELETE", f"/api/snapshots/{name}")
    create(faulty, name, manifest("theirs", **more)).raise_for_status()
    return named(faulty)[name]


def _error(stack: Stack, *program) -> str:
    with pytest.raises(ConflictError) as caught:
        stack.up(*program)
    return str(caught.value)


def test_recorded_row_is_ours_whatever_its_mark_says(stack: Stack) -> None:
    """After a rename in the program the row's mark is of the old URN; the recorded id suffices."""
    stack.up(OLD)
    renamed = snapshot("make new", urn="weekly")
    stack.state = {renamed.urn: stack.state[OLD.urn]}
    stack.up(renamed)
    assert named(stack.emulator)["fixed"]["id"] == stack.outputs(renamed)["snapshotId"]


def test_unrecorded_row_with_mark_and_wanted_content_is_ours(stack: Stack) -> None:
    """A create whose provider was killed before the state was written finds its own row, and makes a new one."""
    stack.up(NEW)
    first = stack.outputs(NEW)["snapshotId"]
    again = Stack(stack.emulator)
    again.up(NEW)
    assert named(stack.emulator).keys() == {"fixed"}
    assert named(stack.emulator)["fixed"]["id"] == again.outputs(NEW)["snapshotId"] != first


def test_unrecorded_row_of_a_twin_is_ours(stack: Stack) -> None:
    """A row of a twin that a killed run had to build is found as well."""
    stack.up(NEW)
    twin = {**manifest("x"), **_twin_of(NEW), "pulumiMark": named(stack.emulator)["fixed"]["manifest"]["pulumiMark"]}
    call(stack.emulator, "DELETE", "/api/snapshots/fixed")
    create(stack.emulator, "fixed", twin).raise_for_status()
    again = Stack(stack.emulator)
    again.up(NEW)
    assert named(stack.emulator)["fixed"]["id"] == again.outputs(NEW)["snapshotId"]


def _twin_of(resource) -> dict:
    commands = {"commands": [resource.command], "rebuild": 1}
    return {"steps": [{"type": "apt_install", "args": {"packages": ["jq"]}}, {"type": "run", "args": commands}]}


def test_conflict_with_an_unmarked_row_tells_the_row_and_the_ways_on(stack: Stack) -> None:
    """The error names the row's content hash, status and time, that it bears no mark, and the ways on."""
    row = _foreign(stack.emulator)
    assert _error(stack, NEW) == (
        f"A snapshot named 'fixed' exists already (content hash {content_hash(manifest('theirs'))}, status ready, "
        f"created {row['createdAt']}). It was not made by this provider. Choose another name, set adopt to true to "
        "take it over (it is replaced once the new image is ready), or delete it."
    )
    assert named(stack.emulator) == {"fixed": row}


def test_conflict_with_another_resource_tells_that_it_is_anothers(stack: Stack) -> None:
    """The error tells a row of another Pulumi resource."""
    _foreign(stack.emulator, pulumiMark="0123456789abcdef")
    assert "It was made by another Pulumi resource." in _error(stack, NEW)


def test_conflict_with_an_unrecorded_row_tells_that_it_is_of_other_content(stack: Stack) -> None:
    """The error tells a row that this resource made with other content in a run that was not recorded."""
    stack.up(OLD)
    row = named(stack.emulator)["fixed"]
    again = Stack(stack.emulator)
    said = "It was made by this very resource, with other content, in a run that was not recorded."
    assert said in _error(again, NEW)
    assert named(stack.emulator) == {"fixed": row}


def test_renaming_onto_a_foreign_row_is_a_conflict(stack: Stack) -> None:
    """A change of name takes no row that stands under the new one, and keeps the old."""
    _foreign(stack.emulator, "taken")
    stack.up(OLD)
    before = named(stack.emulator)
    assert "'taken' exists already" in _error(stack, snapshot("make old", name="taken"))
    assert named(stack.emulator) == before


def test_adopt_replaces_a_foreign_row_once_the_image_is_ready(stack: Stack) -> None:
    """With adopt the foreign row stays until the new image is built, and is ours then."""
    _foreign(stack.emulator)
    adopting = snapshot("make new", adopt=True)
    stack.emulator.forget_requests()
    stack.up(adopting)
    seen = calls(stack.emulator)
    assert seen.index("DELETE fixed") > len(seen) - 1 - seen[::-1].index("GET images")
    assert named(stack.emulator)["fixed"]["id"] == stack.outputs(adopting)["snapshotId"]


def test_adopt_with_a_failing_build_leaves_the_foreign_row(stack: Stack) -> None:
    """What can't be built takes nothing over."""
    row = _foreign(stack.emulator)
    with pytest.raises(Exception, match="exit code 1"):
        stack.up(snapshot("echo FAIL_BUILD", adopt=True))
    assert named(stack.emulator) == {"fixed": row}


def test_lost_answer_does_not_make_a_foreign_row_ours(stack: Stack) -> None:
    """A row of equal content that stood under the name before the connection broke is not taken for the build's."""
    create(stack.emulator, "fixed", {"base": "base", **_wanted(NEW)}).raise_for_status()
    row = named(stack.emulator)["fixed"]
    stack.emulator.fail({"method": "POST", "path": "/api/snapshots", "kind": "drop"})
    assert "It was not made by this provider." in _error(stack, NEW)
    assert named(stack.emulator) == {"fixed": row}


def _wanted(resource) -> dict:
    steps = _twin_of(resource)["steps"]
    return {"steps": [steps[0], {"type": "run", "args": {"commands": [resource.command]}}]}


def test_delete_leaves_a_foreign_row_with_a_warning(stack: Stack) -> None:
    """Destroy takes only the row that was recorded; another's under the name stays, and that is said."""
    stack.up(OLD)
    row = _foreign(stack.emulator)
    stack.destroy()
    assert named(stack.emulator) == {"fixed": row}
    assert stack.lines.warnings == [
        "the snapshot named 'fixed' is not the one that this resource made; it stays as it is"
    ]


def test_delete_after_a_swap_is_silent(stack: Stack) -> None:
    """The replaced resource's row is gone by then, and its successor stays without a word."""
    stack.up(OLD)
    stack.up(NEW)
    assert stack.lines.warnings == []
    assert set(named(stack.emulator)) == {"fixed"}


def test_delete_after_a_swap_in_another_process_is_silent(stack: Stack) -> None:
    """A delete left over from a run that was cut off leaves the successor alone, which bears our mark."""
    stack.up(OLD)
    old = stack.state[OLD.urn]
    stack.up(NEW)
    row = named(stack.emulator)["fixed"]
    stack.leftover = [(OLD.urn, old)]
    stack.up(NEW)
    assert stack.lines.warnings == []
    assert named(stack.emulator)["fixed"] == row


def test_delete_of_a_row_that_is_gone_succeeds(stack: Stack) -> None:
    """A row that someone else deleted needs no deleting."""
    stack.up(OLD)
    call(stack.emulator, "DELETE", "/api/snapshots/fixed")
    stack.destroy()
    assert stack.state == {}
