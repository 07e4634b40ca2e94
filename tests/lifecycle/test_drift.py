"""What a refresh concludes: a record counts as deleted only if nothing else can explain its absence."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone

import pytest

from emulator_client import call, create, manifest
from faulty_process import FaultyEmulator
from pulumi_opencomputer.errors import ConfigurationError, ConflictError, OpenComputerError
from stack import FakeTime, Stack, calls, image, leave_build, named, snapshot

DAILY, BUILT = snapshot("make old"), image("make old")
GET = {"method": "GET", "path": "/api/snapshots/fixed"}
LIST = {"method": "GET", "path": "/api/images"}
NOT_FOUND = {"kind": "status", "status": 404, "body": '{"error":"snapshot not found"}'}


@pytest.fixture
def deployed(stack: Stack) -> Stack:
    """A stack with a snapshot that has a fixed name."""
    stack.up(DAILY)
    stack.emulator.forget_requests()
    return stack


def _aged(stack: Stack, seconds: float) -> Stack:
    """Let time pass for the stack."""
    stack.time.sleep(seconds)
    stack.time.waits = [sum(stack.time.waits)]
    return stack


def test_old_record_is_gone_after_a_second_look(deployed: Stack) -> None:
    """For an old record, a second 404 after 5 s is decisive."""
    _aged(deployed, 3600)
    call(deployed.emulator, "DELETE", "/api/snapshots/fixed")
    deployed.emulator.forget_requests()
    deployed.refresh()
    assert deployed.state == {}
    assert calls(deployed.emulator) == ["GET fixed", "GET fixed", "GET images"]
    assert deployed.time.waits[1:] == [5.0]


def test_young_record_is_gone_after_a_second_look_as_well(deployed: Stack) -> None:
    """A self-hosted control plane has no index that could lag."""
    call(deployed.emulator, "DELETE", "/api/snapshots/fixed")
    deployed.refresh()
    assert deployed.state == {}
    assert deployed.time.waits == [5.0]


@pytest.mark.parametrize("age", [0, 3600])
def test_record_that_is_not_found_once_stays(deployed: Stack, age: float) -> None:
    """A single 404 changes nothing: it may hide a database error."""
    _aged(deployed, age)
    before = dict(deployed.outputs(DAILY))
    deployed.emulator.fail({**GET, **NOT_FOUND, "count": 1})
    deployed.refresh()
    assert deployed.outputs(DAILY) == before


def test_record_that_was_deleted_outside_is_made_again(deployed: Stack) -> None:
    """After a refresh the next up creates it again from the cache."""
    call(deployed.emulator, "DELETE", "/api/snapshots/fixed")
    deployed.refresh()
    deployed.up(DAILY)
    assert named(deployed.emulator)["fixed"]["id"] == deployed.outputs(DAILY)["snapshotId"]
    assert len(deployed.emulator.builds()) == 1


def test_foreign_record_is_drift_then_a_replacement_then_a_conflict(deployed: Stack) -> None:
    """A refresh reports someone else's record under the name; the next up plans to replace it, and is refused."""
    ours = deployed.outputs(DAILY)["snapshotId"]
    call(deployed.emulator, "DELETE", "/api/snapshots/fixed")
    create(deployed.emulator, "fixed", manifest("theirs"))
    record = named(deployed.emulator)["fixed"]
    deployed.refresh()
    assert deployed.outputs(DAILY)["status"] == "foreign"
    assert deployed.outputs(DAILY)["snapshotId"] == ours
    with pytest.raises(ConflictError, match="was not made by this provider"):
        deployed.up(DAILY)
    assert named(deployed.emulator)["fixed"] == record
    assert deployed.time.waits == []


def test_predecessor_that_the_read_replica_still_shows_is_not_drift(deployed: Stack) -> None:
    """Right after a swap the read replica may still show the previous record, so it is read again."""
    old = call(deployed.emulator, "GET", "/api/snapshots/fixed").json()
    deployed.up(snapshot("make new"))
    past = {"kind": "status", "status": 200, "body": json.dumps(old), "count": 3}
    deployed.emulator.fail({**GET, **past})
    before = deployed.outputs(DAILY)
    deployed.refresh()
    assert deployed.outputs(DAILY) == before
    assert deployed.time.waits == [5.0] * 3


def test_delete_after_a_swap_does_not_take_the_successor_for_the_record_before(deployed: Stack) -> None:
    """The read replica may still show the replaced record under the name that the new one has by then."""
    old = call(deployed.emulator, "GET", "/api/snapshots/fixed").json()
    past = {"kind": "status", "status": 200, "body": json.dumps(old), "count": 1000}
    deployed.emulator.fail({**GET, **past})
    deployed.up(snapshot("make new"))
    deployed.emulator.fail()
    assert named(deployed.emulator)["fixed"]["id"] == deployed.outputs(DAILY)["snapshotId"]


def test_delete_just_after_a_create_waits_for_the_read_replica(deployed: Stack) -> None:
    """A record that the read replica does not show yet is deleted too."""
    deployed.emulator.fail({**GET, **NOT_FOUND, "count": 11})
    deployed.destroy()
    assert named(deployed.emulator) == {}


def test_delete_of_an_older_record_believes_a_404_at_once(deployed: Stack) -> None:
    """A minute after the create, the read replica has the record."""
    _aged(deployed, 61)
    call(deployed.emulator, "DELETE", "/api/snapshots/fixed")
    deployed.destroy()
    assert deployed.time.waits == [61]


def test_unrecorded_record_that_the_read_replica_does_not_show_yet_is_waited_for(deployed: Stack) -> None:
    """If our own unrecorded record has the name but lists and GETs don't show it yet, the create waits for it."""
    again = Stack(deployed.emulator)
    deployed.emulator.fail({**GET, **NOT_FOUND, "count": 5})
    again.up(DAILY)
    assert named(deployed.emulator)["fixed"]["id"] == again.outputs(DAILY)["snapshotId"]


def test_whole_life_passes_behind_a_read_replica_that_lags(start_faulty: Callable[..., FaultyEmulator]) -> None:
    """Create, refresh, replace, refresh and destroy work, each before the read replica has caught up."""
    faulty = start_faulty(mirror_lag_seconds=0.3)
    stack = Stack(faulty, hurried=True)
    stack.up(DAILY, BUILT)
    stack.refresh()
    assert stack.outputs(DAILY)["status"] == "ready"
    new = snapshot("make new")
    stack.up(new, BUILT)
    stack.refresh()
    assert stack.outputs(new)["status"] == "ready"
    stack.up(new, BUILT)
    assert len(faulty.builds()) == 2
    stack.destroy()
    again = Stack(faulty, hurried=True)
    again.up(new)
    assert again.outputs(new)["snapshotId"]


def test_failed_record_is_rebuilt(deployed: Stack) -> None:
    """The next up replaces a record whose status is `failed`."""
    failed = {**call(deployed.emulator, "GET", "/api/snapshots/fixed").json(), "status": "failed"}
    deployed.emulator.fail({**GET, "kind": "status", "status": 200, "body": json.dumps(failed)})
    before = deployed.outputs(DAILY)["snapshotId"]
    deployed.refresh()
    assert deployed.outputs(DAILY)["status"] == "failed"
    deployed.up(DAILY)
    assert deployed.outputs(DAILY)["status"] == "ready"
    assert named(deployed.emulator)["fixed"]["id"] == deployed.outputs(DAILY)["snapshotId"] != before


ERRORS = {
    "401": {"kind": "status", "status": 401, "body": '{"error":"missing API key"}'},
    "403": {"kind": "status", "status": 403, "body": '{"error":"invalid API key"}'},
    "429": {"kind": "status", "status": 429},
    "500": {"kind": "status", "status": 500},
    "502": {"kind": "status", "status": 502, "body": "<html>"},
    "503": {"kind": "status", "status": 503},
    "504": {"kind": "status", "status": 504},
    "524": {"kind": "status", "status": 524},
    "404 of another server": {"kind": "status", "status": 404, "body": "<html>no such page</html>"},
    "404 of the router": {"kind": "status", "status": 404, "body": '{"message":"Not Found"}'},
    "redirect": {"kind": "status", "status": 302, "headers": {"location": "https://sso.example/"}},
    "page": {"kind": "status", "status": 200, "headers": {"content-type": "text/html"}, "body": "<html>"},
    "broken JSON": {"kind": "malformed"},
    "empty": {"kind": "status", "status": 200, "body": ""},
    "null": {"kind": "status", "status": 200, "body": "null"},
    "cut off": {"kind": "truncate"},
    "dropped": {"kind": "drop"},
    "silent": {"kind": "hang"},
}


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
@pytest.mark.parametrize("resource", [DAILY, BUILT], ids=["snapshot", "image"])
def test_error_never_means_gone(stack: Stack, resource, error: dict) -> None:
    """Any other response of the server is an error, and the state stays as it is."""
    stack.up(resource)
    before = dict(stack.outputs(resource))
    stack.emulator.fail({**(GET if resource is DAILY else LIST), **error, "count": 1000})
    with pytest.raises(OpenComputerError):
        stack.refresh()
    assert stack.outputs(resource) == before


@pytest.mark.parametrize("command", [Stack.refresh, Stack.destroy])
def test_another_address_is_an_error(deployed: Stack, emulator, command: Callable[[Stack], None]) -> None:
    """A record at another address than the configured one does not count as deleted, and is not deleted."""
    deployed.url = emulator.url
    with pytest.raises(ConfigurationError, match=f"lives at {deployed.emulator.url}, but .* for {emulator.url}"):
        command(deployed)
    assert set(deployed.state) == {DAILY.urn}
    assert set(named(deployed.emulator)) == {"fixed"}
    assert emulator.requests() == []


def test_images_are_read_with_one_list_call(stack: Stack) -> None:
    """A refresh makes one list request, however many images there are."""
    program = [image(f"make {number}", urn=f"image-{number}") for number in range(5)]
    stack.up(*program)
    stack.emulator.forget_requests()
    stack.refresh()
    assert calls(stack.emulator) == ["GET images"]
    assert len(stack.state) == 5


def test_image_that_is_not_listed_is_gone_after_a_second_look(stack: Stack) -> None:
    """If two complete lists, 5 s apart, don't contain the image, the server has lost it."""
    stack.up(BUILT)
    stack.emulator.clear()
    stack.emulator.create("another", manifest("make another"))
    stack.emulator.forget_requests()
    stack.refresh()
    assert stack.state == {}
    assert calls(stack.emulator) == ["GET images"] * 2
    assert stack.time.waits == [5.0]


def test_image_that_the_read_replica_lists_late_stays(stack: Stack) -> None:
    """The image is missing from the first list, but not from the second."""
    stack.up(BUILT)
    stack.emulator.fail({**LIST, "kind": "status", "status": 200, "body": "[]"})
    stack.refresh()
    assert set(stack.state) == {BUILT.urn}


@pytest.mark.parametrize(("length", "stays"), [(199, False), (200, True)])
def test_absence_in_a_full_list_proves_nothing(stack: Stack, length: int, stays: bool) -> None:
    """The public endpoint lists at most 200 records; the image may be one of those that are cut off."""
    stack.up(BUILT)
    (record,) = [record for record in stack.emulator.images() if not record.get("name")]
    others = [{**record, "id": f"id-{number}", "contentHash": f"{number:064x}"} for number in range(length)]
    stack.emulator.fail({**LIST, "kind": "status", "status": 200, "body": json.dumps(others), "count": 1000})
    stack.refresh()
    assert (BUILT.urn in stack.state) == stays


def test_image_whose_record_says_failed_is_built_as_a_variant(stack: Stack) -> None:
    """The cache can't serve a failed image, so a variant of the content is built once."""
    leave_build(stack.emulator, BUILT, "failed")
    stack.up(BUILT)
    stack.refresh()
    outputs = stack.outputs(BUILT)
    assert outputs["status"] == "ready"
    assert outputs["builtHash"] != outputs["contentHash"]
    stack.up(BUILT)
    assert stack.outputs(BUILT) == outputs


def test_state_without_a_time_is_read_like_an_old_one(deployed: Stack) -> None:
    """Without the record's creation time it is read twice, like an old one."""
    entry = deployed.state[DAILY.urn]
    del entry.outputs["createdAt"]
    call(deployed.emulator, "DELETE", "/api/snapshots/fixed")
    deployed.refresh()
    assert deployed.time.waits == [5.0]


@pytest.mark.parametrize(("age", "stays"), [(590, True), (610, False)])
def test_age_is_that_of_utc(start_faulty: Callable[..., FaultyEmulator], age: float, stays: bool) -> None:
    """Times are in UTC. Behind the public endpoint, a record younger than ten minutes may just not be visible yet."""
    deployed = Stack(start_faulty(edge=True))
    deployed.up(DAILY)
    text = deployed.outputs(DAILY)["createdAt"].partition(".")[0]
    created = datetime.fromisoformat(text).replace(tzinfo=timezone.utc)
    call(deployed.emulator, "DELETE", "/api/snapshots/fixed")
    copy = Stack(deployed.emulator, time=_At(created.timestamp() + age))
    copy.state = {DAILY.urn: replace(deployed.state[DAILY.urn])}
    copy.refresh()
    assert bool(copy.state) == stays
    assert copy.time.waits == [5.0]


class _At(FakeTime):
    """Time that stands still."""

    def __init__(self, moment: float) -> None:
        super().__init__()
        self._moment = moment

    def now(self) -> float:
        return self._moment
