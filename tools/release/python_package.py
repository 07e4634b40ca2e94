"""The wheel and the source distribution."""

from __future__ import annotations

import sys
from pathlib import Path

from .project import ROOT, run


def build(folder: Path) -> list[Path]:
    """Build both as they are published, the wheel from the source distribution, and check them with twine."""
    for old in [*folder.glob("pulumi_opencomputer-*.whl"), *folder.glob("pulumi_opencomputer-*.tar.gz")]:
        old.unlink()
    run(sys.executable, "-m", "build", "--outdir", folder, ROOT)
    built = sorted([*folder.glob("pulumi_opencomputer-*.whl"), *folder.glob("pulumi_opencomputer-*.tar.gz")])
    run(sys.executable, "-m", "twine", "--no-color", "check", "--strict", *built)
    return built


def wheel(folder: Path) -> Path:
    """Build only the wheel."""
    for old in folder.glob("pulumi_opencomputer-*.whl"):
        old.unlink()
    run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, ROOT)
    (built,) = folder.glob("pulumi_opencomputer-*.whl")
    return built
