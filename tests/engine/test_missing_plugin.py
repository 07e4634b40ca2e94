"""A program that uses the plugin when Pulumi can't find it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from adapters import PLUGIN, only
from project import Project

_TOOLS = Path(__file__).parents[2] / ".tools" / "bin"


@only(PLUGIN)
def test_what_is_said_of_a_missing_plugin_mends_it(project: Project, tmp_path: Path) -> None:
    """The warning's line for Pulumi.yaml works when it is copied as it is."""
    python = tmp_path / "bin" / "python3"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (python.parent / "python").symlink_to(python)
    project.environment["PATH"] = f"{python.parent}:{_TOOLS}:/usr/bin:/bin"
    project.program('Snapshot("s", Manifest.base(), name="fixed")')
    text = " ".join(project.up(fails=True).text.split())
    found = re.search(r"or in Pulumi\.yaml (plugins: \{.*?\}\]\})\.", text)
    assert found, text
    settings = project.folder / "Pulumi.yaml"
    settings.write_text(f"{settings.read_text()}{found[1]}\n")
    ran = project.up()
    assert "Pulumi needs the OpenComputer plugin" not in ran.text
    assert project.resource("s")["id"] == "fixed"
