"""The Python program that `pulumi import` prints, with its first import replaced as docs/python.md says."""

from __future__ import annotations

from adapters import PLUGIN, only
from emulator_process import Emulator
from project import Project
from pulumi_opencomputer import Manifest

# As the engine's generator prints it for the snapshot below. The Python host that `make setup` can install prints none.
PRINTED = """
import pulumi
import pulumi_opencomputer_native as opencomputer

tool_chain = opencomputer.Snapshot("tool-chain",
    manifest={
        "base": "base",
        "builder_memory_mb": 2048,
        "steps": [
            {
                "apt_install": ["jq"],
            },
            {
                "env": {
                    "A_B": "x",
                    "camelCase": "y",
                },
            },
            {
                "add_file": {
                    "content": "hello\\n",
                    "path": "/etc/motd",
                },
            },
        ],
    },
    name="tool-chain",
    opts = pulumi.ResourceOptions(protect=True))
"""


@only(PLUGIN)
def test_the_printed_program_has_no_changes(project: Project, emulator: Emulator) -> None:
    """One line is replaced; the keys stay in Python's spelling."""
    manifest = Manifest.base().apt_install(["jq"]).env({"A_B": "x", "camelCase": "y"}).add_file("/etc/motd", "hello\n")
    emulator.create("tool-chain", manifest.builder_memory(2048).to_dict())
    project.program("")
    wanted = ("opencomputer:index:Snapshot", "tool-chain", "tool-chain")
    project.pulumi("import", *wanted, "--yes", "--skip-preview", "--generate-code=false")
    old, new = (
        "import pulumi_opencomputer_native as opencomputer",
        "from pulumi_opencomputer import native as opencomputer",
    )
    (project.folder / "__main__.py").write_text(PRINTED.replace(old, new))
    assert project.up("--expect-no-changes").steps()["tool-chain"] == "same"
