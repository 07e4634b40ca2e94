"""A preview shows what changes in the content, in the inputs and in words, and shows no output as lost."""

from __future__ import annotations

from adapters import DYNAMIC, mostly
from emulator_process import Emulator
from project import Project, Ran

PROGRAM = """
token = pulumi.Output.secret("hunter2-OLD")
manifest = (
    Manifest.base()
    .pip_install(["polars==VERSION", "numpy"])
    .add_local_dir("app", "/workspace/app")
    .add_local_dir("lib", "/workspace/lib")
    .run_commands("make")
)
image = Image("image", manifest)
Snapshot("daily", image, name="daily")
Snapshot("trial", manifest.run_commands(pulumi.Output.concat("login ", token)))
Snapshot("after", Manifest.base().env({"CHECKPOINT": image.checkpoint_id}))
"""
CHANGED = PROGRAM.replace("VERSION", "1.9.1").replace("hunter2-OLD", "hunter2-NEW")
WORDS = (
    "step 1 pip install: +polars==1.9.1 -polars==1.9.0; step 3 add directory /workspace/lib: files changed (1 → 2, "
    "+1.2 kB)"
)
SECRET_WORDS = f"{WORDS}; step 5 run: changed (holds a secret)"
OUTPUTS = ("apiUrl", "builtHash", "cached", "checkpointId", "createdAt", "lastUsedAt", "orgId", "snapshotId", "status")
SHOWN = ("manifest", "contentHash", "name")


def shown(ran: Ran, resource: str) -> set[str]:
    """Return the properties that a preview shows as changed."""
    return {path.partition(".")[0].partition("[")[0] for path in ran.changes(resource)}


def deployed(project: Project) -> None:
    for folder in ("app", "lib"):
        (project.folder / folder).mkdir()
        (project.folder / folder / "main.py").write_text("x")
    project.program(PROGRAM.replace("VERSION", "1.9.0"))
    project.up()


@mostly(DYNAMIC)
def test_a_changed_image_is_explained(project: Project, emulator: Emulator) -> None:
    """By just the changed entries, and once in words on each resource; a deployment then does what was announced."""
    deployed(project)
    (project.folder / "lib" / "more.py").write_text("y" * 1200)
    project.program(CHANGED)
    ran = project.preview("--diff")
    assert {ran.steps()[name] for name in ("image", "daily", "trial", "after")} == {"delete-replaced"}
    assert not [output for output in OUTPUTS if f"- {output}" in ran.text or f"~ {output}" in ran.text]
    assert '"polars==1.9.0" => "polars==1.9.1"' in ran.text
    for resource, words in {"image": WORDS, "daily": WORDS, "trial": SECRET_WORDS}.items():
        assert [line for line in ran.lines(resource) if "polars" in line] == [f"{resource}: {words}"]
        assert shown(ran, resource) <= set(SHOWN)
    assert "hunter2" not in ran.text + str(ran.events)
    project.up()
    project.program(CHANGED.replace('name="daily"', 'name="renamed"'))
    ran = project.preview("--diff")
    assert shown(ran, "daily") <= {"name"}
    assert '"daily" => "renamed"' in ran.text
    assert "- apiUrl" not in ran.text
    project.program(CHANGED)
    assert set(project.up().steps().values()) == {"same"}

    # A lost record doesn't change any input. It is created again all the same, whether the content changes or not.
    emulator.clear()
    project.refresh()
    assert project.resource("daily")["outputs"]["status"] == "missing"
    assert project.preview("--diff").steps()["daily"] == "delete-replaced"
    project.program(CHANGED.replace("1.9.1", "1.9.2"))
    project.up()
    assert {record["id"] for record in emulator.snapshots()} == {
        project.resource(name)["outputs"]["snapshotId"] for name in ("daily", "trial", "after")
    }
    assert set(project.up().steps().values()) == {"same"}
