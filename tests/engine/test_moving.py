"""Moving a stack between the dynamic provider and the plugin: nothing is rebuilt, and nothing is lost."""

from __future__ import annotations

import pytest

from adapters import DYNAMIC, PLUGIN, only
from emulator_process import Emulator
from project import Project

pytestmark = only(DYNAMIC)

PROGRAM = """
    token = pulumi.Output.secret("hunter2-hunter2")
    manifest = Manifest.base().run_commands("make", token).env({"TOKEN": token}).add_local_dir("app", "/app")
    image = Image("toolchain", manifest)
    Snapshot("daily", image, name="fixed")
    trial = Snapshot("trial", image)
    pulumi.export("trial", trial.name)
"""
BACK = """
    def from_the_plugin(args):
        if args.type_ == "pulumi:pulumi:Stack":
            return None
        alias = pulumi.Alias(type_="opencomputer:index:" + type(args.resource).__name__)
        opts = pulumi.ResourceOptions.merge(args.opts, pulumi.ResourceOptions(aliases=[alias]))
        return pulumi.ResourceTransformationResult(args.props, opts)

    pulumi.runtime.register_stack_transformation(from_the_plugin)
"""
PLAIN = """
    daily = Snapshot("daily", Manifest.base().run_commands("make"), name="fixed")
    pulumi.export("id", daily.snapshot_id)
"""
YAML = """
resources:
  daily:
    type: opencomputer:Snapshot
    properties:
      manifest: {steps: [{run: [make]}]}
      name: fixed
    options: OPTIONS
outputs:
  id: ${daily.snapshotId}
"""


@pytest.fixture
def deployed(project: Project) -> Project:
    """The program with the dynamic provider, deployed once."""
    app = project.folder / "app"
    app.mkdir()
    (app / "main.py").write_text("print('hello')\n")
    project.program(PROGRAM)
    project.up()
    return project


def move(project: Project) -> None:
    """Import the program's resources from the plugin instead."""
    project.adapter = PLUGIN


def writes(emulator: Emulator) -> list[str]:
    """Return the requests that changed something."""
    return [entry["method"] for entry in emulator.requests() if entry["method"] != "GET"]


@pytest.mark.parametrize("content", [pytest.param("the same", marks=pytest.mark.full), "other"])
def test_a_python_program_moves_back_by_an_alias(deployed: Project, emulator: Emulator, content: str) -> None:
    """The first run's state names the dynamic provider; refresh, change and destroy then work."""
    move(deployed)
    deployed.program(PROGRAM)
    deployed.up()
    before = emulator.snapshots()
    deployed.adapter = DYNAMIC
    if content == "other":
        (deployed.folder / "app" / "main.py").write_text("print('goodbye')\n")
    deployed.program(BACK + PROGRAM)
    emulator.forget_requests()
    ran = deployed.up()
    assert not {"same", "create"} & {ran.steps()[name] for name in ("toolchain", "daily", "trial")}
    assert (emulator.snapshots() == before) == (writes(emulator) == []) == (content == "the same")
    assert len(emulator.snapshots()) == 2
    assert "hunter2" not in deployed.exported() + ran.text
    deployed.refresh()
    assert set(deployed.up().steps().values()) <= {"same"}
    deployed.destroy()
    assert emulator.snapshots() == []


def test_a_python_program_moves_by_its_import(deployed: Project, emulator: Emulator) -> None:
    """Records and names stay, secrets stay encrypted, and the next run has no changes."""
    before, name = emulator.snapshots(), deployed.outputs()["trial"]
    emulator.forget_requests()
    move(deployed)
    deployed.program(PROGRAM)
    deployed.up()
    assert set(deployed.up().steps().values()) <= {"same"}
    assert writes(emulator) == []
    assert emulator.snapshots() == before
    assert deployed.outputs()["trial"] == name
    assert "hunter2" not in deployed.exported()


def test_what_was_moved_is_replaced_and_deleted_as_its_own(deployed: Project, emulator: Emulator) -> None:
    """The recorded record is ours under the new URN too, though it has the mark of the old one."""
    move(deployed)
    deployed.program(PROGRAM)
    deployed.up()
    (deployed.folder / "app" / "main.py").write_text("print('goodbye')\n")
    deployed.program(PROGRAM)
    ran = deployed.up()
    assert ran.steps()["daily"] != "same"
    assert len(emulator.snapshots()) == 2
    deployed.destroy()
    assert emulator.snapshots() == []


def test_a_program_in_another_language_moves_by_an_alias(project: Project, emulator: Emulator) -> None:
    """An alias for the dynamic resource's URN takes over its state; only the state changes."""
    project.program(PLAIN)
    project.up()
    before = emulator.snapshots()
    emulator.forget_requests()
    project.yaml(YAML.replace("OPTIONS", f'{{aliases: ["{project.urn("daily")}"]}}'))
    project.up()
    assert set(project.up().steps().values()) <= {"same"}
    assert (emulator.snapshots(), writes(emulator)) == (before, [])
    assert project.outputs()["id"] == before[0]["id"]


def test_a_stack_of_its_own_imports_the_record(project: Project, emulator: Emulator) -> None:
    """Removed from one state and imported into another, the record stays, and the new owner can delete it."""
    project.program(PLAIN)
    project.up()
    before = emulator.snapshots()
    project.edit_state(lambda _: '{"version": 3, "deployment": {"manifest": {}, "resources": []}}')
    project.yaml(YAML.replace("OPTIONS", "{import: fixed}"))
    project.up()
    assert emulator.snapshots() == before
    assert set(project.up().steps().values()) <= {"same"}
    project.destroy()
    assert emulator.snapshots() == []
