"""The examples for the plugin's languages: whole projects, deployed as their READMEs say."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from adapters import PLUGIN, only
from emulator_process import Emulator
from project import Project
from sdks import Sdks, run
from snippets import snippets

pytestmark = only(PLUGIN)

_ROOT = Path(__file__).parents[2]


def _copy(project: Project, example: str) -> None:
    shutil.copytree(_ROOT / "examples" / example, project.folder, dirs_exist_ok=True)


def _names(emulator: Emulator) -> set[str]:
    return {record["name"] for record in emulator.snapshots() if record["status"] == "ready"}


@pytest.mark.parametrize("place", ["on PATH", "in a folder"])
@pytest.mark.usefixtures("yaml_host")
def test_yaml_example_deploys_once_and_leaves_nothing(project: Project, emulator: Emulator, place: str) -> None:
    """The YAML project deploys, then has no changes, then leaves nothing; with the plugin from either place."""
    _copy(project, "yaml")
    settings = (project.folder / "Pulumi.yaml").read_text().replace("name: opencomputer-yaml", "name: pytest")
    if place == "in a folder":
        settings += f"plugins: {{providers: [{{name: opencomputer, path: {_ROOT / 'provider'}}}]}}\n"
    (project.folder / "Pulumi.yaml").write_text(settings)
    ran = project.up()
    # The engine prints a warning if it finds a plugin on PATH.
    assert ("pulumi-resource-opencomputer from $PATH" in ran.text) == (place == "on PATH")
    outputs = project.outputs()
    assert _names(emulator) == {"toolchain", outputs["trial"]}
    assert [file["relativePath"] for file in _embedded(emulator)] == ["hello.py"]
    assert len(emulator.builds()) == 1
    assert set(project.up().steps().values()) <= {"same"}
    project.destroy()
    assert _names(emulator) == set()


def test_typescript_example_compiles_deploys_and_is_destroyed(
    project: Project, emulator: Emulator, sdks: Sdks, npm: str
) -> None:
    """The TypeScript project and the pages' programs compile with the SDK; the project is deployed and destroyed."""
    _copy(project, "typescript")
    programs = {f"page-{number}.ts": each.text for number, each in enumerate(snippets("typescript"))}
    assert programs
    for name, text in programs.items():
        (project.folder / name).write_text(text)
    settings = project.folder / "tsconfig.json"
    settings.write_text(
        settings.read_text().replace('"index.ts"', ", ".join(f'"{name}"' for name in ["index.ts", *programs]))
    )
    shutil.copytree(sdks.folder / "nodejs", project.folder / "sdks" / "opencomputer")
    quiet = ("--no-package-lock", "--no-audit", "--no-fund", "--prefer-offline", "--no-update-notifier")
    run(npm, "install", *quiet, cwd=project.folder)
    told = run(npm, "run", "up", cwd=project.folder, **project.environment)
    assert "[1/6] apt install ripgrep jq" in told
    (trial,) = _names(emulator) - {"toolchain"}
    assert f'"snapshot":"toolchain","trial":"{trial}"' in told
    # Run the compiled program directly, without npm.
    program = ("node", "bin/automation.js")
    assert "4 unchanged" in run(*program, "up", cwd=project.folder, **project.environment)
    run(*program, "destroy", cwd=project.folder, **project.environment)
    assert _names(emulator) == set()


def _embedded(emulator: Emulator) -> list[dict[str, str]]:
    (record, *_) = emulator.snapshots()
    return [file for step in record["manifest"]["steps"] for file in step["args"].get("files", [])]
