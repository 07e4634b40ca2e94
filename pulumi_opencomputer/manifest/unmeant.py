"""Files that a local directory hardly ever embeds on purpose: caches, installed packages, keys and settings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from ..content.local_files import Directory, Entry
from ..sanitize import excerpt
from .sizes import human_size

_DIRECTORIES = frozenset(
    [
        *(".git", ".hg", ".svn"),
        *("node_modules", "bower_components", ".venv", "venv", "__pycache__", ".eggs", ".terraform", ".pulumi"),
        *(".mypy_cache", ".pytest_cache", ".ruff_cache", ".tox", ".nox", ".hypothesis", ".cache", ".gradle", ".next"),
        *(".aws", ".ssh", ".gnupg", ".azure", ".kube", ".docker", ".ipynb_checkpoints"),
    ]
)
_FILES = frozenset(
    [
        *(".env", ".envrc", ".netrc", ".pgpass", ".pypirc", ".npmrc", ".git-credentials", ".htpasswd"),
        *("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", ".DS_Store", "Thumbs.db", "credentials.json"),
    ]
)
_KEYS = re.compile(r".*(\.(pem|key|p12|pfx|jks|keystore|kdbx|tfstate))\Z")
_SETTINGS = re.compile(r"\.env\.(?!example$|sample$|template$|dist$).+")
_MOST_NAMED = 6


@dataclass
class _Found:
    files: int = 0
    size: int = 0


def unmeant(directory: Directory) -> str:
    """Return a warning about such files, with their number and size and how to ignore them; empty if there are none."""
    found: dict[str, _Found] = {}
    for pattern, entry in _matches(directory):
        each = found.setdefault(pattern, _Found())
        each.files += 1
        each.size += entry.file.size
    if not found:
        return ""
    # Single files first, which are mostly secrets, then directories by size.
    order = sorted(found, key=lambda pattern: (pattern.endswith("/"), -found[pattern].size, pattern))
    named = [f"{excerpt(pattern, 40)} ({_amount(found[pattern])})" for pattern in order[:_MOST_NAMED]]
    more = f" and {len(order) - _MOST_NAMED} more kinds" if len(order) > _MOST_NAMED else ""
    patterns = ", ".join(f'"{excerpt(pattern, 40)}"' for pattern in order[:_MOST_NAMED])
    return (
        f"embeds files that are probably included by mistake, and that everyone who can list the snapshots can read: "
        f"{', '.join(named)}{more}. Leave them out with ignore: [{patterns}]."
    )


def _matches(directory: Directory) -> Iterator[tuple[str, Entry]]:
    """Yield such entries, each with the pattern that would ignore it."""
    for entry in directory.entries:
        above, _, name = entry.relative.rpartition("/")
        pattern = _of_directory(above) or _of_file(name)
        if pattern:
            yield pattern, entry


@lru_cache(maxsize=4096)
def _of_directory(above: str) -> str:
    found = next((part for part in above.split("/") if part in _DIRECTORIES), "")
    return f"{found}/" if found else ""


def _of_file(name: str) -> str:
    if name in _FILES or _SETTINGS.fullmatch(name):
        return name
    key = _KEYS.match(name)
    return f"*{key[1]}" if key else ""


def _amount(found: _Found) -> str:
    noun = "file" if found.files == 1 else "files"
    return f"{found.files:,} {noun}, {human_size(found.size)}"
