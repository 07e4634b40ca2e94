"""Parallel builds of one content, also after a killed run: there is one build, and nobody waits longer than it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from emulator_client import create, manifest, open_post
from emulator_process import wait_until
from faulty_process import FaultyEmulator
from pulumi_opencomputer.api.client import Client, RecordList
from pulumi_opencomputer.api.run_lock import RunLock, this_run
from pulumi_opencomputer.content.hashing import content_hash
from pulumi_opencomputer.errors import BuildFailedError
from pulumi_opencomputer.lifecycle.names import RUN_KEY
from pulumi_opencomputer.manifest.prepared import prepare
from stack import Lines, Resource, Stack, leave_build, named, snapshot

pytestmark = pytest.mark.long

SLOW = snapshot("SLEEP_BUILD_2")
NEW = snapshot("make new")


def _image(resource: Resource) -> dict[str, Any]:
    return prepare(resource.news["manifest"]).image()


def _creates(stack: Stack, *resources: Resource) -> list[Any]:
    """Create resources at once in one process; return what each returned or raised."""
    results: list[Any] = [None] * len(resources)
    with stack.process() as lifecycle:

        def run(index: int) -> None:
            resource = resources[index]
            inputs = lifecycle.check(resource.kind, resource.urn, {}, resource.news).inputs
            try:
                results[index] = lifecycle.create(resource.kind, resource.urn, inputs, Lines())
            except BuildFailedError as error:
                results[index] = error

        threads = [threading.Thread(target=run, args=(index,)) for index in range(len(resources))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return results


@pytest.mark.parametrize("edge", [{}, {"edge_lag": "1"}], ids=["control plane", "edge"])
def test_content_that_another_builds_is_taken_as_soon_as_it_is_ready(
    start_faulty: Callable[..., FaultyEmulator], edge: dict[str, Any]
) -> None:
    """The silent request would wait 120 s and fail; polling the record shows when a new request is a cache hit."""
    emulator = start_faulty(wait_seconds=60, **edge)
    body = {"name": "theirs", "image": _image(SLOW)}
    with open_post(emulator, "/api/snapshots", body):
        wait_until(emulator.builds)
        stack = Stack(emulator, hurried=True)
        began = time.monotonic()
        stack.up(SLOW)
        assert time.monotonic() - began < 10
    assert [build["outcome"] for build in emulator.builds()] == ["ready"]
    assert stack.outputs(SLOW)["builtHash"] == stack.outputs(SLOW)["contentHash"]
    assert stack.lines.warnings == []


def test_slow_start_of_ones_own_build_is_not_taken_for_anothers(stack: Stack) -> None:
    """A silent request whose record is `building` is not abandoned."""
    stack.emulator.fail({"method": "POST", "path": "/api/snapshots", "kind": "delay", "seconds": 0.45})
    stack.up(NEW)
    assert len(stack.emulator.builds()) == 1
    assert [request["method"] for request in stack.emulator.requests()].count("POST") == 1


def test_content_that_fails_is_built_once_for_all_that_wait(stack: Stack) -> None:
    """Eight snapshots get the failure, each with its own message, and the server builds once."""
    resources = [snapshot("SLEEP_BUILD_1 FAIL_BUILD", urn=f"number-{number}", name=None) for number in range(8)]
    results = _creates(stack, *resources)
    assert {type(result) for result in results} == {BuildFailedError}
    assert all("[2/2] run SLEEP_BUILD_1 FAIL_BUILD" in str(result) for result in results)
    assert [build["outcome"] for build in stack.emulator.builds()] == ["failed"]


def test_content_that_failed_is_built_again_by_who_comes_later(stack: Stack) -> None:
    """A build that failed before may succeed now."""
    failing = snapshot("echo FAIL_BUILD")
    with stack.process() as lifecycle:
        inputs = lifecycle.check(failing.kind, failing.urn, {}, failing.news).inputs
        for _ in range(2):
            with pytest.raises(BuildFailedError):
                lifecycle.create(failing.kind, failing.urn, inputs, Lines())
    assert len(stack.emulator.builds()) == 2


def _left_by(emulator: FaultyEmulator, run_id: str) -> str:
    """Leave a `building` record of NEW that a run requested; return its content hash."""
    return leave_build(emulator, NEW, "building", more={RUN_KEY: run_id})


def test_build_of_a_run_that_ended_on_this_machine_is_dead_at_once(stack: Stack) -> None:
    """The run's lock is free, so neither it nor its guard has the stream, and there is nothing to wait for."""
    program = "from pulumi_opencomputer.api.run_lock import this_run as r; r().hold(); print(r().id)"
    run_id = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()
    _left_by(stack.emulator, run_id)
    stack.up(NEW)
    assert stack.time.waits == []
    assert stack.outputs(NEW)["builtHash"] != stack.outputs(NEW)["contentHash"]
    assert "an earlier build of this content was cut off 0 min ago" in "\n".join(stack.lines.warnings)


def test_build_whose_run_still_keeps_its_stream_is_waited_for(stack: Stack) -> None:
    """A run on this machine has the lock, so its build counts as alive until the server's own time limits."""
    lock = RunLock()
    lock.hold()
    try:
        _left_by(stack.emulator, lock.id)
        stack.up(NEW)
    finally:
        lock.release()
    assert sum(stack.time.waits) > 1700
    assert "another build of this content" in stack.lines.text


def test_record_names_the_run_that_asked_for_it(stack: Stack) -> None:
    """The run is in a key that the server stores but does not hash."""
    stack.up(NEW)
    assert named(stack.emulator)["fixed"]["manifest"][RUN_KEY] == this_run().id


@pytest.mark.parametrize("skew", [1200, -86400])
def test_ages_are_of_the_servers_clock(start_faulty: Callable[..., FaultyEmulator], skew: float) -> None:
    """A wrong local clock doesn't make a running build look dead, or an age negative."""
    emulator = start_faulty(clock_skew_seconds=skew)
    leave_build(emulator, NEW, "building", age=1740)
    stack = Stack(emulator)
    stack.up(NEW)
    assert "has been running for 29 min" in stack.lines.text
    assert 100 < sum(stack.time.waits) < 140


def test_content_that_fails_for_another_is_built_as_a_variant_at_once(
    start_faulty: Callable[..., FaultyEmulator],
) -> None:
    """A silent request would wait in vain for the failed build; a variant shows whether the content can be built."""
    emulator = start_faulty(wait_seconds=60)
    leave_build(emulator, NEW, "building", age=60)
    stack = Stack(emulator, hurried=True)
    thread = threading.Thread(target=stack.up, args=(NEW,))
    thread.start()
    wait_until(lambda: "another build of this content" in stack.lines.text)
    emulator.change({"contentHash": content_hash(_image(NEW))}, status="failed")
    thread.join(30)
    assert stack.outputs(NEW)["builtHash"] != stack.outputs(NEW)["contentHash"]


def test_looks_that_the_server_refuses_do_not_end_a_build(stack: Stack) -> None:
    """The build's request continues even if polling the list fails."""
    stack.emulator.fail(
        {"method": "POST", "path": "/api/snapshots", "kind": "delay", "seconds": 0.45},
        {"method": "GET", "path": "/api/images", "kind": "status", "status": 403, "count": 1000},
    )
    stack.up(NEW)
    assert len(stack.emulator.builds()) == 1


def test_second_of_two_that_leave_blocked_content_waits_no_longer_than_the_build(
    start_faulty: Callable[..., FaultyEmulator],
) -> None:
    """Both request the variant at once; the one that the server lets wait looks for the other's result."""
    emulator = start_faulty(wait_seconds=60)
    leave_build(emulator, SLOW, "building", age=3600)
    before = len(emulator.builds())
    stacks = [Stack(emulator, hurried=True) for _ in range(2)]
    resources = [snapshot("SLEEP_BUILD_2", stack=f"stack-{number}", name=f"name-{number}") for number in range(2)]
    threads = [threading.Thread(target=stacks[number].up, args=(resources[number],)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert set(named(emulator)) == {"name-0", "name-1"}
    assert [build["outcome"] for build in emulator.builds()[before:]] == ["ready"]


def test_look_at_a_silent_request_reads_no_further_than_the_record_of_its_content(
    start_faulty: Callable[..., FaultyEmulator],
) -> None:
    """A list holds every embedded file, and the newest record of the content is the one that counts."""
    emulator = start_faulty(wait_seconds=60)
    for number in range(5):
        create(emulator, f"earlier-{number}", manifest(f"earlier {number}")).raise_for_status()
    read: list[int] = []

    class Counting(Client):
        def list_images(self, **more: Any) -> RecordList:
            records = super().list_images(**more)
            read.append(len(records))
            return records

    with open_post(emulator, "/api/snapshots", {"name": "theirs", "image": _image(SLOW)}):
        wait_until(lambda: [build for build in emulator.builds() if build["outcome"] == "running"])
        stack = Stack(emulator, hurried=True)
        stack.make_client = lambda settings: stack.client(settings, Counting)
        stack.up(SLOW)
    assert len(read) > 2
    assert max(read) <= 2
