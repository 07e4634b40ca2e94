"""The SDKs that Pulumi's own generators make from the schema."""

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

#: The Go module in which the engine is compiled, if it is compiled from source.
ENGINE = _ROOT / "tools" / "pulumi" / "engine"
#: The flags with which the engine was compiled. With the same flags, Go reuses the packages it shares with the
#: generators.
FLAGS = ("-trimpath", "-buildvcs=false")


@dataclass(frozen=True)
class Sdks:
    """The generated SDKs.

    Attributes:
        folder: The folder with a subfolder for each language: ``nodejs``, ``python``, ``go``.
        findings: The errors and warnings of the schema check, one per line.
    """

    folder: Path
    findings: list[str]


def generate(folder: Path) -> Sdks:
    """Generate the SDKs as a release does."""
    findings = run(sys.executable, "-m", "tools.release", "--out", folder / "sdks", "generate", cwd=_ROOT).splitlines()
    return Sdks(folder / "sdks", findings)


def examples(language: str) -> list[str]:
    """Return the example programs of one language in the schema's descriptions."""
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
    """Run a command that must succeed, and return its output."""
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
