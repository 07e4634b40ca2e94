"""Trees of files for tests of scanning a directory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from pulumi_opencomputer.content.local_files import scan_directory
from pulumi_opencomputer.errors import LocalFileError


def fill(root: Path, *names: str) -> Path:
    """Create files that contain their own names; a name with a slash at its end creates a directory."""
    for name in names:
        path = root / name
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
    return root


def names(root: Path, ignore: Sequence[str] = ()) -> list[str]:
    """Return the relative paths that a scan finds."""
    return [entry.relative for entry in scan_directory(str(root), ignore).entries]


def contents(root: Path, ignore: Sequence[str] = ()) -> dict[str, str]:
    """Return the text of each file that a scan finds, by its relative path."""
    entries = scan_directory(str(root), ignore).entries
    return {entry.relative: b"".join(entry.file.chunks()).decode() for entry in entries}


def refusal(root: Path, ignore: Sequence[str] = ()) -> LocalFileError:
    """Scan a directory that must be refused; return the error."""
    with pytest.raises(LocalFileError) as caught:
        scan_directory(str(root), ignore)
    return caught.value
