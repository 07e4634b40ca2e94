"""The pages of Pulumi's Registry, made from those in docs/ by replacing the placeholders."""

from __future__ import annotations

import shutil
from pathlib import Path

from .project import ROOT, Project

PAGES = ("_index.md", "installation-configuration.md")
#: The text in docs/, whatever the settings are. The address is not a real one.
PLACEHOLDER = "github.invalid/OWNER/pulumi-opencomputer"
JAVA_PLACEHOLDER = "io.github.owner"
VERSION_PLACEHOLDER = "0.1.0"


def write(project: Project, folder: Path) -> Path:
    """Write the pages; return their folder."""
    target = folder / "registry"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for page in PAGES:
        (target / page).write_text(named(project, (ROOT / "docs" / page).read_text(encoding="utf-8")), encoding="utf-8")
    return target


def named(project: Project, text: str) -> str:
    """Replace the placeholders in a text."""
    text = text.replace(PLACEHOLDER, project.repository.removeprefix("https://"))
    return text.replace(JAVA_PLACEHOLDER, project.java_group).replace(VERSION_PLACEHOLDER, project.version)
