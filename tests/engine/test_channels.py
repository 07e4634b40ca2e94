"""Channels and promotion with the real engine: names that follow versions, within a stack and across stacks."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from opencomputer import Sandbox

from adapters import DYNAMIC, PLUGIN, mostly
from emulator_process import Emulator
from project import Project

_EXAMPLE = Path(__file__).parents[2] / "examples" / "channels"

_PROMOTION = """
if pulumi.get_stack() == "dev":
    tools = Manifest.base().run_commands(pulumi.Config().require("command"))
    trial = Snapshot("trial", tools, keep=1)
    pulumi.export("name", trial.name)
    pulumi.export("hash", trial.content_hash)
    pulumi.export("manifest", trial.manifest)
else:
    dev = pulumi.StackReference("organization/pytest/dev")
    given = dev.get_output("name")
    named = Snapshot("named", source_snapshot=given, name="named", source_hash=dev.get_output("hash"))
    passed = Snapshot("passed", dev.get_output("manifest"), name="passed")
    pulumi.export("hashes", [named.content_hash, passed.content_hash])
"""


def _starts(emulator: Emulator, name: str) -> bool:
    async def start() -> str:
        sandbox = await Sandbox.create(api_key=emulator.api_key, api_url=emulator.url, snapshot=name)
        await sandbox.close()
        return str(sandbox.sandbox_id)

    return bool(asyncio.run(start()))


def _contents(emulator: Emulator) -> dict[str, str]:
    return {record["name"]: record["contentHash"][:64] for record in emulator.snapshots()}


@mostly(DYNAMIC)
def test_channels_follow_their_versions(project: Project, emulator: Emulator) -> None:
    """The example as in its README: a change moves only beta, and stable moves both ways without a build."""
    shutil.copytree(_EXAMPLE, project.folder, dirs_exist_ok=True)
    (project.folder / "Pulumi.yaml").write_text("name: pytest\nruntime: python\n")
    program = project.folder / "__main__.py"
    program.write_text(program.read_text().replace("from pulumi_opencomputer ", f"from {project.adapter.module} "))
    project.up()
    first = project.outputs()["version"]
    assert set(_contents(emulator)) == {first, "beta", "stable"}
    project.config("stable", first)
    project.config("toolchain", "2")
    project.up()
    second = project.outputs()["version"]
    found = _contents(emulator)
    assert found["stable"] == found[first] != found["beta"] == found[second]
    builds = len(emulator.builds())
    for wanted in (second, first):
        project.config("stable", wanted)
        ran = project.up()
        assert _contents(emulator)["stable"] == _contents(emulator)[wanted]
        assert ran.steps()["trial"] == "same"
    project.config("toolchain", "1")
    assert project.up().steps()["trial"] == "update"
    assert project.outputs()["version"] == first
    assert [each["name"] for each in project.outputs()["versions"]] == [first, second]
    assert len(emulator.builds()) == builds
    project.up("--expect-no-changes")
    for name in (first, second, "beta", "stable"):
        assert _starts(emulator, name)
    project.destroy()
    assert _contents(emulator) == {}


@mostly(PLUGIN)
def test_content_goes_from_stack_to_stack_without_a_build(project: Project, emulator: Emulator) -> None:
    """By the snapshot's name and by its manifest; if the hash is given, a preview knows it."""
    project.program(_PROMOTION)
    project.config("command", "make one")
    project.up()
    (hash_,) = set(_contents(emulator).values())
    builds = len(emulator.builds())
    project.pulumi("stack", "init", "prod")
    for command in ("make one", "make two"):
        project.pulumi("config", "set", "command", command, "--stack", "dev")
        project.pulumi("up", "--yes", "--skip-preview", "--stack", "dev")
        project.pulumi("up", "--yes", "--skip-preview", "--stack", "prod")
        found = _contents(emulator)
        assert found["named"] == found["passed"]
        assert (found["named"] == hash_) == (command == "make one")
    assert len(emulator.builds()) == builds + 1
    for stack in ("prod", "dev"):
        project.pulumi("destroy", "--yes", "--skip-preview", "--stack", stack)
    assert _contents(emulator) == {}
