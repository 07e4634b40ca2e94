"""Run `pulumi up`, again without and with changes, refresh and destroy, as a user does on the command line."""

from __future__ import annotations

import os

import pytest

from emulator_process import Emulator
from project import Project
from pulumi_opencomputer import Manifest

PROGRAM = """
    manifest = Manifest.base().run_commands("{command}").add_local_dir("app", "/workspace/app")
    image = Image("toolchain", manifest)
    daily = Snapshot("daily", image, name="fixed")
    trial = Snapshot("trial", manifest)
    pulumi.export("hash", image.content_hash)
    pulumi.export("daily", daily.name)
    pulumi.export("id", daily.snapshot_id)
    pulumi.export("trial", trial.name)
    pulumi.export("status", trial.status)
    pulumi.export("api", trial.api_url)
"""


@pytest.fixture
def deployed(project: Project) -> Project:
    """The program, deployed once."""
    app = project.folder / "app"
    app.mkdir()
    (app / "main.py").write_text("print('hello')\n")
    project.program(PROGRAM.format(command="make tools"))
    project.up()
    return project


def test_up_builds_the_image_once_and_puts_it_under_both_names(deployed: Project, emulator: Emulator) -> None:
    """The content is built once, and has a named record for both the fixed and the generated name."""
    outputs = deployed.outputs()
    records = {record["name"]: record for record in emulator.snapshots()}
    assert set(records) == {"fixed", outputs["trial"]}
    assert outputs["trial"].startswith("trial-")
    assert {record["contentHash"].partition(":")[0] for record in records.values()} == {outputs["hash"]}
    assert records["fixed"]["id"] == outputs["id"]
    assert outputs["status"] == "ready"
    assert outputs["api"] == emulator.url
    assert len(emulator.images()) - len(records) == 1


def test_up_without_changes_makes_no_request(deployed: Project, emulator: Emulator) -> None:
    """A run without changes sends no request."""
    emulator.forget_requests()
    ran = deployed.up()
    assert set(ran.steps().values()) <= {"same"}
    assert emulator.requests() == []


def test_touched_and_moved_files_change_nothing(deployed: Project, emulator: Emulator) -> None:
    """Times, modes and the directory's location don't count as changes; the files' contents do."""
    app = deployed.folder / "app"
    os.utime(app / "main.py", (1, 1))
    app.rename(deployed.folder / "moved")
    deployed.program(PROGRAM.format(command="make tools").replace('"app"', '"moved"'))
    emulator.forget_requests()
    ran = deployed.up()
    assert set(ran.steps().values()) <= {"same"}
    assert emulator.requests() == []


def test_changed_content_replaces_both_names(deployed: Project, emulator: Emulator) -> None:
    """The fixed name gets the new content, the generated name changes, and no old record is left."""
    before = deployed.outputs()
    (deployed.folder / "app" / "main.py").write_text("print('goodbye')\n")
    ran = deployed.up()
    after = deployed.outputs()
    records = {record["name"]: record for record in emulator.snapshots()}
    assert ran.steps()["daily"] in ("replace", "create-replacement", "delete-replaced")
    assert after["hash"] != before["hash"]
    assert after["id"] != before["id"]
    assert set(records) == {"fixed", after["trial"]}
    assert after["trial"] != before["trial"]
    assert records["fixed"]["contentHash"].startswith(after["hash"])
    assert [ran.lines(resource, "warning") for resource in ("toolchain", "daily", "trial")] == [[], [], []]


def test_failing_build_leaves_the_old_snapshots(deployed: Project, emulator: Emulator) -> None:
    """The error gives the failing step, its type and exit code, and the old snapshots still work."""
    before = emulator.snapshots()
    deployed.program(PROGRAM.format(command="echo FAIL_BUILD"))
    ran = deployed.up(fails=True)
    assert "The build failed at step 1 (run) with exit code 1: [1/2] run echo FAIL_BUILD." in ran.text
    assert "The server said: " in ran.text
    assert "Traceback" not in ran.text
    assert emulator.snapshots() == before
    # With initErrors the engine would consider the new snapshot created, and delete the old one.
    assert "initErrors" not in deployed.exported()


def test_target_replace_makes_a_new_record(deployed: Project, emulator: Emulator) -> None:
    """A forced replacement creates a new record of the same content, and deletes the old one."""
    before = deployed.outputs()
    deployed.up("--target-replace", deployed.urn("daily"))
    after = deployed.outputs()
    (record,) = [record for record in emulator.snapshots() if record["name"] == "fixed"]
    assert record["id"] == after["id"] != before["id"]
    assert after["hash"] == before["hash"]


def test_refresh_keeps_what_is_there(deployed: Project, emulator: Emulator) -> None:
    """A refresh finds every record, and the next run has no changes."""
    deployed.refresh()
    ran = deployed.up()
    assert set(ran.steps().values()) <= {"same"}


def test_destroy_leaves_no_named_record(deployed: Project, emulator: Emulator) -> None:
    """After destroy the server has no snapshot of this stack, not even under a scratch name."""
    deployed.destroy()
    assert emulator.snapshots() == []


def test_build_log_stands_on_the_resources_record(project: Project) -> None:
    """Each step logs one line with its duration, with the resource's URN; the last line says ready."""
    project.program("""
    Snapshot("daily", Manifest.base().apt_install(["jq"]).run_commands("make"))
    """)
    lines = project.up().lines("daily")
    assert [line.partition(" (")[0] for line in lines[:2]] == ["[1/2] apt install jq", "[2/2] run make"]
    assert lines[2].startswith("ready in ")
    assert len(lines) == 3


def test_second_resource_of_a_content_is_from_cache(project: Project) -> None:
    """If the server already has the content, the status line says so."""
    project.program("""
    manifest = Manifest.base().run_commands("make")
    first = Snapshot("first", manifest)
    Snapshot("second", manifest, opts=pulumi.ResourceOptions(depends_on=first))
    """)
    assert project.up().lines("second")[0] == "from cache"


def test_preview_shows_the_hash_and_follows_unknown_values(project: Project) -> None:
    """A preview needs no key, knows the content hash, and treats an unknown value as a change."""
    project.environment.pop("OPENCOMPUTER_API_KEY")
    project.program("""
    first = Snapshot("first", Manifest.base().run_commands("make"))
    second = Snapshot("second", Manifest.base().env({"CHECKPOINT": first.checkpoint_id}))
    pulumi.export("hash", first.content_hash)
    """)
    ran = project.preview()
    assert ran.steps()["second"] == "create"
    assert Manifest.base().run_commands("make").cache_key() in ran.text


def test_missing_key_is_an_error_with_the_command_that_mends_it(project: Project) -> None:
    """Without a key a create fails with one line that names the command to run."""
    project.environment.pop("OPENCOMPUTER_API_KEY")
    project.program('Snapshot("daily", Manifest.base())')
    ran = project.up(fails=True)
    assert "There is no API key for OpenComputer. Set it with: pulumi config set --" in ran.text
    assert "Traceback" not in ran.text


def test_every_mistake_is_told_at_once_and_nothing_is_sent(project: Project, emulator: Emulator) -> None:
    """Mistakes are check failures with the program's line and the paths, and without values."""
    project.program("""
    hidden = pulumi.Output.secret("a\\0hunter2")
    Snapshot("daily", Manifest.base().apt_install([""]).workdir("relative").run_commands(hidden), name="a/b")
    """)
    ran = project.up(fails=True)
    paths = ("manifest.steps[0].aptInstall[0]", "manifest.steps[1].workdir", "manifest.steps[2].run[0]", "name")
    assert [path for path in paths if f"has a problem: __main__.py:5: {path}: " not in ran.text] == []
    assert "hunter2" not in ran.text
    assert emulator.requests() == []


def test_no_secret_and_no_file_content_in_state_or_log(project: Project) -> None:
    """Secrets are encrypted in the state and in no output; the bytes of local files are in neither."""
    (project.folder / "file.txt").write_text("bytes-of-the-file")
    project.config("token", "hunter2-hunter2", secret=True)
    project.program("""
    token = pulumi.Config().require_secret("token")
    manifest = (
        Manifest.base().env({"TOKEN": token}).add_local_file("file.txt", "/file.txt")
        .run_commands(pulumi.Output.concat("login ", token))
    )
    image = Image("image", manifest)
    Snapshot("daily", image, name="fixed")
    """)
    ran = project.up()
    state = project.exported()
    for text in (state, ran.text, str(ran.events)):
        assert "hunter2" not in text
        assert "bytes-of-the-file" not in text
        assert "Ynl0ZXMtb2YtdGhlLWZpbGU" not in text
    assert "[1/3] env (holds a secret)" in "\n".join(ran.lines("image"))
    assert set(project.up().steps().values()) <= {"same"}


def test_state_of_50_mb_of_local_files_is_small(project: Project) -> None:
    """The state refers to local files, and never contains them."""
    (project.folder / "big.bin").write_bytes(os.urandom(1024) * 50 * 1024)
    project.program('Snapshot("daily", Manifest.base().add_local_file("big.bin", "/big.bin"))')
    project.up()
    assert len(project.exported()) < 20_000


def test_a_warning_is_said_once_for_one_content(project: Project) -> None:
    """An image and its snapshots share a manifest, so only the first one logs its warnings."""
    project.program("""
    image = Image("image", Manifest.base().env({"GREETING": "C#"}))
    Snapshot("daily", image, name="fixed")
    """)
    ran = project.up()
    assert len(ran.lines("image", "warning")) == 1
    assert ran.lines("daily", "warning") == []
