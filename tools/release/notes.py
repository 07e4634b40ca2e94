"""The notes of a release: its version's section in CHANGELOG.md."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

from .project import ROOT, Project, ReleaseError

_CHANGELOG = ROOT / "CHANGELOG.md"
_HEADING = re.compile(r"^## (?P<version>\S+) \((?P<date>[^)]*)\)$", re.MULTILINE)


def notes(project: Project, changelog: Path = _CHANGELOG) -> str:
    """Return the version's section without its heading.

    Raises:
        ReleaseError: There is no section, it is empty, or it has no date.
    """
    text = changelog.read_text(encoding="utf-8")
    headings = list(_HEADING.finditer(text))
    for heading, following in zip(headings, [*headings[1:], None], strict=True):
        if heading["version"] == project.version:
            body = text[heading.end() : following.start() if following else None].strip()
            if not body:
                raise ReleaseError(f"CHANGELOG.md says nothing about {project.version}.")
            _check_date(heading["date"], project)
            return body + "\n"
    raise ReleaseError(f"CHANGELOG.md has no section '## {project.version} (YYYY-MM-DD)'.")


def _check_date(date: str, project: Project) -> None:
    try:
        datetime.date.fromisoformat(date)
    except ValueError:
        raise ReleaseError(
            f"CHANGELOG.md has '{date}' in place of a date: write '## {project.version} (YYYY-MM-DD)'."
        ) from None
