"""The project's settings in pyproject.toml, and the names that are derived from them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from packaging.version import Version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
DIST = ROOT / "dist"
BUILD = ROOT / "build" / "release"
SCHEMA = ROOT / "pulumi_opencomputer" / "plugin" / "schema.json"

# A top-level domain that is reserved, so that a placeholder never leads to somebody's account.
_UNSET = ".invalid"


class ReleaseError(Exception):
    """Something can't be built, or must not be published as it is. The message has the reason and says what to do."""


@dataclass(frozen=True)
class Project:
    """The settings in pyproject.toml that a release uses.

    Attributes:
        version: The version of everything that is released.
        repository: The URL of the source repository.
        pythons: The supported versions of Python, such as ``3.10``.
    """

    version: str
    repository: str
    pythons: tuple[str, ...]

    @property
    def is_repository_set(self) -> bool:
        """Whether the URL is not the placeholder."""
        return not urlsplit(self.repository).netloc.endswith(_UNSET)

    @property
    def is_final(self) -> bool:
        """Whether Python's index, npm, Maven, Go and Pulumi all write the version in the same way."""
        return re.fullmatch(r"\d+\.\d+\.\d+", self.version) is not None

    @property
    def go_module(self) -> str:
        """The path of the Go module. Its versions are the tags ``sdk/go/vVERSION`` of the repository."""
        address = urlsplit(self.repository)
        return f"{address.netloc}{address.path}/sdk/go"

    @property
    def java_group(self) -> str:
        """The Maven group, which is also the Java package. The schema derives it from the same URL."""
        group: str = json.loads(SCHEMA.read_text(encoding="utf-8"))["language"]["java"]["basePackage"]
        return group


def read(path: Path = ROOT / "pyproject.toml") -> Project:
    """Read the settings."""
    settings = tomllib.loads(path.read_text(encoding="utf-8"))
    classifiers = " ".join(settings["project"]["classifiers"])
    return Project(
        version=str(Version(settings["project"]["version"])),
        repository=settings["tool"]["hatch"]["metadata"]["hooks"]["custom"]["repository"],
        pythons=tuple(re.findall(r"Python :: (3\.\d+)", classifiers)),
    )


def run(*command: str | Path, cwd: Path = ROOT, **environment: str) -> str:
    """Run a command; return its output.

    Raises:
        ReleaseError: The command failed.
    """
    arguments = [str(part) for part in command]
    ran = subprocess.run(
        arguments, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if ran.returncode:
        raise ReleaseError(f"`{' '.join(arguments)}` failed:\n{ran.stdout}{ran.stderr}")
    return ran.stdout


def say(text: str) -> None:
    """Print a line immediately, so that it appears before the output of the commands."""
    print(f"release: {text}", flush=True)
