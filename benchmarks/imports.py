"""The import time of a program."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .measure import Goal, Outcome, alternate, seconds, work


def imports(scratch: Path) -> Iterator[Outcome]:
    """The time to import the package's names after ``import pulumi``."""
    del scratch
    sides = alternate(lambda: work("import-ours").seconds, lambda: work("import-others").seconds, 9)
    ours = sorted(value * 1000 for value in sides.ours)
    name, text = "import of the package after pulumi", f"pydantic and httpx: {seconds(sides.beside)}"
    yield Outcome(name, seconds(sides.ours), text, ours[4], (ours[2], ours[6]), Goal(30, unit=" ms"))
