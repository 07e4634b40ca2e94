"""The plugin's process: many operations at once, cancelled runs, and how it ends."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2

from emulator_process import Emulator, wait_until
from faulty_process import FaultyEmulator
from plugin_process import DEADLINE, IMAGE, Plugin, create_request, urn

pytestmark = pytest.mark.long

BUILDS = 64


def snapshot(command: str, name: str) -> dict[str, Any]:
    """A snapshot's inputs."""
    return {"manifest": {"steps": [{"run": [command]}]}, "name": name}


def begin(plugin: Plugin, command: str, name: str) -> grpc.Future:
    """Begin to create a snapshot."""
    inputs = plugin.checked(snapshot(command, name), of=urn(name))
    return plugin.stub.Create.future(create_request(inputs, of=urn(name)), timeout=DEADLINE)


def failure(future: grpc.Future) -> tuple[grpc.StatusCode, str]:
    """The status and message of a create that must fail."""
    with pytest.raises(grpc.RpcError) as caught:
        future.result()
    error: Any = caught.value
    return error.code(), error.details()


def is_building(emulator: Emulator, count: int = 1) -> bool:
    """Whether so many builds are running."""
    return sum(record["status"] == "building" for record in emulator.images()) == count


def test_64_builds_run_simultaneously_and_checks_return_meanwhile(own_plugin: Plugin, emulator: Emulator) -> None:
    """All builds together take about the time of one, and a check returns while they run."""
    own_plugin.up(snapshot("true", "warm"), of=urn("warm"))
    began = time.monotonic()
    creates = [begin(own_plugin, f"SLEEP_BUILD_8 {number}", f"daily-{number}") for number in range(BUILDS)]
    wait_until(lambda: is_building(emulator, BUILDS))
    asked = time.monotonic()
    inputs = own_plugin.checked(snapshot("make", "other"), of=urn("other"))
    answered = time.monotonic()
    assert not any(create.done() for create in creates)
    assert inputs["contentHash"]
    assert answered - asked < 2
    assert {create.result().id for create in creates} == {f"daily-{number}" for number in range(BUILDS)}
    assert time.monotonic() - began < 8 * 4


def test_a_cancelled_run_begins_no_build_and_completes_the_running_one(own_plugin: Plugin, emulator: Emulator) -> None:
    """The running build is completed, and a line explains why. A create that waits for it, or comes later, fails."""
    running = begin(own_plugin, "SLEEP_BUILD_2", "first")
    wait_until(lambda: is_building(emulator))
    waiting = begin(own_plugin, "SLEEP_BUILD_2", "second")
    wait_until(lambda: len(own_plugin.engine.lines) > 0)
    own_plugin.call("Cancel", empty_pb2.Empty())
    code, text = failure(waiting)
    assert code is grpc.StatusCode.CANCELLED
    assert text.startswith("The run was cancelled before this was built.")
    assert not running.done()
    assert failure(begin(own_plugin, "make", "third"))[0] is grpc.StatusCode.CANCELLED
    assert running.result().id == "first"
    said = own_plugin.engine.of(urn("first"))
    assert any(line.startswith("cancelled: a build that has already started still finishes") for line in said)
    assert [record["name"] for record in emulator.snapshots()] == ["first"]


def test_a_replacement_cancelled_during_its_build_keeps_the_old_record(own_plugin: Plugin, start_emulator) -> None:
    """A cancelled run does not put a new image under the name."""
    emulator = start_emulator()
    own_plugin.configure(apiKey=emulator.api_key, apiUrl=emulator.url)
    made = own_plugin.up(snapshot("make", "fixed"), of=urn("fixed"))
    inputs = own_plugin.checked(snapshot("SLEEP_BUILD_1", "fixed"), made.inputs, of=urn("fixed"))
    own_plugin.diff(made, inputs)
    replacing = own_plugin.stub.Create.future(create_request(inputs, of=urn("fixed")), timeout=DEADLINE)
    wait_until(lambda: is_building(emulator))
    own_plugin.call("Cancel", empty_pb2.Empty())
    assert failure(replacing)[0] is grpc.StatusCode.CANCELLED
    assert made.outputs["snapshotId"] in {record["id"] for record in emulator.snapshots()}


def test_a_stopped_plugin_leaves_no_process_and_loses_no_build(own_plugin: Plugin, emulator: Emulator) -> None:
    """If it is stopped during a build, the process ends at once, and the build is still completed."""
    running = begin(own_plugin, "SLEEP_BUILD_2", "first")
    wait_until(lambda: is_building(emulator))
    assert own_plugin.end() == 0
    assert failure(running)[0] in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
    (build,) = wait_until(
        lambda: [record for record in emulator.images() if record["status"] == "ready" and "name" not in record]
    )
    assert build["manifest"]["steps"][0]["args"]["commands"] == ["SLEEP_BUILD_2"]
    assert own_plugin.errors() == ""


def test_a_plugin_stopped_during_a_swap_leaves_no_name_missing(own_plugin: Plugin, tmp_path: Path) -> None:
    """If it is stopped between the two calls of a swap, it first makes the second one."""
    with FaultyEmulator(tmp_path / "faulty") as emulator:
        own_plugin.configure(apiKey=emulator.api_key, apiUrl=emulator.url)
        made = own_plugin.up(snapshot("make", "fixed"), of=urn("fixed"))
        inputs = own_plugin.checked(snapshot("make new", "fixed"), made.inputs, of=urn("fixed"))
        own_plugin.diff(made, inputs)
        emulator.fail({"method": "POST", "path": "/api/snapshots", "kind": "delay", "nth": 2, "seconds": 1})
        replacing = own_plugin.stub.Create.future(create_request(inputs, of=urn("fixed")), timeout=DEADLINE)
        wait_until(lambda: "fixed" not in {record["name"] for record in emulator.snapshots()})
        assert own_plugin.end() == 0
        assert replacing.exception() is not None or replacing.result().id == "fixed"
        wait_until(lambda: "fixed" in {record["name"] for record in emulator.snapshots()})


def test_it_ends_when_its_engine_is_gone(own_plugin: Plugin) -> None:
    """A killed engine can't stop its plugin, so the plugin ends by itself."""
    own_plugin.up(snapshot("make", "first"), of=urn("first"))
    own_plugin.engine.stop()
    assert own_plugin.process.wait(DEADLINE) == 0


def test_images_and_snapshots_of_one_content_share_a_build(own_plugin: Plugin, emulator: Emulator) -> None:
    """An image and ten snapshots of one content are built once."""
    manifest = {"manifest": {"steps": [{"run": ["SLEEP_BUILD_1"]}]}}
    names = [f"daily-{number}" for number in range(10)]
    with ThreadPoolExecutor(11) as threads:
        image = threads.submit(own_plugin.up, manifest, of=urn("toolchain", IMAGE))
        rest = [threads.submit(own_plugin.up, {**manifest, "name": name}, of=urn(name)) for name in names]
    assert image.result().outputs["status"] == "ready"
    assert {each.result().id for each in rest} == set(names)
    assert len(emulator.builds()) == 1
