"""The built wheel, installed into an environment of its own, passes the quickstart."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from adapters import DYNAMIC, only
from emulator_process import Emulator
from project import Project

pytestmark = only(DYNAMIC)

_ROOT = Path(__file__).parents[2]


def _run(*command: str | Path) -> None:
    ran = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=600, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_built_wheel_passes_the_quickstart(tmp_path: Path, project: Project, emulator: Emulator) -> None:
    """What is built and installed is whole: no module of the source tree is needed."""
    _run(sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path / "dist", _ROOT)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    # Without it the engine looks for a plugin of the package's name, and tries to download it at each run.
    assert "pulumi_opencomputer/pulumi-plugin.json" in zipfile.ZipFile(wheel).namelist()
    _run(sys.executable, "-m", "venv", tmp_path / "venv")
    binaries = tmp_path / "venv" / "bin"
    _run(binaries / "python", "-m", "pip", "install", "--quiet", wheel)
    shutil.copytree(_ROOT / "examples" / "quickstart", project.folder, dirs_exist_ok=True)
    (project.folder / "Pulumi.yaml").write_text("name: pytest\nruntime: python\n")
    project.environment["PATH"] = str(binaries) + os.pathsep + project.environment["PATH"]
    project.up()
    names = {row["name"] for row in emulator.snapshots()}
    assert "toolchain" in names
    assert len(names) == 2
    project.destroy()
    assert emulator.snapshots() == []
