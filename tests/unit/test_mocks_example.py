"""Runs the example that tests its program with mocks, as its users do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

_EXAMPLE = Path(__file__).parents[2] / "examples" / "testing-with-mocks"


def test_the_examples_own_tests_pass_without_an_engine_or_a_server(tmp_path: Path) -> None:
    """It only needs the package and pytest: Pulumi is not on PATH, and no address is set."""
    folder = tmp_path / "repository"
    shutil.copytree(_EXAMPLE, folder)
    unset = ("OPENCOMPUTER_", "PULUMI_", "PYTEST_", "COV_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(unset)} | {"PATH": ""}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "4 passed" in ran.stdout
