"""The public endpoint: reads lag, a DELETE only reaches records in its index, and a 404 proves little."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from amounts import ALL
from emulator_client import call, create, manifest
from emulator_process import API_KEY, MODULE
from faulty_process import FaultyEmulator
from pulumi_opencomputer.errors import (
    BuildFailedError,
    ConfigurationError,
    ConflictError,
    UnavailableError,
)
from pulumi_opencomputer.lifecycle import status, waiting
from pulumi_opencomputer.lifecycle.names import scratch_name
from stack import LARGE, Resource, Stack, StartEdge, image, named, snapshot

OLD, NEW = snapshot("make old"), snapshot("make new")
BUILT = image("make old")
LAGS = [0.3, 1, 8, (0, 8)] if ALL else [1, 8]


def _left(stack: Stack) -> set[str]:
    """Return the names that the control plane has, even if the index doesn't show them."""
    return {record["name"] for record in stack.emulator.records() if record["name"]}


@pytest.mark.parametrize("lag", LAGS)
def test_whole_life_passes_behind_the_index(start_edge: StartEdge, lag: float) -> None:
    """Create, refresh, replace, fail and destroy, each before the index has caught up; nothing is left."""
    stack = start_edge(lag)
    stack.up(OLD, BUILT)
    assert _left(stack) == {"fixed"}
    stack.refresh()
    assert stack.outputs(OLD)["status"] == stack.outputs(BUILT)["status"] == "ready"
    stack.up(NEW, BUILT)
    assert _left(stack) == {"fixed"}
    with pytest.raises(BuildFailedError):
        stack.up(snapshot("echo FAIL_BUILD"), BUILT)
    stack.refresh()
    assert stack.outputs(NEW)["status"] == "ready"
    stack.up(NEW, BUILT)
    stack.destroy()
    assert _left(stack) == set()


@pytest.mark.parametrize("lag", LAGS)
def test_generated_names_pass_behind_the_index(start_edge: StartEdge, lag: float) -> None:
    """A replacement has another name, and the old record is deleted."""
    stack = start_edge(lag)
    stack.up(snapshot("make old", name=None))
    new = snapshot("make new", name=None)
    stack.up(new)
    assert _left(stack) == {stack.outputs(new)["name"]}
    stack.destroy()
    assert _left(stack) == set()


def test_image_leaves_no_scratch_name(start_edge: StartEdge) -> None:
    """A DELETE that does not reach the record yet is repeated until it does."""
    stack = start_edge(8)
    stack.up(BUILT)
    assert _left(stack) == set()
    assert stack.lines.warnings == []


def test_scratch_name_that_the_index_does_not_show_in_time_is_a_warning(start_edge: StartEdge) -> None:
    """The image exists and must be recorded; the next change or delete removes the scratch name."""
    stack = start_edge(1000)
    stack.up(BUILT)
    left = {scratch_name(BUILT.urn), scratch_name(BUILT.urn, 1)}
    assert _left(stack) == left
    said = "\n".join(stack.lines.warnings)
    assert {name for name in left if f"the temporary name {name!r} can't be deleted yet" in said} == left
    stack.emulator.advance(1000)
    stack.destroy()
    assert _left(stack) == set()


def test_scratch_name_that_is_taken_and_not_shown_blocks_no_build(start_edge: StartEdge) -> None:
    """The build uses another one of a few names."""
    stack = start_edge(100_000)
    stack.up(BUILT)
    rebuilt = image("make new")
    stack.up(rebuilt)
    assert stack.outputs(rebuilt)["status"] == "ready"
    stack.emulator.advance(100_000)
    stack.up(image("make newest"))
    assert _left(stack) == set()


def test_delete_of_a_young_record_waits_two_minutes_and_then_keeps_the_state(start_edge: StartEdge) -> None:
    """A record that can't be deleted yet stays in the state; the same command deletes it later."""
    stack = start_edge(1000)
    stack.up(OLD)
    with pytest.raises(UnavailableError, match=r"'fixed' was made a short while ago.*stays in the state"):
        stack.destroy()
    assert set(stack.state) == {OLD.urn}
    assert sum(stack.time.waits) == pytest.approx(120 + waiting.LONGEST_WAIT, abs=125)
    stack.emulator.advance(1000)
    stack.destroy()
    assert _left(stack) == set()


def test_delete_of_an_old_record_believes_the_second_look(start_edge: StartEdge) -> None:
    """After ten minutes the index has the record, so two 404s mean that it is deleted."""
    stack = start_edge(0)
    stack.up(OLD)
    stack.emulator.advance(3600)
    call(stack.emulator, "DELETE", "/api/snapshots/fixed")
    stack.time.waits.clear()
    stack.destroy()
    assert stack.state == {}
    assert stack.time.waits == [5.0]


def test_young_record_that_the_index_does_not_show_stays_in_the_state(start_edge: StartEdge) -> None:
    """A refresh right after a create changes nothing, whatever the endpoint returns."""
    stack = start_edge(0)
    stack.up(snapshot("make first", urn="first", name="first"))
    stack.emulator.set_edge(lag=[500, 500])
    stack.up(snapshot("make first", urn="first", name="first"), OLD)
    before = dict(stack.outputs(OLD))
    stack.refresh()
    assert stack.outputs(OLD) == before


def test_record_of_whole_seconds_is_no_drift(start_edge: StartEdge) -> None:
    """The index has times in whole seconds, while a POST returns fractions."""
    stack = start_edge(0)
    stack.up(OLD)
    before = dict(stack.outputs(OLD))
    stack.refresh()
    assert stack.outputs(OLD) == before


ANOTHER_KEY = "another-key-of-the-emulator"


def test_manifest_that_the_index_can_not_hold_is_made_once_and_never_lost(start_edge: StartEdge) -> None:
    """Its absence proves nothing, a replacement stops before touching the old record, a delete says what stays."""
    stack = start_edge(0)
    large = snapshot(manifest=LARGE)
    stack.up(large, BUILT)
    before = _left(stack)
    stack.emulator.advance(3600)
    stack.refresh()
    assert stack.outputs(large)["status"] == "ready"
    with pytest.raises(ConflictError, match="never shows a snapshot whose manifest is larger than 2 MB"):
        stack.up(NEW, BUILT)
    assert _left(stack) == before
    stack.destroy()
    assert "its manifest is larger than the public endpoint's index holds" in "\n".join(stack.lines.warnings)
    assert stack.state == {}


@pytest.mark.parametrize("edge", [False, True])
@pytest.mark.parametrize("others", [False, True], ids=["an empty organisation", "one with records"])
@pytest.mark.parametrize("resource", [OLD, BUILT], ids=["snapshot", "image"])
def test_key_of_another_organisation_changes_nothing(
    start_faulty: Callable[..., FaultyEmulator], resource: Resource, edge: bool, others: bool
) -> None:
    """If the records belong to another organisation it is an error; if there are none, the state stays."""
    keys = ("--api-key", API_KEY, "--api-key", ANOTHER_KEY)
    emulator = start_faulty(edge=edge, command=(*MODULE, *keys))
    stack = Stack(emulator)
    stack.up(resource)
    before, left = dict(stack.outputs(resource)), _left(stack)
    other = Stack(emulator)
    other.api_key = ANOTHER_KEY
    if others:
        other.up(snapshot("make theirs", urn="theirs", name="theirs"))
    other.state = dict(stack.state)
    if others:
        with pytest.raises(ConfigurationError, match="belongs to another organisation"):
            other.refresh()
        assert other.outputs(resource) == before
    else:
        other.refresh()
        assert other.outputs(resource) == {**before, "status": status.MISSING}
    if resource is OLD:
        with pytest.raises((ConfigurationError, UnavailableError), match="organisation"):
            other.destroy()
        assert resource.urn in other.state
    assert left <= _left(stack)


_CHANGES = {
    "fixed name": (OLD, NEW),
    "generated name": (snapshot("make old", name=None), snapshot("make new", name=None)),
    "versions": (snapshot("make old", name=None, keep=1), snapshot("make new", name=None, keep=1)),
    "image": (BUILT, image("make new")),
}


@pytest.mark.parametrize("edge", [False, True])
@pytest.mark.parametrize(("before", "after"), _CHANGES.values(), ids=_CHANGES)
def test_change_with_the_key_of_another_organisation_builds_nothing(
    start_faulty: Callable[..., FaultyEmulator], before: Resource, after: Resource, edge: bool
) -> None:
    """The error comes before any build; with the right key the same change passes."""
    emulator = start_faulty(edge=edge, command=(*MODULE, "--api-key", API_KEY, "--api-key", ANOTHER_KEY))
    stack, other = Stack(emulator), Stack(emulator)
    other.api_key = ANOTHER_KEY
    other.up(snapshot("make theirs", urn="theirs", name="theirs"))
    stack.up(before)
    state, left, builds = dict(stack.outputs(before)), _left(stack), len(emulator.builds())
    stack.api_key = ANOTHER_KEY
    with pytest.raises(ConfigurationError, match="belongs to another organisation"):
        stack.up(after)
    assert (stack.outputs(before), _left(stack), len(emulator.builds())) == (state, left, builds)
    stack.api_key = API_KEY
    stack.up(after)
    assert stack.outputs(after)["status"] == "ready"


def test_key_without_records_is_no_reason_to_stop(stack: Stack) -> None:
    """Everything on a control plane was deleted: the next change makes the resource again."""
    stack.up(OLD)
    stack.emulator.clear()
    stack.up(NEW)
    assert _left(stack) == {"fixed"}


def test_record_whose_image_was_deleted_is_made_anew(stack: Stack) -> None:
    """A ready record without a checkpoint is useless: no sandbox can start from it."""
    stack.up(OLD)
    stack.emulator.delete_checkpoint(stack.outputs(OLD)["checkpointId"])
    stack.refresh()
    assert stack.outputs(OLD)["status"] == status.MISSING
    stack.up(OLD)
    assert stack.outputs(OLD)["status"] == "ready"
    assert named(stack.emulator)["fixed"]["checkpointId"] == stack.outputs(OLD)["checkpointId"]


def test_image_whose_checkpoint_was_deleted_is_made_anew(stack: Stack) -> None:
    """Its content is never cached again, so a variant is built."""
    stack.up(BUILT)
    stack.emulator.delete_checkpoint(stack.outputs(BUILT)["checkpointId"])
    stack.refresh()
    assert stack.outputs(BUILT)["status"] == status.MISSING
    stack.up(BUILT)
    assert stack.outputs(BUILT)["status"] == "ready"
    stack.refresh()
    assert stack.outputs(BUILT)["status"] == "ready"


def test_foreign_record_behind_the_index_is_a_conflict(start_edge: StartEdge) -> None:
    """A 409 reveals the record before the index shows it; then the error says who has it."""
    stack = start_edge(8)
    create(stack.emulator, "fixed", manifest("theirs")).raise_for_status()
    with pytest.raises(ConflictError, match="It was not made by this provider"):
        stack.up(NEW)
    assert _left(stack) == {"fixed"}
