"""The wheel, installed into a new environment, passes the quickstart, and so does its plugin."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from adapters import DYNAMIC, PLUGIN, only
from emulator_process import Emulator
from project import Project
from pulumi_opencomputer.about import repository, version

_ROOT = Path(__file__).parents[2]


def _run(*command: str | Path) -> None:
    ran = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=600, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.fixture(scope="module")
def binaries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment with the wheel, and without the source tree."""
    tmp_path = tmp_path_factory.mktemp("wheel")
    _run(sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path / "dist", _ROOT)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    # Without this file the engine looks for a plugin with the package's name, and tries to download it in each run.
    assert "pulumi_opencomputer/pulumi-plugin.json" in zipfile.ZipFile(wheel).namelist()
    _run(sys.executable, "-m", "venv", tmp_path / "venv")
    _run(tmp_path / "venv" / "bin" / "python", "-m", "pip", "install", "--quiet", wheel)
    return tmp_path / "venv" / "bin"


@only(DYNAMIC)
@pytest.mark.parametrize("example", ["quickstart", "yaml"])
@pytest.mark.usefixtures("yaml_host")
def test_built_wheel_passes_the_example(project: Project, emulator: Emulator, binaries: Path, example: str) -> None:
    """The wheel is complete: it needs no module of the source tree, and its plugin is found on PATH."""
    shutil.copytree(_ROOT / "examples" / example, project.folder, dirs_exist_ok=True)
    settings = project.folder / "Pulumi.yaml"
    settings.write_text(re.sub("^name: .*", "name: pytest", settings.read_text()))
    project.environment["PATH"] = str(binaries) + os.pathsep + project.environment["PATH"]
    ran = project.up()
    assert (f"from $PATH at {binaries}" in ran.text) == (example == "yaml")
    names = {record["name"] for record in emulator.snapshots()}
    assert "toolchain" in names
    assert len(names) == 2
    project.destroy()
    assert emulator.snapshots() == []


@pytest.fixture
def python_alone(project: Project, binaries: Path) -> Project:
    """A project with the environment `.venv`, whose Python is on PATH, but not its other commands."""
    (project.folder / ".venv").symlink_to(binaries.parent)
    folder = project.folder.parent / "python"
    folder.mkdir()
    for name in ("python", "python3"):
        (folder / name).write_text(f'#!/bin/sh\nexec "{binaries / name}" "$@"\n')
        (folder / name).chmod(0o755)
    path = [part for part in project.environment["PATH"].split(os.pathsep) if part != str(Path(sys.executable).parent)]
    project.environment["PATH"] = os.pathsep.join([str(folder), *path])
    project.program('Snapshot("daily", Manifest.base(), name="daily")')
    return project


@only(PLUGIN)
def test_the_plugin_of_the_environment_is_named_in_pulumi_yaml(python_alone: Project, emulator: Emulator) -> None:
    """`plugins: providers: path: .venv/bin` replaces PATH, and Pulumi prints no warning."""
    with (python_alone.folder / "Pulumi.yaml").open("a") as settings:
        settings.write("plugins: {providers: [{name: opencomputer, path: .venv/bin}]}\n")
    ran = python_alone.up()
    assert "warning" not in ran.text.lower()
    assert [record["name"] for record in emulator.snapshots()] == ["daily"]
    python_alone.destroy()


@only(PLUGIN)
def test_a_missing_plugin_leads_to_ours(python_alone: Project) -> None:
    """The error says what to install and from where: this project's releases, in the Python package's version."""
    ran = python_alone.up(fails=True)
    server = f"{repository()}/releases/download/v${{VERSION}}"
    assert f"pulumi plugin install resource opencomputer v{version()} --server {server}" in ran.text
