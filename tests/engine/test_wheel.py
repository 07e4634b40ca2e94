"""The built wheel, installed into an environment of its own, passes the quickstart, and so does its plugin."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from adapters import DYNAMIC, only
from emulator_process import Emulator
from project import Project

pytestmark = only(DYNAMIC)

_ROOT = Path(__file__).parents[2]


def _run(*command: str | Path) -> None:
    ran = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=600, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.fixture(scope="module")
def binaries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment that has the wheel, and nothing of the source tree."""
    tmp_path = tmp_path_factory.mktemp("wheel")
    _run(sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path / "dist", _ROOT)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    # Without it the engine looks for a plugin of the package's name, and tries to download it at each run.
    assert "pulumi_opencomputer/pulumi-plugin.json" in zipfile.ZipFile(wheel).namelist()
    _run(sys.executable, "-m", "venv", tmp_path / "venv")
    _run(tmp_path / "venv" / "bin" / "python", "-m", "pip", "install", "--quiet", wheel)
    return tmp_path / "venv" / "bin"


@pytest.mark.parametrize("example", ["quickstart", "yaml"])
@pytest.mark.usefixtures("yaml_host")
def test_built_wheel_passes_the_example(project: Project, emulator: Emulator, binaries: Path, example: str) -> None:
    """What is built and installed is whole: no module of the source tree is needed, and its plugin is found on PATH."""
    shutil.copytree(_ROOT / "examples" / example, project.folder, dirs_exist_ok=True)
    settings = project.folder / "Pulumi.yaml"
    settings.write_text(settings.read_text().replace(f"name: opencomputer-{example}", "name: pytest"))
    project.environment["PATH"] = str(binaries) + os.pathsep + project.environment["PATH"]
    ran = project.up()
    assert (f"from $PATH at {binaries}" in ran.text) == (example == "yaml")
    names = {row["name"] for row in emulator.snapshots()}
    assert "toolchain" in names
    assert len(names) == 2
    project.destroy()
    assert emulator.snapshots() == []
