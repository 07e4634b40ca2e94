"""The parts of examples that need no engine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from snippets import ROOT

_EXAMPLES = ROOT / "examples"


def test_secrets_example_has_an_environment_that_esc_reads() -> None:
    """What it gives is what the program and the provider ask for."""
    values = yaml.safe_load((_EXAMPLES / "secrets" / "environment.yaml").read_text())["values"]["pulumiConfig"]
    name = yaml.safe_load((_EXAMPLES / "secrets" / "Pulumi.yaml").read_text())["name"]
    assert set(values) == {"opencomputer:apiKey", f"{name}:indexToken"}
    assert all(set(value) == {"fn::secret"} for value in values.values())


def test_rules_of_the_policy_pack_have_passing_tests(tmp_path: Path) -> None:
    """The pack's own tests, which need neither an engine nor an account."""
    rules = shutil.copytree(_EXAMPLES / "policy" / "rules", tmp_path / "rules")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    ran = subprocess.run(command, cwd=rules, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout


@pytest.mark.parametrize(
    "project", sorted(_EXAMPLES.rglob("Pulumi.yaml")), ids=lambda path: str(path.parent.relative_to(_EXAMPLES))
)
def test_each_project_has_a_readme_and_says_what_it_is(project: Path) -> None:
    """Beside it or, where several belong together, above them; the list of examples names it."""
    settings = yaml.safe_load(project.read_text())
    assert settings["description"].endswith(".")
    folder = project.parent if (project.parent / "README.md").exists() else project.parent.parent
    assert (folder / "README.md").exists()
    assert f"({folder.relative_to(_EXAMPLES).as_posix()})" in (_EXAMPLES / "README.md").read_text()
    if settings["runtime"] == "python":
        assert "pulumi" in (project.parent / "requirements.txt").read_text()
