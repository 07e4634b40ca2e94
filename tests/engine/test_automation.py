"""Inline programs of the Automation API, with the engine's events as they arrive."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi import automation
from pulumi.automation import EngineEvent

from adapters import DYNAMIC, Adapter, mostly
from emulator_process import Emulator
from project import Project

SNAPSHOTS = 100


@pytest.fixture
def package(adapter: Adapter) -> Any:
    """The module from which programs import the resources."""
    return importlib.import_module(adapter.module)


@pytest.fixture
def stack_of(project: Project, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], automation.Stack]:
    """A function that creates a stack with an inline program, on the project's backend and emulator."""
    monkeypatch.setenv("PATH", project.environment["PATH"])
    settings = {
        key: value for key, value in project.environment.items() if key.startswith(("PULUMI_", "OPENCOMPUTER_"))
    }

    def make(program: Callable[[], None]) -> automation.Stack:
        options = automation.LocalWorkspaceOptions(env_vars=settings)
        return automation.create_stack("inline", "inline", program, opts=options)

    return make


def test_inline_program_builds_and_its_events_carry_the_log(
    stack_of: Callable[[Callable[[], None]], automation.Stack], package: Any, emulator: Emulator
) -> None:
    """While a resource is created, its build's lines arrive as events with its URN."""

    def program() -> None:
        snapshot = package.Snapshot("daily", package.Manifest.base().run_commands("make"), name="inline")
        pulumi.export("name", snapshot.name)

    events: list[EngineEvent] = []
    stack = stack_of(program)
    up = stack.up(on_event=events.append)
    assert up.outputs["name"].value == "inline"
    lines = [
        event.diagnostic_event.message
        for event in events
        if event.diagnostic_event and (event.diagnostic_event.urn or "").endswith("Snapshot::daily")
    ]
    assert any(line.startswith("[1/1] run make (") for line in lines)
    created = next(event.sequence for event in events if event.res_outputs_event)
    assert created > 0
    stack.destroy()
    assert emulator.snapshots() == []


@mostly(DYNAMIC)
def test_hundred_unchanged_snapshots_make_no_request(
    stack_of: Callable[[Callable[[], None]], automation.Stack], package: Any, emulator: Emulator, tmp_path: Path
) -> None:
    """A run without changes to 100 snapshots sends no request, and 100 snapshots of one content build once."""
    (tmp_path / "app.py").write_text("print('hello')\n")

    def program() -> None:
        manifest = package.Manifest.base().add_local_file(tmp_path / "app.py", "/app.py")
        for number in range(SNAPSHOTS):
            package.Snapshot(f"version-{number}", manifest)

    stack = stack_of(program)
    stack.up()
    assert len(emulator.snapshots()) == SNAPSHOTS
    assert len(emulator.images()) - len(emulator.snapshots()) in (1, 1 - SNAPSHOTS)
    emulator.forget_requests()
    summary = stack.up().summary
    assert summary.resource_changes == {"same": SNAPSHOTS + 1}
    assert emulator.requests() == []
