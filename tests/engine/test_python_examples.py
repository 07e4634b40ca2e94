"""The Python examples run unchanged from the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from emulator_process import Emulator
from project import Project

_EXAMPLES = Path(__file__).parents[2] / "examples"


def test_demo_ends_as_it_announces(tools: str) -> None:
    """`make demo` checks each of its acts, and exits with 0 only if all succeed."""
    environment = {**os.environ, "PATH": tools + os.pathsep + os.environ["PATH"]}
    command = [sys.executable, str(_EXAMPLES / "demo.py")]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=400, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "All of it happened as announced" in ran.stdout


def test_deploy_stage_builds_its_snapshots_and_moves_them(project: Project, emulator: Emulator) -> None:
    """The images of the CI deploy example keep their names when their content changes."""
    shutil.copytree(_EXAMPLES / "ci-deploy", project.folder, dirs_exist_ok=True)
    (project.folder / "Pulumi.yaml").write_text("name: pytest\nruntime: python\n")
    project.up()
    before = {record["name"]: record["id"] for record in emulator.snapshots()}
    assert set(before) == set(project.outputs().values()) == {"review-dev", "analysis-dev"}
    program = project.folder / "__main__.py"
    program.write_text(program.read_text().replace("pandas==2.2.3", "pandas==2.3.1"))
    project.up()
    after = {record["name"]: record["id"] for record in emulator.snapshots()}
    assert after["review-dev"] == before["review-dev"]
    assert after["analysis-dev"] != before["analysis-dev"]
