"""The SDKs that the engine's own generators make of the schema."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from pulumi_opencomputer.plugin import schema

_ROOT = Path(__file__).parents[1]
_LIMIT = 1200

#: The module that the engine is compiled in, where that is done with Go.
ENGINE = _ROOT / "tools" / "pulumi" / "engine"
#: Those with which the engine was compiled: what it shares with the generators is then compiled once.
FLAGS = ("-trimpath", "-buildvcs=false")


@dataclass(frozen=True)
class Sdks:
    """What the generators wrote.

    Attributes:
        folder: A folder for each language: ``nodejs``, ``python``, ``go``.
        findings: What the check of the schema had to say, a line each.
    """

    folder: Path
    findings: list[str]


def generate(folder: Path) -> Sdks:
    """Generate them as a release does."""
    findings = run(sys.executable, "-m", "tools.release", "--out", folder / "sdks", "generate", cwd=_ROOT).splitlines()
    return Sdks(folder / "sdks", findings)


def examples(language: str) -> list[str]:
    """The programs of one language in the schema's descriptions."""
    spec = schema.generate()
    entries = [*spec["resources"].values(), *spec["functions"].values(), spec["provider"]]
    programs = [
        program
        for entry in entries
        for program in re.findall(rf"```{language}\n(.*?)\n```", entry["description"], re.DOTALL)
    ]
    assert len(programs) == 7
    return programs


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Run a command, and return what it prints; it must not fail."""
    ran = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, "GOWORK": "off", **environment},
        capture_output=True,
        text=True,
        timeout=_LIMIT,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout
