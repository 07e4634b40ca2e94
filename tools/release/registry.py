"""The pages of Pulumi's Registry, with the project's names in place of the placeholders that docs/ has for them."""

from __future__ import annotations

import shutil
from pathlib import Path

from .project import ROOT, Project

PAGES = ("_index.md", "installation-configuration.md")
#: What stands in docs/, whatever is set; it leads nowhere.
PLACEHOLDER = "github.invalid/OWNER/pulumi-opencomputer"
JAVA_PLACEHOLDER = "io.github.owner"
VERSION_PLACEHOLDER = "0.1.0"


def write(project: Project, folder: Path) -> Path:
    """Write the pages, and return their folder."""
    target = folder / "registry"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for page in PAGES:
        (target / page).write_text(named(project, (ROOT / "docs" / page).read_text(encoding="utf-8")), encoding="utf-8")
    return target


def named(project: Project, text: str) -> str:
    """Put the project's names into a text."""
    text = text.replace(PLACEHOLDER, project.repository.removeprefix("https://"))
    return text.replace(JAVA_PLACEHOLDER, project.java_group).replace(VERSION_PLACEHOLDER, project.version)
