"""Stacks that an older version of the package deployed, as users have them when they upgrade."""

from __future__ import annotations

from typing import Any

import pytest

from adapters import DYNAMIC, PLUGIN, Adapter, only
from emulator_process import Emulator
from old_states import SECRET, OldState
from project import Project

SNAPSHOTS = ("daily", "trial", "plain", "child")
RESOURCES = ("toolchain", *SNAPSHOTS)
# The name and the mark of each snapshot after `change_content`. Marks are made from the URN, generated names from the
# URN and the content hash. If that changed, an upgrade would lose track of the records of an older version.
MADE = {
    "dynamic": {
        "daily": ("daily-fixed", "d2f48a24428def55"),
        "trial": ("trial-1d02398", "a304eaf162f6ae1f"),
        "plain": ("plain-fixed", "5c5e412c22cd73d5"),
        "child": ("child-ddc8111", "c19ba6d7fae67e18"),
    },
    "plugin": {
        "daily": ("daily-fixed", "7e3a33d6df98903e"),
        "trial": ("trial-28c49b7", "2950b15d828a441f"),
        "plain": ("plain-fixed", "6a9652d7bbadde38"),
        "child": ("child-f276bce", "90c76a8c211b424d"),
    },
}


@pytest.fixture
def old(project: Project, emulator: Emulator, adapter: Adapter) -> OldState:
    """The state of 0.1.0 imported into the project, with its program, and its records on the emulator."""
    state = OldState("0.1.0", adapter)
    state.restore(project, emulator)
    return state


def writes(emulator: Emulator) -> list[str]:
    """Return the requests that changed something."""
    return [f"{entry['method']} {entry['path']}" for entry in emulator.requests() if entry["method"] != "GET"]


def test_an_old_stack_refreshes_and_comes_up_unchanged(old: OldState, project: Project, emulator: Emulator) -> None:
    """The records are found by the recorded ids, and neither inputs nor hashes differ."""
    assert all(record["id"] not in project.exported() for record in old.records)
    refreshed = project.refresh("--expect-no-changes")
    assert [refreshed.lines(name, "warning") for name in RESOURCES] == [[]] * len(RESOURCES)
    emulator.forget_requests()
    ran = project.up("--expect-no-changes")
    assert {name: ran.steps().get(name, "same") for name in RESOURCES} == dict.fromkeys(RESOURCES, "same")
    assert emulator.requests() == []
    assert SECRET not in project.exported()


def test_an_old_stack_is_destroyed(old: OldState, project: Project, emulator: Emulator) -> None:
    """No named record is left, though this version did not deploy the stack."""
    assert {record["name"] for record in emulator.snapshots()} == set(old.named())
    ran = project.destroy()
    assert emulator.snapshots() == []
    assert [ran.lines(name, "warning") for name in RESOURCES] == [[]] * len(RESOURCES)


def test_changed_content_replaces_what_an_old_version_made(old: OldState, project: Project, emulator: Emulator) -> None:
    """Fixed names stay, generated names change, the old records are deleted, and the marks are the same."""
    before = {record["id"] for record in emulator.snapshots()}
    change_content(project)
    project.up()
    now = records_of(project, emulator)
    expected = MADE[old.adapter.name]
    assert {name: (record["name"], record["manifest"]["pulumiMark"]) for name, record in now.items()} == expected
    assert len(emulator.snapshots()) == len(now)
    assert before.isdisjoint(record["id"] for record in now.values())
    # Both fixed names were built under scratch names before the old record was deleted.
    scratch = [f"{name}-scratch-{expected[name][1]}" for name in ("daily", "plain")]
    assert [name for name in scratch if f"DELETE /api/snapshots/{name}" not in writes(emulator)] == []
    project.destroy()
    assert emulator.snapshots() == []


@only(DYNAMIC)
def test_an_old_dynamic_stack_moves_to_the_plugin(old: OldState, project: Project, emulator: Emulator) -> None:
    """Only the program's import changes: no record does, and the next run has no changes."""
    before = emulator.snapshots()
    project.adapter = PLUGIN
    old.write_program(project)
    project.up()
    assert (emulator.snapshots(), writes(emulator)) == (before, [])
    project.up("--expect-no-changes")


def change_content(project: Project) -> None:
    """Change a local file, and a command in the manifest without files."""
    (project.folder / "app" / "greeting.txt").write_text("goodbye\n")
    program = project.folder / "__main__.py"
    program.write_text(program.read_text().replace('"make tools"', '"make all tools"'))


def records_of(project: Project, emulator: Emulator) -> dict[str, dict[str, Any]]:
    """Return the record of each of the stack's snapshots, by the resource's name."""
    names = {name: project.resource(name)["outputs"]["name"] for name in SNAPSHOTS}
    records = {record["name"]: record for record in emulator.snapshots()}
    return {resource: records[name] for resource, name in names.items()}
