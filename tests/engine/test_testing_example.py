"""The examples whose CI jobs test them against the emulator, run as those jobs run them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_EXAMPLES = Path(__file__).parents[2] / "examples"
_EXAMPLE = _EXAMPLES / "testing-with-emulator"


@pytest.mark.parametrize(("example", "passed"), [("testing-with-emulator", 3), ("ci-deploy", 1)])
def test_the_examples_own_tests_pass(tools: str, pulumi_home: Path, tmp_path: Path, example: str, passed: int) -> None:
    """An example shares nothing with this project's tests: it needs the package, pytest and the Pulumi CLI."""
    folder = tmp_path / "repository"
    shutil.copytree(_EXAMPLES / example, folder)
    unset = ("OPENCOMPUTER_", "PULUMI_", "PYTEST_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(unset)}
    environment |= {
        "PATH": tools + os.pathsep + os.environ["PATH"],
        "PULUMI_HOME": str(pulumi_home),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    command = [sys.executable, "-m", "pytest", "-q"]
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=500, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"{passed} passed" in ran.stdout


def test_its_ci_job_has_ten_lines_or_so() -> None:
    """The part that a team copies stays small, and contains no key."""
    job = (_EXAMPLE / ".github" / "workflows" / "test.yml").read_text()
    assert len(job.splitlines()) <= 12
    assert "secrets" not in job
