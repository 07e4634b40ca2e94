"""Whatever is killed at any point, the next `pulumi up` of the same program ends as if nothing had happened."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

import gated_emulator
from adapters import DYNAMIC, PLUGIN, Adapter
from amounts import KILLS
from emulator_process import Emulator, wait_until
from project import Project, Running, is_alive
from pulumi_opencomputer.lifecycle.names import scratch_name

# Seconds of a build that is longer than the five seconds that an interrupted engine gives its provider.
LONG = 7
SHORT = 2

TRIAL = """
    trial = Snapshot("trial", Manifest.base().run_commands("make trial {version} SLEEP_BUILD_{seconds}"))
    pulumi.export("trial", pulumi.Output.all(trial.name, trial.snapshot_id, trial.built_hash))
"""
BOTH = (
    TRIAL
    + """
    daily = Snapshot("daily", Manifest.base().run_commands("make {version} SLEEP_BUILD_{seconds}"), name="fixed")
    pulumi.export("daily", pulumi.Output.all(daily.name, daily.snapshot_id, daily.built_hash))
"""
)


class World:
    """A project and its emulator, whose state can be saved and restored.

    Attributes:
        project: The project.
        emulator: The emulator, with a gate.
    """

    def __init__(self, folder: Path, tools: str, home: Path, adapter: Adapter) -> None:
        self._folder = folder
        self._gate = folder / "gate"
        self.emulator = Emulator(
            folder / "emulator",
            command=(sys.executable, gated_emulator.__file__, "--gate", str(self._gate)),
            step_seconds=0.05,
            keepalive_seconds=1,
            wait_seconds=3,
        )
        settings = {"OPENCOMPUTER_API_URL": self.emulator.url, "OPENCOMPUTER_API_KEY": self.emulator.api_key}
        self.project = Project(folder / "pulumi", settings, tools, home, adapter)

    def save(self, label: str) -> None:
        """Save the state and the records."""
        self.emulator.stop()
        for part in self._parts():
            shutil.copytree(part, self._saved(label, part))
        self.emulator.restart()

    def restore(self, label: str) -> None:
        """Restore the state and the records."""
        self.open_gate()
        self.emulator.kill()
        for part in self._parts():
            shutil.rmtree(part)
            shutil.copytree(self._saved(label, part), part)
        self.emulator.restart()

    def close_gate(self, request: str) -> None:
        """Block every change that follows a request."""
        self._gate.write_text(request)

    def gate_holds(self) -> bool:
        """Tell whether a request is blocked."""
        return self._gate.with_suffix(".held").exists()

    def open_gate(self) -> None:
        """Let the blocked requests continue."""
        self._gate.unlink(missing_ok=True)
        self._gate.with_suffix(".held").unlink(missing_ok=True)

    def break_server_down(self) -> None:
        """Kill the server and start it again so late that its running builds count as lost."""
        self.emulator.kill()
        self.open_gate()
        self.emulator.restart()
        if any(record["status"] == "building" for record in self.emulator.records()):
            self.emulator.change({"status": "building"}, age=86400.0)

    def scratch(self) -> str:
        """The path of the scratch name of `daily`."""
        return f"/api/snapshots/{scratch_name(self.project.urn('daily'))}"

    def records(self) -> dict[str, dict[str, Any]]:
        """Return the named records by name."""
        return {record["name"]: record for record in self.emulator.snapshots()}

    def _parts(self) -> tuple[Path, Path]:
        return self._folder / "emulator" / "data", self._folder / "pulumi" / "state"

    def _saved(self, label: str, part: Path) -> Path:
        return self._folder / "saved" / label / part.name


@pytest.fixture(scope="module")
def saved_world(
    tmp_path_factory: pytest.TempPathFactory, tools: str, pulumi_home: Path, adapter: Adapter
) -> Iterator[World]:
    """A world that is saved twice: as `empty`, and as `deployed` with both snapshots."""
    world = World(tmp_path_factory.mktemp("world"), tools, pulumi_home, adapter)
    with world.emulator:
        world.save("empty")
        world.project.program(BOTH.format(version=1, seconds=0))
        world.project.up()
        world.save("deployed")
        yield world


class Moment:
    """The moment of the kill.

    Args:
        start: The label of the saved world to start from.
        program: The program to deploy.
        gate: The request after which changes are blocked; without it, the moment is when both snapshots are building.
    """

    def __init__(self, start: str, program: str, gate: Callable[[World], str] | None = None) -> None:
        self.start = start
        self.program = program
        self._gate = gate

    def reach(self, world: World) -> None:
        """Wait for the moment."""
        if self._gate:
            wait_until(world.gate_holds)
        else:
            wait_until(lambda: [build["outcome"] for build in world.emulator.builds()] == ["running"] * 2)

    def prepare(self, world: World) -> None:
        """Restore the world in which the moment begins."""
        world.restore(self.start)
        world.project.program(self.program)
        if self._gate:
            world.close_gate(self._gate(world))


FIXED = "/api/snapshots/fixed"
BUILD = Moment("empty", BOTH.format(version=1, seconds=SHORT))
LONG_BUILD = Moment("empty", BOTH.format(version=1, seconds=LONG))
SCRATCH_BUILD = Moment("deployed", BOTH.format(version=2, seconds=SHORT))
SWAP = Moment("deployed", BOTH.format(version=2, seconds=0), gate=lambda _: f"DELETE {FIXED}")
# The scratch name is deleted first, so the request that is blocked next is the delete of the snapshot itself.
DELETE = Moment("deployed", TRIAL.format(version=1, seconds=0), gate=lambda world: f"DELETE {world.scratch()}")


def interrupt(world: World, running: Running, _provider: int) -> None:
    running.interrupt()


def interrupt_twice(world: World, running: Running, provider: int) -> None:
    running.interrupt()
    wait_until(lambda: "^C" in running.text())
    running.interrupt()
    wait_until(lambda: not is_alive(provider))


def terminate(world: World, running: Running, _provider: int) -> None:
    running.terminate()


def kill_command_line(world: World, running: Running, _provider: int) -> None:
    running.kill()


def kill_provider(world: World, running: Running, provider: int) -> None:
    os.kill(provider, signal.SIGKILL)


def kill_server(world: World, running: Running, _provider: int) -> None:
    world.break_server_down()


CASES = {
    "interrupt in a build": (interrupt, BUILD),
    "two interrupts in a build": (interrupt_twice, LONG_BUILD),
    "SIGKILL of the command line in a build": (kill_command_line, BUILD),
    "SIGKILL of the provider in a build": (kill_provider, BUILD),
    "SIGKILL of the server in a build": (kill_server, BUILD),
    "SIGTERM in a scratch build": (terminate, SCRATCH_BUILD),
    "SIGKILL of the provider in a scratch build": (kill_provider, SCRATCH_BUILD),
    "two interrupts in a swap": (interrupt_twice, SWAP),
    "SIGKILL of the command line in a swap": (kill_command_line, SWAP),
    "SIGKILL of the provider in a swap": (kill_provider, SWAP),
    "SIGKILL of the server in a swap": (kill_server, SWAP),
    "SIGKILL of the provider in a delete": (kill_provider, DELETE),
}


def _cases() -> Iterator[Any]:
    """Yield each kill with each adapter; `make test` uses the adapters alternately."""
    for number, (name, case) in enumerate(CASES.items()):
        for turn, adapter in enumerate((DYNAMIC, PLUGIN)):
            marks = [pytest.mark.full] if (number + turn) % 2 else []
            yield pytest.param(adapter, *case, id=f"{adapter.name}-{name}", marks=marks)


@pytest.mark.parametrize("_repetition", range(KILLS))
@pytest.mark.parametrize(("adapter", "kill", "moment"), list(_cases()), indirect=["adapter"], scope="session")
def test_next_up_ends_as_if_nothing_was_killed(
    saved_world: World, kill: Callable[[World, Running, int], None], moment: Moment, _repetition: int
) -> None:
    """One record per resource, one build per content, right outputs, and always a usable snapshot."""
    world = saved_world
    moment.prepare(world)
    with _always_usable(world, moment), world.project.start() as running:
        provider = running.provider()
        moment.reach(world)
        kill(world, running, provider)
        world.open_gate()
        running.wait()
        if kill is kill_command_line:
            world.project.cancel()
        world.project.up()
        outputs = world.project.outputs().values()
        wanted = {name: id_ for name, id_, _ in outputs}
        # A provider whose command line was killed may still be making a call.
        wait_until(lambda: {name: record["id"] for name, record in world.records().items()} == wanted)
    records = world.records()
    assert {name: record["id"] for name, record in records.items()} == wanted
    for name, _, built_hash in outputs:
        assert records[name]["status"] == "ready"
        assert records[name]["contentHash"].startswith(built_hash)
    builds = world.emulator.builds()
    assert {build["outcome"] for build in builds} <= {"ready"}
    assert set(Counter(build["contentHash"] for build in builds).values()) <= {1}


@contextmanager
def _always_usable(world: World, moment: Moment) -> Iterator[None]:
    """Poll, and fail unless a ready record always has the fixed name or, during a swap, the scratch name."""
    if "daily" not in moment.program or moment.start != "deployed":
        yield
        return
    names = {"fixed", scratch_name(world.project.urn("daily"))}
    lost: list[dict[str, Any]] = []
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            try:
                records = world.records()
            except httpx.HTTPError:
                continue
            if not any(record["status"] == "ready" for name, record in records.items() if name in names):
                lost.append(records)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
    assert lost == []
