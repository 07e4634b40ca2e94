"""`ignore_changes=["manifest"]` keeps the recorded content of an image, a snapshot, or a snapshot of an image."""

from __future__ import annotations

import shutil

from adapters import DYNAMIC, PLUGIN, mostly
from emulator_process import Emulator
from project import Project

LOCAL = """
    manifest = Manifest.base().add_local_dir("app", "/app")
    Snapshot("daily", manifest, name="fixed", opts=pulumi.ResourceOptions(ignore_changes=["manifest"]))
"""
OF_AN_IMAGE = """
    pinned = pulumi.ResourceOptions(ignore_changes=["manifest"])
    image = Image("toolchain", Manifest.base().run_commands("{command}"), opts=pinned)
    Snapshot("daily", image, name="fixed")
"""


@mostly(PLUGIN)
def test_recorded_content_stays_whatever_becomes_of_the_files(project: Project, emulator: Emulator) -> None:
    """A changed or missing file is not a change, and no request is sent."""
    app = project.folder / "app"
    app.mkdir()
    (app / "main.py").write_text("print('one')\n")
    project.program(LOCAL)
    project.up()
    emulator.forget_requests()
    (app / "main.py").write_text("print('two')\n")
    assert set(project.up().steps().values()) <= {"same"}
    shutil.rmtree(app)
    assert set(project.up().steps().values()) <= {"same"}
    assert emulator.requests() == []


@mostly(DYNAMIC)
def test_snapshot_of_an_image_that_keeps_its_content_is_an_error(project: Project, emulator: Emulator) -> None:
    """The image keeps the recorded content, so the snapshot can't have the program's."""
    project.program(OF_AN_IMAGE.format(command="make one"))
    project.up()
    assert set(project.up().steps().values()) <= {"same"}
    before = emulator.snapshots()
    project.program(OF_AN_IMAGE.format(command="make two"))
    assert "differs from the content of the Image" in project.up(fails=True).text
    assert emulator.snapshots() == before
