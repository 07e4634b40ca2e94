"""The Python program that `pulumi import` prints works after its first import is replaced as docs/python.md says."""

from __future__ import annotations

from adapters import PLUGIN, only
from emulator_process import Emulator
from project import Project
from pulumi_opencomputer import Manifest

# The engine's output for the snapshot below. It is recorded because the Python host that `make setup` installs can't
# generate programs.
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
    """Only that line is replaced; the generated code's keys keep Python's spelling."""
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
