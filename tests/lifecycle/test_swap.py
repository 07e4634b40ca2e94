"""A name's content is replaced only when the new image is ready."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from emulator_client import call, create, manifest
from emulator_process import Emulator
from pulumi_opencomputer.errors import (
    APIError,
    BuildFailedError,
    ConflictError,
    ContentChangedError,
    RunCancelledError,
    UnavailableError,
)
from pulumi_opencomputer.lifecycle.names import scratch_name
from stack import Lines, Resource, Stack, calls, leave_build, named, snapshot

OLD, NEW = snapshot("make old"), snapshot("make new")
SCRATCH = scratch_name(OLD.urn)


@pytest.fixture
def deployed(stack: Stack) -> Stack:
    """A stack with the old content under its fixed name."""
    stack.up(OLD)
    stack.emulator.forget_requests()
    return stack


def test_new_image_is_built_before_the_old_record_is_deleted(deployed: Stack) -> None:
    """The build uses the scratch name; the name's POST is sent, all but its last byte, before the DELETE."""
    deployed.up(NEW)
    assert _changes(deployed) == ["POST snapshots", "POST snapshots", "DELETE fixed", f"DELETE {SCRATCH}"]
    everything = calls(deployed.emulator)
    gone = everything.index("DELETE fixed")
    assert everything[gone - 2 : gone] == ["POST snapshots", "GET fixed"]
    assert set(everything[gone + 1 :]) == {f"DELETE {SCRATCH}"}


def test_name_is_put_back_from_the_cache(deployed: Stack) -> None:
    """One build serves the scratch name and the name."""
    deployed.up(NEW)
    assert [build["outcome"] for build in deployed.emulator.builds()] == ["ready", "ready"]
    assert set(named(deployed.emulator)) == {"fixed"}
    assert named(deployed.emulator)["fixed"]["id"] == deployed.outputs(NEW)["snapshotId"]


def test_failing_build_leaves_the_old_record_field_for_field(deployed: Stack) -> None:
    """A failed build doesn't change the name's record, and leaves no scratch record."""
    before = deployed.emulator.snapshots()
    with pytest.raises(BuildFailedError):
        deployed.up(snapshot("echo FAIL_BUILD"))
    assert deployed.emulator.snapshots() == before


def test_content_that_the_cache_never_serves_is_built_as_a_variant_first(deployed: Stack) -> None:
    """The server doesn't cache content whose build has failed once, so a variant is built before the swap."""
    leave_build(deployed.emulator, NEW, "failed")
    deployed.emulator.forget_requests()
    deployed.up(NEW)
    outputs = deployed.outputs(NEW)
    assert outputs["builtHash"] != outputs["contentHash"]
    assert named(deployed.emulator)["fixed"]["contentHash"].startswith(outputs["builtHash"])
    assert _changes(deployed) == ["POST snapshots", "POST snapshots", "DELETE fixed", f"DELETE {SCRATCH}"]


def test_variant_is_chosen_also_where_the_failed_record_shows_up_late(deployed: Stack) -> None:
    """If the list did not show the failed record yet, it is requested again before anything is deleted."""
    leave_build(deployed.emulator, NEW, "failed")
    deployed.emulator.forget_requests()
    deployed.emulator.fail({"method": "GET", "path": "/api/images", "kind": "status", "status": 200, "body": "[]"})
    deployed.up(NEW)
    assert deployed.outputs(NEW)["builtHash"] != deployed.outputs(NEW)["contentHash"]
    assert _changes(deployed) == [
        "POST snapshots",
        f"DELETE {SCRATCH}",
        "POST snapshots",
        "POST snapshots",
        "DELETE fixed",
        f"DELETE {SCRATCH}",
    ]


def test_old_record_stays_where_the_cache_can_not_be_proved(deployed: Stack) -> None:
    """If the server never serves any content from its cache, the old snapshot stays."""
    for variant in range(2):
        leave_build(deployed.emulator, NEW, "failed", variant=variant)
    before = named(deployed.emulator)["fixed"]
    empty = {"kind": "status", "status": 200, "body": "[]", "count": 1000}
    deployed.emulator.fail({"method": "GET", "path": "/api/images", **empty})
    with pytest.raises(UnavailableError, match="does not serve it from its cache"):
        deployed.up(NEW)
    deployed.emulator.fail()
    assert named(deployed.emulator)["fixed"] == before


def _changes(stack: Stack) -> list[str]:
    """Return the requests that change something, up to the name's swap."""
    seen = [call for call in calls(stack.emulator) if not call.startswith("GET")]
    return seen[: seen.index("DELETE fixed") + 2]


def test_scratch_record_of_an_interrupted_run_is_cleared(deployed: Stack) -> None:
    """A record under the scratch name is deleted, and the build continues."""
    create(deployed.emulator, SCRATCH, manifest("make something"))
    deployed.up(NEW)
    assert set(named(deployed.emulator)) == {"fixed"}


def test_image_of_an_interrupted_swap_stays_under_the_scratch_name_until_the_name_is_back(deployed: Stack) -> None:
    """Between a swap's two calls only the scratch record exists, so it stays until the name's record is created."""
    create(deployed.emulator, SCRATCH, manifest("make new"))
    call(deployed.emulator, "DELETE", "/api/snapshots/fixed")
    deployed.emulator.forget_requests()
    deployed.up(NEW)
    assert calls(deployed.emulator)[:4] == ["GET fixed", "GET images", "POST snapshots", f"DELETE {SCRATCH}"]
    assert set(named(deployed.emulator)) == {"fixed"}


def test_failing_build_after_an_interrupted_swap_leaves_the_scratch_record(deployed: Stack) -> None:
    """The name is missing and the new content can't be built, so the image that the swap had ready is kept."""
    create(deployed.emulator, SCRATCH, manifest("make new"))
    call(deployed.emulator, "DELETE", "/api/snapshots/fixed")
    before = deployed.emulator.snapshots()
    with pytest.raises(BuildFailedError):
        deployed.up(snapshot("echo FAIL_BUILD"))
    assert deployed.emulator.snapshots() == before


@pytest.mark.parametrize(("command", "left"), [("make new", {"fixed"}), ("echo FAIL_BUILD", {SCRATCH})])
def test_scratch_record_stays_while_the_read_replica_still_shows_the_old_record(
    deployed: Stack, command: str, left: set[str]
) -> None:
    """The scratch record stays until the name is back, even if the read replica makes it look so already."""
    shown = call(deployed.emulator, "GET", "/api/snapshots/fixed").text
    create(deployed.emulator, SCRATCH, manifest("make new"))
    call(deployed.emulator, "DELETE", "/api/snapshots/fixed")
    past = {"method": "GET", "path": "/api/snapshots/fixed", "kind": "status", "status": 200, "body": shown}
    deployed.emulator.fail({**past, "count": 1000})
    with suppress(BuildFailedError):
        deployed.up(snapshot(command))
    assert set(named(deployed.emulator)) == left


@pytest.mark.parametrize("name", ["fixed", None], ids=["fixed", "generated"])
def test_clean_up_that_fails_after_a_create_does_not_fail_it(stack: Stack, name: str | None) -> None:
    """The new record is in the state, so the next change replaces it, and a destroy leaves nothing."""
    stack.emulator.fail({"method": "DELETE", "path": ".*-scratch-.*", "kind": "status", "status": 403, "count": 1000})
    stack.up(snapshot("make one", name=name))
    assert "an interrupted run may have left" in "\n".join(stack.lines.warnings)
    stack.emulator.fail()
    stack.up(snapshot("make two", name=name))
    assert [record["id"] for record in stack.emulator.snapshots()] == [
        entry.outputs["snapshotId"] for entry in stack.state.values()
    ]
    stack.destroy()
    assert stack.emulator.snapshots() == []


def _local(path: Path) -> dict:
    return {"base": "base", "steps": [{"run": ["make new"]}, {"addFile": {"path": "/f", "source": str(path)}}]}


def _wrapped(stack: Stack, method: str, act: Callable[[str], None], *, first: bool) -> None:
    """Make all clients call `act` with the name before or after they call a method."""
    make_client = stack.make_client

    def make(settings: Any) -> Any:
        client: Any = make_client(settings)
        real = getattr(client, method)

        def call(about: Any, **more: Any) -> Any:
            name = about if isinstance(about, str) else about.name
            if first:
                act(name)
            result = real(about, **more)
            if not first:
                act(name)
            return result

        setattr(client, method, call)
        return client

    stack.make_client = make


def test_file_that_changes_between_the_two_uploads_leaves_the_old_record(deployed: Stack, tmp_path: Path) -> None:
    """The name must get what was built: the upload's hash is checked before the old record is deleted."""
    path = tmp_path / "f"
    path.write_bytes(b"one")
    before = named(deployed.emulator)["fixed"]

    def change(name: str) -> None:
        if name == "fixed":
            path.write_bytes(b"two")

    _wrapped(deployed, "create_snapshot", change, first=True)
    with pytest.raises(ContentChangedError):
        deployed.up(snapshot(manifest=_local(path)))
    assert named(deployed.emulator)["fixed"] == before


def test_name_comes_back_though_the_server_breaks_down_and_the_files_are_gone(deployed: Stack, tmp_path: Path) -> None:
    """After the old record is deleted the same bytes are sent again, even if the files have changed or vanished."""
    path = tmp_path / "f"
    path.write_bytes(b"one")
    new = snapshot(manifest=_local(path))

    def break_down(name: str) -> None:
        if name == "fixed" and path.exists():
            path.unlink()
            Emulator.kill(deployed.emulator)
            deployed.emulator.restart()

    _wrapped(deployed, "delete_snapshot", break_down, first=False)
    deployed.up(new)
    assert not path.exists()
    assert named(deployed.emulator)["fixed"]["id"] == deployed.outputs(new)["snapshotId"]


def test_cancel_just_before_the_delete_leaves_the_old_record(deployed: Stack) -> None:
    """Before the DELETE a cancel loses nothing, even if all but the last byte of the request is sent."""
    before = named(deployed.emulator)["fixed"]
    old = deployed.state[NEW.urn]
    cancels: list[Callable[[], None]] = []

    def look(name: str) -> None:
        # The name is read first before the build, and again when all but the last byte of the request is sent.
        if cancels:
            cancels.pop()()

    _wrapped(deployed, "count_patches", lambda _: cancels.append(lifecycle.cancel), first=False)
    _wrapped(deployed, "get_snapshot", look, first=True)
    with deployed.process() as lifecycle:
        inputs = lifecycle.check(NEW.kind, NEW.urn, old.inputs, NEW.news).inputs
        lifecycle.diff(NEW.kind, NEW.urn, old.outputs, inputs)
        with pytest.raises(RunCancelledError):
            lifecycle.create(NEW.kind, NEW.urn, inputs, Lines())
    assert named(deployed.emulator)["fixed"] == before


def test_record_that_another_puts_under_the_name_meanwhile_stays(deployed: Stack) -> None:
    """The name is read again before the DELETE, which only happens if the record is still the same."""
    theirs = manifest("theirs")

    def put(name: str) -> None:
        if name == SCRATCH:
            call(deployed.emulator, "DELETE", "/api/snapshots/fixed")
            create(deployed.emulator, "fixed", theirs).raise_for_status()

    _wrapped(deployed, "create_snapshot", put, first=False)
    with pytest.raises(ConflictError, match="was not made by this provider"):
        deployed.up(NEW)
    assert "pulumiMark" not in named(deployed.emulator)["fixed"]["manifest"]


def test_replacement_uploads_twice_and_a_first_create_once(stack: Stack) -> None:
    """Each upload of a large directory takes time."""
    stack.up(snapshot("make old"))
    assert calls(stack.emulator).count("POST snapshots") == 1
    stack.emulator.forget_requests()
    stack.up(NEW)
    assert calls(stack.emulator).count("POST snapshots") == 2


def test_replacement_of_a_manifest_larger_than_a_look_uploads_twice_too(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list that proves the cache begins with the large named record; reading stops after that."""
    monkeypatch.setattr("pulumi_opencomputer.api.client._LOOK_LIMIT", 50_000)
    monkeypatch.setattr("pulumi_opencomputer.lifecycle.variants._NEVER_IN_INDEX", 100_000)
    stack.up(snapshot("x" * 200_000))
    stack.emulator.forget_requests()
    stack.up(snapshot("y" * 200_000))
    assert calls(stack.emulator).count("POST snapshots") == 2


def _large(letter: str) -> Resource:
    file = {"addFile": {"path": "/f", "content": letter * 1_100_000}}
    return snapshot(manifest={"base": "base", "steps": [{"run": ["make new"]}, file]})


def test_large_content_is_not_uploaded_to_a_name_that_is_taken(stack: Stack) -> None:
    """The server would read it to its end before it refuses the name, so the provider asks first."""
    first, second = _large("a"), _large("b")
    stack.up(first)
    assert calls(stack.emulator).count("POST snapshots") == 1
    stack.emulator.forget_requests()
    stack.up(second, replace=[second])
    assert calls(stack.emulator).count("POST snapshots") == 2
    stack.emulator.forget_requests()
    stack.state.clear()
    stack.up(first)
    assert calls(stack.emulator).count("POST snapshots") == 2
    theirs = snapshot(manifest=second.news["manifest"], urn="theirs", stack="another")
    stack.emulator.forget_requests()
    with pytest.raises(ConflictError, match="was made by another Pulumi resource"):
        Stack(stack.emulator).up(theirs)
    assert calls(stack.emulator).count("POST snapshots") == 0


def test_large_content_over_what_a_cut_off_swap_left_is_uploaded_three_times(stack: Stack) -> None:
    """One of them asks whether the name itself is free, since only the server's refusal proves that it is not."""
    stack.up(_large("a"))
    create(stack.emulator, SCRATCH, manifest("make new"))
    stack.emulator.forget_requests()
    stack.up(_large("b"))
    assert calls(stack.emulator).count("POST snapshots") == 3
    assert set(named(stack.emulator)) == {"fixed"}


DELETE_FIXED = {"method": "DELETE", "path": "/api/snapshots/fixed"}
READ_ONLY = {"status": 404, "body": '{"error":"ERROR: cannot execute DELETE in a read-only transaction"}'}


@pytest.mark.parametrize("refusal", [{"status": 403}, READ_ONLY], ids=["403", "read-only database"])
def test_refused_delete_is_not_said_to_leave_the_name_missing(deployed: Stack, refusal: dict[str, Any]) -> None:
    """The old snapshot still has the name."""
    deployed.emulator.fail({**DELETE_FIXED, "kind": "status", "count": 10, **refusal})
    with pytest.raises(APIError) as caught:
        deployed.up(NEW)
    assert "missing" not in str(caught.value)
    assert "fixed" in named(deployed.emulator)


def test_delete_that_the_server_does_not_confirm_is_said_to_be_uncertain(deployed: Stack) -> None:
    """The name is missing only if the server carried the delete out."""
    deployed.emulator.fail({**DELETE_FIXED, "kind": "status", "count": 10, "status": 500})
    with pytest.raises(UnavailableError, match=r"did not confirm the delete .* If it was deleted, the name 'fixed' is"):
        deployed.up(NEW)


def test_failure_after_the_delete_says_that_the_name_is_missing(deployed: Stack) -> None:
    """Running the same command again brings the name back, and the error says so."""
    _wrapped(deployed, "delete_snapshot", lambda _: Emulator.kill(deployed.emulator), first=False)
    with pytest.raises(APIError, match="The old snapshot is deleted: the name 'fixed' is missing for the moment"):
        deployed.up(NEW)
    deployed.emulator.restart()
    deployed.make_client = deployed.client
    deployed.up(NEW)
    assert named(deployed.emulator)["fixed"]["id"] == deployed.outputs(NEW)["snapshotId"]


@pytest.mark.parametrize("name", ["fixed", "3f2b8c1e-0000-4000-8000-1234567890ab"])
def test_record_whose_image_was_deleted_is_replaced_behind_the_edge(
    start_edge: Callable[..., Stack], name: str
) -> None:
    """The index still shows it as ready. The server itself says that it has no image, so a delete reaches it."""
    stack = start_edge(0)
    old, new = snapshot("make old", name=name), snapshot("make new", name=name)
    stack.up(old)
    stack.emulator.delete_checkpoint(stack.outputs(old)["checkpointId"])
    stack.emulator.advance(3600)
    stack.up(new)
    assert named(stack.emulator)[name]["id"] == stack.outputs(new)["snapshotId"]
    assert set(named(stack.emulator)) == {name}


def test_name_that_reads_as_an_id_is_replaced(stack: Stack) -> None:
    """The server looks for patches of a record with that id, and finds none; the record exists all the same."""
    name = "3f2b8c1e-0000-4000-8000-1234567890ab"
    stack.up(snapshot("make old", name=name))
    stack.up(snapshot("make new", name=name))
    assert stack.time.waits == []
    assert set(named(stack.emulator)) == {name}


def test_version_whose_image_was_deleted_is_made_again_behind_the_edge(start_edge: Callable[..., Stack]) -> None:
    """Going back to a kept version that no sandbox could start from replaces its record."""
    stack = start_edge(0)
    one, two = (snapshot(f"make {each}", name=None, keep=2) for each in ("one", "two"))
    stack.up(one)
    checkpoint = stack.outputs(one)["checkpointId"]
    stack.emulator.advance(700)
    stack.up(two)
    stack.emulator.delete_checkpoint(checkpoint)
    stack.emulator.advance(700)
    stack.up(one)
    assert named(stack.emulator)[stack.outputs(one)["name"]]["id"] == stack.outputs(one)["snapshotId"]


def test_record_of_others_whose_image_was_deleted_is_adopted_behind_the_edge(start_edge: Callable[..., Stack]) -> None:
    """Adopting replaces it too."""
    stack = start_edge(0)
    theirs = create(stack.emulator, "fixed", manifest("theirs")).json()
    stack.emulator.delete_checkpoint(theirs["checkpointId"])
    adopted = snapshot("make new", adopt=True)
    stack.up(adopted)
    assert named(stack.emulator)["fixed"]["id"] == stack.outputs(adopted)["snapshotId"]


def test_delete_by_a_process_that_does_not_know_the_program_spares_the_successor(deployed: Stack) -> None:
    """After a change of the provider, its old process deletes the old state's record; the new one has its name."""
    old = deployed.state[OLD.urn]
    deployed.up(NEW)
    with deployed.process() as lifecycle:
        lifecycle.delete(old.kind, OLD.urn, old.outputs, deployed.lines)
    assert named(deployed.emulator)["fixed"]["id"] == deployed.outputs(NEW)["snapshotId"]


def test_destroy_of_both_states_of_an_interrupted_run_deletes_the_one_record(deployed: Stack) -> None:
    """The old record's delete is pending; it finds the new one, whose own delete then has nothing to do."""
    old = deployed.state[OLD.urn]
    deployed.up(NEW)
    deployed.leftover = [(OLD.urn, old)]
    deployed.destroy()
    assert named(deployed.emulator) == {}
    assert deployed.state == {}


@pytest.mark.parametrize("replace", [(), (NEW,)], ids=["names its predecessor", "names none"])
def test_destroy_names_a_record_with_the_resources_mark_that_it_leaves(
    deployed: Stack, replace: tuple[Resource, ...]
) -> None:
    """Whether a cut-off run, another process or another backend made it is unknown; a warning says how to delete it."""
    recorded = deployed.state[OLD.urn]
    deployed.up(NEW, replace=replace)
    made = deployed.outputs(NEW)["snapshotId"]
    deployed.state[OLD.urn] = recorded
    deployed.destroy()
    assert named(deployed.emulator)["fixed"]["id"] == made
    (warning,) = deployed.lines.warnings
    assert f"its id is {made}" in warning
    assert "delete it with DELETE /api/snapshots/fixed" in warning
