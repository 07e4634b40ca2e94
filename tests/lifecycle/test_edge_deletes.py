"""Deletes behind an index that lags: none hits a successor or a stranger's record, and none is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from emulator_client import call, create, manifest
from faulty_process import FaultyEmulator
from pulumi_opencomputer.lifecycle.names import scratch_name
from stack import LARGE, Resource, SharedTime, Stack, StartEdge, image, snapshot

OLD, NEW = snapshot("make old"), snapshot("make new")
BUILT = image("make old")


def _left(stack: Stack) -> set[str]:
    """Return the names that the control plane has, even if the index doesn't show them."""
    return {record["name"] for record in stack.emulator.records() if record["name"]}


def _replace_and_stop(stack: Stack) -> None:
    """Replace the snapshot in a run that ends before the engine deletes the old one in the state."""
    old = stack.state[OLD.urn]
    stack.up(NEW)
    stack.leftover = [(OLD.urn, old)]


@pytest.mark.parametrize("lag", [{"edge_lag": "5"}, {"mirror_lag_seconds": 5}], ids=["edge", "read replica"])
def test_delete_left_by_a_cut_off_run_spares_the_successor(
    start_faulty: Callable[..., FaultyEmulator], lag: dict[str, object]
) -> None:
    """The old record is still shown under the name that is the new one's by now."""
    emulator = start_faulty(**lag)
    stack = Stack(emulator, time=SharedTime(emulator))
    stack.up(OLD)
    emulator.advance(700)
    _replace_and_stop(stack)
    stack.up(NEW)
    assert stack.leftover == []
    assert [record["id"] for record in emulator.records() if record["name"]] == [stack.outputs(NEW)["snapshotId"]]


def test_destroy_after_a_refresh_of_a_cut_off_run_deletes_the_successor(stack: Stack) -> None:
    """Whatever state is seen last, only a later record stands for the one that is deleted."""
    stack.up(OLD)
    _replace_and_stop(stack)
    [(urn, old)] = stack.leftover
    with stack.process() as lifecycle:
        lifecycle.read(old.kind, urn, old.outputs)
        lifecycle.delete(old.kind, urn, stack.outputs(NEW), stack.lines)
    assert _left(stack) == set()


def test_delete_spares_a_strangers_record_that_the_index_does_not_show_yet(start_edge: StartEdge) -> None:
    """Someone deleted the snapshot and took its name a moment ago; the cell knows that the recorded one is gone."""
    stack = start_edge(5)
    stack.up(OLD)
    stack.emulator.advance(700)
    call(stack.emulator, "DELETE", "/api/snapshots/fixed").raise_for_status()
    create(stack.emulator, "fixed", manifest("theirs")).raise_for_status()
    stack.destroy()
    assert stack.state == {}
    assert _left(stack) == {"fixed"}
    assert "is not the one that this resource made; it stays as it is" in stack.lines.text


def test_delete_waits_once_where_no_record_is_found_by_its_id(start_edge: StartEdge) -> None:
    """A cell that does not know the id proves nothing, so after ten seconds the index counts, for the whole run."""
    stack = start_edge(0)
    stack.up(OLD, snapshot("make other", urn="other", name="other"))
    stack.emulator.advance(700)
    by_id = {"method": "GET", "path": "/api/images/[^/]+/patches"}
    stack.emulator.fail({**by_id, "kind": "status", "status": 404, "count": 1000})
    stack.time.waits.clear()
    stack.destroy()
    assert _left(stack) == set()
    assert sum(stack.time.waits) == pytest.approx(10)


DELETE_FIXED = {"method": "DELETE", "path": "/api/snapshots/fixed"}


def test_failed_delete_of_a_record_that_the_index_does_not_show_is_repeated(start_edge: StartEdge) -> None:
    """After a 503 the index's 404 does not mean that the first attempt deleted the record."""
    stack = start_edge(8)
    stack.up(OLD)
    stack.emulator.fail({**DELETE_FIXED, "kind": "status", "status": 503})
    stack.destroy()
    assert stack.state == {}
    assert _left(stack) == set()


@pytest.mark.parametrize("age", [0, 3600])
def test_delete_whose_answer_was_lost_ends_well(start_edge: StartEdge, age: float) -> None:
    """The index showed the record before and no longer does, so it was deleted, whatever its age."""
    stack = start_edge(0)
    stack.up(snapshot("make other", urn="other", name="other"), OLD)
    stack.emulator.advance(age)
    stack.emulator.fail({**DELETE_FIXED, "kind": "drop", "when": "after"})
    stack.time.waits.clear()
    stack.up(snapshot("make other", urn="other", name="other"))
    assert OLD.urn not in stack.state
    assert _left(stack) == {"other"}
    assert sum(stack.time.waits) < 10


def test_swap_goes_on_after_a_delete_whose_answer_was_lost(start_edge: StartEdge) -> None:
    """The name would be missing if the run stopped there."""
    stack = start_edge(0)
    stack.up(OLD)
    stack.emulator.fail({**DELETE_FIXED, "kind": "drop", "when": "after"})
    stack.up(NEW)
    assert _left(stack) == {"fixed"}


def test_destroy_of_an_image_warns_of_a_scratch_name_that_the_index_does_not_show(start_edge: StartEdge) -> None:
    """The image leaves the state, so no later run looks for the name; the warning says how to delete it."""
    stack = start_edge(500)
    stack.up(BUILT)
    stack.destroy()
    said = "\n".join(stack.lines.warnings)
    assert {name for name in _left(stack) if repr(name) in said} == _left(stack) != set()
    assert f"with DELETE /api/snapshots/{scratch_name(BUILT.urn)}" in said


def test_destroy_of_an_image_waits_for_a_scratch_name_while_the_index_lags(start_edge: StartEdge) -> None:
    """The index does not show the image's build either, so it may show the name later."""
    stack = start_edge(200)
    stack.up(BUILT)
    assert _left(stack) != set()
    stack.destroy()
    assert _left(stack) == set()
    assert stack.lines.warnings == []


def test_destroy_of_a_new_image_does_not_wait_once_the_index_shows_its_build(start_edge: StartEdge) -> None:
    """Usually nothing is left."""
    stack = start_edge(0)
    stack.up(BUILT)
    stack.time.waits.clear()
    stack.destroy()
    assert stack.time.waits == []


def test_second_scratch_name_that_shows_up_later_is_deleted_without_the_first(start_edge: StartEdge) -> None:
    """The first one was shown in time and deleted; the next delete looks for both."""
    stack = start_edge(125)
    stack.up(OLD)
    stack.emulator.advance(700)
    stack.up(NEW)
    second = scratch_name(NEW.urn, 1)
    assert _left(stack) == {"fixed", second}
    assert f"the temporary name {second!r} can't be deleted yet" in "\n".join(stack.lines.warnings)
    stack.emulator.advance(3600)
    stack.destroy()
    assert _left(stack) == set()


def test_warning_of_a_scratch_name_promises_nothing_that_never_happens(start_edge: StartEdge) -> None:
    """The index never shows a record over 2 MB, so no later run can delete it."""
    stack = start_edge(0)
    stack.up(OLD)
    stack.up(snapshot(manifest=LARGE))
    assert "It stays at the server" in "\n".join(stack.lines.warnings)
    assert "the next change" not in "\n".join(stack.lines.warnings)


def _with_file(content: str, **more: Any) -> Resource:
    file = {"addFile": {"path": "/f", "content": content}}
    return snapshot(manifest={"base": "base", "steps": [{"run": ["make large"]}, file]}, **more)


def test_manifest_of_few_characters_but_many_bytes_is_too_large_as_well(start_edge: StartEdge) -> None:
    """A refresh keeps it, and a delete says what stays, although its text has only 700,000 characters."""
    stack = start_edge(0)
    other = snapshot("make other", urn="other", name="other")
    large = _with_file("\u4e2d" * 700_000)
    stack.up(large, other)
    stack.emulator.advance(3600)
    stack.refresh()
    assert stack.outputs(large)["status"] == "ready"
    stack.up(other)
    assert "larger than the public endpoint's index holds" in "\n".join(stack.lines.warnings)


def test_version_that_the_index_does_not_show_is_not_said_to_be_deleted(start_edge: StartEdge) -> None:
    """The state has no manifest of an earlier version, so whether that is too large for the index is unknown."""
    stack = start_edge(0)
    keep: dict[str, Any] = {"name": None, "keep": 1}
    large = _with_file("x" * 2_100_000, **keep)
    stack.up(large)
    first = stack.outputs(large)["name"]
    stack.up(snapshot("make two", **keep))
    stack.emulator.advance(3600)
    stack.up(snapshot("make three", **keep))
    assert first in _left(stack)
    assert "deleted the version" not in stack.lines.text
    assert f"does not show the version {first}" in "\n".join(stack.lines.warnings)


def test_small_version_is_not_taken_for_too_large_after_a_large_one(start_edge: StartEdge) -> None:
    """It stays in the state until the index shows it and it can be deleted."""
    stack = start_edge(200)
    keep: dict[str, Any] = {"name": None, "keep": 1}
    stack.up(snapshot("make one", **keep))
    first = stack.outputs(OLD)["name"]
    stack.up(snapshot("make two", **keep))
    large = _with_file("x" * 2_100_000, **keep)
    stack.up(large)
    assert first in {version["name"] for version in stack.outputs(large)["versions"]}
    stack.emulator.advance(3600)
    stack.up(large)
    assert first not in _left(stack)
