"""Cancelling a run: work that has not begun is not started, and nothing is left half done."""

from __future__ import annotations

import threading
from typing import Any, cast

import pytest

from emulator_process import wait_until
from pulumi_opencomputer.api.client import Client
from pulumi_opencomputer.errors import RunCancelledError, TimedOutError
from pulumi_opencomputer.lifecycle import Lifecycle
from pulumi_opencomputer.lifecycle.status import MISSING
from stack import Lines, Stack, image, leave_build, named, snapshot

NEW = snapshot("make new")


class _CancellingClient(Client):
    """A client that cancels the run when the record of the old content is deleted."""

    lifecycle: Lifecycle

    def delete_snapshot(self, name: str) -> Any:
        if name == "fixed":
            self.lifecycle.cancel()
        return super().delete_snapshot(name)


def _create(lifecycle: Lifecycle, resource: Any, lines: Lines) -> None:
    checked = lifecycle.check(resource.kind, resource.urn, {}, resource.news)
    lifecycle.create(resource.kind, resource.urn, checked.inputs, lines)


def test_waiting_for_anothers_build_ends(stack: Stack) -> None:
    """A cancelled run doesn't wait for another client's build; the next run finds it in the cache."""
    leave_build(stack.emulator, NEW, "building", age=60)
    patient = Stack(stack.emulator, hurried=True)
    failed: list[BaseException] = []

    def run(lifecycle: Lifecycle, lines: Lines) -> None:
        try:
            _create(lifecycle, NEW, lines)
        except RunCancelledError as error:
            failed.append(error)

    with patient.process() as lifecycle:
        lines = Lines()
        thread = threading.Thread(target=run, args=(lifecycle, lines))
        thread.start()
        wait_until(lambda: "waiting for it" in lines.text)
        lifecycle.cancel()
        thread.join(30)
    assert len(failed) == 1
    assert named(stack.emulator) == {}


def test_a_swap_that_has_begun_is_brought_to_its_end(stack: Stack) -> None:
    """Once the old record is deleted, the new one is created despite the cancel: stopping would leave no name."""
    stack.up(snapshot("make old"))

    def client(settings: Any) -> Client:
        made = cast("_CancellingClient", stack.client(settings, _CancellingClient))
        made.lifecycle = lifecycle
        return made

    stack.make_client = client
    old = stack.state[NEW.urn]
    with stack.process() as lifecycle:
        checked = lifecycle.check(NEW.kind, NEW.urn, old.inputs, NEW.news)
        lifecycle.diff(NEW.kind, NEW.urn, old.outputs, checked.inputs)
        created = lifecycle.create(NEW.kind, NEW.urn, checked.inputs, Lines())
    assert {record["id"] for record in named(stack.emulator).values()} == {created.outputs["snapshotId"]}
    assert set(named(stack.emulator)) == {"fixed"}


def test_a_swap_that_has_begun_has_the_time_that_it_needs(stack: Stack) -> None:
    """A time limit that expires between a swap's two calls does not prevent the second one."""
    stack.up(snapshot("make old"))
    # The DELETE alone takes longer than the resource's time limit.
    stack.emulator.fail({"method": "DELETE", "path": "/api/snapshots/fixed", "kind": "delay", "seconds": 1.1})
    stack.up(snapshot("make new", timeout=1))
    assert stack.emulator.applied() == [1]
    assert named(stack.emulator)["fixed"]["id"] == stack.outputs(NEW)["snapshotId"]


def test_who_waits_for_the_content_waits_no_longer_than_its_limit(stack: Stack) -> None:
    """A create that waits for another build in this process stops at its own time limit."""
    with stack.process() as lifecycle:
        thread = threading.Thread(target=_create, args=(lifecycle, snapshot("SLEEP_BUILD_2", urn="slow"), Lines()))
        thread.start()
        wait_until(lambda: [build["outcome"] for build in stack.emulator.builds()] == ["running"])
        with pytest.raises(TimedOutError, match=r"did not end within 0\.2 s"):
            _create(lifecycle, snapshot("SLEEP_BUILD_2", name="other", timeout=0.2), Lines())
        assert [build["outcome"] for build in stack.emulator.builds()] == ["running"]
        thread.join()


def test_cancel_before_the_last_byte_begins_no_build(stack: Stack) -> None:
    """A request that is still being sent when the run is cancelled does not start a build."""
    real = stack.make_client

    def make(settings: Any) -> Client:
        client = real(settings)
        create = client.create_snapshot

        def create_snapshot(request: Any, **more: Any) -> Any:
            lifecycle.cancel()
            return create(request, **more)

        client.create_snapshot = create_snapshot
        return client

    stack.make_client = make
    with stack.process() as lifecycle, pytest.raises(RunCancelledError):
        _create(lifecycle, NEW, Lines())
    assert stack.emulator.builds() == []


def test_nothing_begins_after_it(stack: Stack) -> None:
    """A create after the cancel fails before anything is sent."""
    with stack.process() as lifecycle:
        lifecycle.cancel()
        stack.emulator.forget_requests()
        with pytest.raises(RunCancelledError):
            _create(lifecycle, NEW, Lines())
    assert stack.emulator.requests() == []


def test_next_run_of_the_same_process_is_not_cancelled(stack: Stack) -> None:
    """A plugin that an engine finds running serves several runs, each with a lifecycle that begins anew."""
    with stack.process() as lifecycle:
        lifecycle.cancel()
        with pytest.raises(RunCancelledError):
            _create(lifecycle, NEW, Lines())
        lifecycle.begin_run()
        _create(lifecycle, NEW, Lines())
    assert "fixed" in named(stack.emulator)


def test_next_run_of_the_same_process_reads_the_server_again(stack: Stack) -> None:
    """What an earlier run learned about the server may have changed since."""
    built = image("make old")
    stack.up(built)
    state = stack.outputs(built)
    with stack.process() as lifecycle:
        assert lifecycle.read(built.kind, built.urn, state) == state
        stack.emulator.delete_checkpoint(state["checkpointId"])
        lifecycle.begin_run()
        assert lifecycle.read(built.kind, built.urn, state) == {**state, "status": MISSING}
