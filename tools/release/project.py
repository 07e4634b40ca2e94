"""What the project says of itself in pyproject.toml, and the names that are made of it."""

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

# A name that the internet's rules keep free, so that nothing unset ever leads to somebody's account.
_UNSET = ".invalid"


class ReleaseError(Exception):
    """Something can't be made, or must not be published as it is; the text says why and what to do."""


@dataclass(frozen=True)
class Project:
    """The settings of pyproject.toml that a release goes by.

    Attributes:
        version: The version of all that is released.
        repository: The address of the source's repository.
        pythons: The versions of Python that the package is for, as ``3.10``.
    """

    version: str
    repository: str
    pythons: tuple[str, ...]

    @property
    def is_repository_set(self) -> bool:
        """Whether the address is more than the placeholder."""
        return not urlsplit(self.repository).netloc.endswith(_UNSET)

    @property
    def is_final(self) -> bool:
        """Whether the version is one that Python's index, npm, Maven, Go and Pulumi all spell alike."""
        return re.fullmatch(r"\d+\.\d+\.\d+", self.version) is not None

    @property
    def go_module(self) -> str:
        """The path of the Go module; its versions are tags ``sdk/go/vVERSION`` of the repository."""
        address = urlsplit(self.repository)
        return f"{address.netloc}{address.path}/sdk/go"

    @property
    def java_group(self) -> str:
        """The Maven group, which is the Java package as well; the schema has it from the same address."""
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
    """Run a command, and return what it prints.

    Raises:
        ReleaseError: It failed.
    """
    arguments = [str(part) for part in command]
    ran = subprocess.run(
        arguments, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if ran.returncode:
        raise ReleaseError(f"`{' '.join(arguments)}` failed:\n{ran.stdout}{ran.stderr}")
    return ran.stdout


def say(text: str) -> None:
    """Print one line at once, before what comes from the commands."""
    print(f"release: {text}", flush=True)
