"""Content that a lost or foreign build blocks: it is detected and reported, followed or built as a variant."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator_client import call, create, open_post
from emulator_process import wait_until
from faulty_process import FaultyEmulator
from pulumi_opencomputer.api.client import Client
from pulumi_opencomputer.content.hashing import content_hash
from pulumi_opencomputer.errors import BuildFailedError, StreamLostError, TimedOutError, UnavailableError
from pulumi_opencomputer.manifest.prepared import prepare
from stack import TIMING, FakeTime, Stack, calls, image, leave_build, named, snapshot

NEW = snapshot("make new")
POST = {"method": "POST", "path": "/api/snapshots"}
LIST = {"method": "GET", "path": "/api/images"}


def _warnings(stack: Stack) -> str:
    return "\n".join(stack.lines.warnings)


def test_dead_build_is_said_with_its_age_and_a_variant_is_built(stack: Stack) -> None:
    """A record that has been `building` for more than 31 minutes blocks its content for good."""
    leave_build(stack.emulator, NEW, "building", age=3600)
    stack.up(NEW)
    outputs = stack.outputs(NEW)
    assert outputs["builtHash"] != outputs["contentHash"]
    assert named(stack.emulator)["fixed"]["contentHash"].startswith(outputs["builtHash"])
    assert stack.lines.warnings == [
        "an earlier build of this content was cut off 60 min ago and blocks it on the server; building the same steps "
        "under another content hash"
    ]
    assert stack.time.waits == []


def test_young_build_is_followed_and_said_with_its_age(stack: Stack) -> None:
    """A younger record may still be building: it is polled every 5 s, and taken for dead after 31 minutes."""
    leave_build(stack.emulator, NEW, "building", age=1560)
    stack.up(NEW)
    assert "another build of this content has been running for 26 min; waiting for it" in stack.lines.text
    assert 59 <= len(stack.time.waits) <= 61
    assert set(stack.time.waits) == {5.0}
    assert "was cut off 31 min ago" in _warnings(stack)
    assert stack.outputs(NEW)["builtHash"] != stack.outputs(NEW)["contentHash"]


def test_build_that_ends_while_it_is_followed_is_taken_from_the_cache(stack: Stack) -> None:
    """Another client's running build is awaited, and its result is used here too."""
    with _open(stack.emulator):
        wait_until(stack.emulator.builds)
        patient = Stack(stack.emulator, hurried=True)
        patient.up(_slow())
    assert patient.outputs(_slow())["builtHash"] == patient.outputs(_slow())["contentHash"]
    assert [build["outcome"] for build in stack.emulator.builds()] == ["ready"]
    assert patient.lines.warnings == []


def _slow() -> Any:
    return snapshot("SLEEP_BUILD_1")


def _open(faulty: FaultyEmulator) -> Any:
    """Start a build as another client; it lasts as long as the connection."""
    return open_post(faulty, "/api/snapshots", {"name": "theirs", "image": prepare(_slow().news["manifest"]).image()})


def test_build_that_fails_while_it_is_followed_is_built_as_a_variant(stack: Stack) -> None:
    """Content whose build failed is never cached again, so a variant has to show whether it can be built."""
    leave_build(stack.emulator, NEW, "building", age=60)
    blocked = FakeTime()
    content = prepare(NEW.news["manifest"]).image()

    def sleep(seconds: float) -> None:
        blocked.waits.append(seconds)
        if len(blocked.waits) == 3:
            stack.emulator.change_build(content_hash(content), "failed")

    blocked.sleep = sleep
    failing = Stack(stack.emulator, time=blocked)
    failing.up(NEW)
    assert len(blocked.waits) == 3
    assert failing.outputs(NEW)["builtHash"] != failing.outputs(NEW)["contentHash"]
    assert failing.lines.warnings == []


def test_second_variant_follows_where_the_first_is_dead_too(stack: Stack) -> None:
    """The first variant that is not blocked is built."""
    leave_build(stack.emulator, NEW, "building", age=3600)
    second = leave_build(stack.emulator, NEW, "failed", variant=1)
    stack.up(NEW)
    built = stack.outputs(NEW)["builtHash"]
    assert built not in (stack.outputs(NEW)["contentHash"], second)
    last = named(stack.emulator)["fixed"]["manifest"]["steps"][-1]["args"]
    assert last == {"commands": ["make new"], "rebuild": 2}


def test_variant_that_is_ready_is_taken_from_the_cache(stack: Stack) -> None:
    """A variant that an earlier run built is not built again."""
    leave_build(stack.emulator, NEW, "building", age=3600)
    variant = leave_build(stack.emulator, NEW, "ready", variant=1)
    built = len(stack.emulator.builds())
    stack.up(NEW)
    assert stack.outputs(NEW)["builtHash"] == variant
    assert len(stack.emulator.builds()) == built


def test_blocked_image_is_built_as_a_variant(stack: Stack) -> None:
    """Blocked images are built as a variant too."""
    resource = image("make new")
    leave_build(stack.emulator, resource, "building", age=3600)
    stack.up(resource)
    stack.refresh()
    assert stack.outputs(resource)["status"] == "ready"
    assert stack.outputs(resource)["builtHash"] != stack.outputs(resource)["contentHash"]


def test_blocked_content_without_steps_has_no_variant(stack: Stack) -> None:
    """A variant differs by a key in one of its steps, so the error says which step to add."""
    bare = snapshot(more=None, manifest={"base": "base", "steps": []})
    leave_build(stack.emulator, bare, "building", age=3600)
    with pytest.raises(TimedOutError, match="Add a step that runs the command true"):
        stack.up(bare)


def test_blocked_replacement_leaves_the_old_record(stack: Stack) -> None:
    """Blocked content for a fixed name is built as a variant before the old record is deleted."""
    stack.up(snapshot("make old"))
    leave_build(stack.emulator, NEW, "building", age=3600)
    stack.emulator.forget_requests()
    stack.up(NEW)
    seen = [entry for entry in calls(stack.emulator) if not entry.startswith("GET")]
    assert seen[:3] == ["POST snapshots", "POST snapshots", "DELETE fixed"]


class _SlowServer(Client):
    """A client whose creates take 120 s of the stack's time, as they do on the server for blocked content."""

    def create_snapshot(self, request, **more):
        self._transport.sleep(120.0)
        return super().create_snapshot(request, **more)


def test_blocked_content_whose_record_no_list_shows_is_left_after_31_minutes(stack: Stack) -> None:
    """A list has at most 200 records, so a build may not be visible; after that wait it counts as dead anyway."""
    leave_build(stack.emulator, NEW, "building", age=3600)
    stack.emulator.fail({**LIST, "kind": "status", "status": 200, "body": "[]", "count": 1000})
    stack.make_client = lambda settings: stack.client(settings, _SlowServer)
    stack.up(NEW)
    assert "has been waiting for another build of this content for 3" in _warnings(stack)
    assert 1860 <= sum(stack.time.waits) < 2300
    assert stack.outputs(NEW)["builtHash"] != stack.outputs(NEW)["contentHash"]


def test_time_limit_ends_the_waiting(stack: Stack) -> None:
    """A resource's timeout also applies while another client's build is followed."""
    leave_build(stack.emulator, NEW, "building", age=60)
    limited = snapshot("make new", timeout=0.5)
    with pytest.raises(TimedOutError, match=r"did not end within 0.5 s|did not end within its time limit"):
        Stack(stack.emulator, hurried=True).up(limited)


def test_time_limit_ends_a_build_that_hangs(stack: Stack) -> None:
    """After the timeout the build is abandoned, the error says what to do, and the name is free."""
    with pytest.raises(TimedOutError, match="run pulumi up again"):
        stack.up(snapshot("SLEEP_BUILD_3", timeout=0.3))
    assert named(stack.emulator) == {}


def test_stream_lost_after_the_build_finds_its_record(stack: Stack) -> None:
    """If the connection breaks after the record was saved, the create finds that record and uses it."""
    stack.emulator.fail({**POST, "kind": "drop", "event": 7})
    stack.up(NEW)
    assert named(stack.emulator)["fixed"]["id"] == stack.outputs(NEW)["snapshotId"]
    assert calls(stack.emulator).count("POST snapshots") == 1
    assert stack.time.waits == []


def test_stream_lost_with_its_build_blocks_the_content(stack: Stack) -> None:
    """A build that our own lost connection ended is not awaited like another client's: a variant is built soon."""
    stack.emulator.fail({**POST, "kind": "drop", "event": 4})
    stack.up(snapshot("SLEEP_BUILD_0.5"))
    assert stack.time.waits == [5.0] * 3
    assert "the connection of this build was lost, and the server cancelled the build" in _warnings(stack)
    assert "another" not in stack.lines.text.replace("another content hash", "")
    assert [build["outcome"] for build in stack.emulator.builds()] == ["cancelled", "ready"]


def test_connection_that_breaks_again_and_again_is_an_error(stack: Stack) -> None:
    """A server that accepts every request and never responds is retried a few times, not forever."""
    stack.emulator.fail({**POST, "kind": "drop", "count": 1000})
    with pytest.raises(StreamLostError, match="broke the connection off"):
        stack.up(NEW)
    # A request that was sent completely is repeated up to four times. One that broke off earlier can't have started a
    # build, so the client retries it in between.
    assert TIMING.attempts <= stack.emulator.applied()[0] <= 4 * TIMING.attempts


def test_stream_lost_while_the_build_goes_on_finds_its_record(stack: Stack) -> None:
    """A build that continues without its stream is followed to its end, not requested again."""
    stack.emulator.fail({**POST, "kind": "drop", "event": 4, "unseen": True})
    patient = Stack(stack.emulator, hurried=True)
    patient.up(_slow())
    assert len(stack.emulator.builds()) == 1
    assert named(stack.emulator)["fixed"]["id"] == patient.outputs(_slow())["snapshotId"]


def test_stream_lost_before_its_first_word_is_asked_for_again(stack: Stack) -> None:
    """If the server has no record of the content, the build has not begun, so it is requested again."""
    stack.emulator.fail({**POST, "kind": "drop"})
    stack.up(NEW)
    assert len(stack.emulator.builds()) == 1
    assert named(stack.emulator)["fixed"]["id"] == stack.outputs(NEW)["snapshotId"]


def test_build_that_failed_out_of_hearing_is_an_error(stack: Stack) -> None:
    """The reason was sent on the lost connection; the error says how to see it."""
    stack.emulator.fail({**POST, "kind": "drop", "event": 4, "unseen": True})
    with pytest.raises(BuildFailedError, match="Run the same command again to see it"):
        Stack(stack.emulator, hurried=True).up(snapshot("echo FAIL_BUILD"))


def test_gateway_that_gives_up_on_a_build_is_followed(stack: Stack) -> None:
    """A 524 response says nothing about the build behind the gateway: it is found, and not started twice."""
    stack.emulator.fail({**POST, "kind": "status", "status": 524, "when": "after"})
    stack.up(NEW)
    assert len(stack.emulator.builds()) == 1
    assert named(stack.emulator)["fixed"]["id"] == stack.outputs(NEW)["snapshotId"]


@pytest.mark.parametrize("more", [{}, {"when": "after"}], ids=["nothing was built", "the build went on"])
def test_create_is_patient_with_a_503_that_names_no_time(stack: Stack, more: dict[str, Any]) -> None:
    """It may come from a gateway whose server restarts, or has begun the build: so look, and then ask again."""
    stack.emulator.fail({**POST, "kind": "status", "status": 503, **more})
    stack.up(NEW)
    assert len(stack.emulator.builds()) == 1
    assert named(stack.emulator)["fixed"]["id"] == stack.outputs(NEW)["snapshotId"]


def test_create_ends_where_a_503_stays(stack: Stack) -> None:
    """After 45 s of looks the server counts as away."""
    stack.emulator.fail({**POST, "kind": "status", "status": 503, "count": 1000})
    with pytest.raises(UnavailableError, match="status 503"):
        stack.up(NEW)
    assert sum(stack.time.waits) == pytest.approx(45)


def test_predecessor_that_the_read_replica_still_shows_is_not_the_lost_build(stack: Stack) -> None:
    """If a forced replacement's last response is lost, the deleted record is not taken for the new one."""
    stack.up(NEW)
    old = call(stack.emulator, "GET", "/api/snapshots/fixed").json()
    past = {"kind": "status", "status": 200, "body": json.dumps(old), "count": 6}
    stack.emulator.fail(
        {**POST, "nth": 2, "kind": "drop", "event": 2, "cut": "before"},
        {"method": "GET", "path": "/api/snapshots/fixed", **past},
    )
    stack.outputs(NEW)["status"] = "foreign"
    stack.up(NEW)
    assert named(stack.emulator)["fixed"]["id"] == stack.outputs(NEW)["snapshotId"] != old["id"]


def test_refused_list_while_a_build_is_followed_does_not_end_it(stack: Stack) -> None:
    """A failed poll is repeated."""
    leave_build(stack.emulator, NEW, "building", age=1810)
    stack.emulator.fail({**LIST, "kind": "status", "status": 503, "count": 5})
    stack.up(NEW)
    assert set(named(stack.emulator)) == {"fixed"}


def test_client_that_goes_away_blocks_its_content(faulty: FaultyEmulator) -> None:
    """These tests rely on this: if a plain client disconnects, its record stays `building`."""
    with _open(faulty):
        wait_until(faulty.builds)
    wait_until(lambda: [build["outcome"] for build in faulty.builds()] == ["cancelled"])
    assert [record["status"] for record in faulty.images()] == ["building"]
    assert "timed out waiting" in create(faulty, "fixed", prepare(_slow().news["manifest"]).image()).text
