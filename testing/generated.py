"""What the package's own command printed, and what `generate` wrote."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Said(NamedTuple):
    """The exit code of a command, and what it printed."""

    code: int
    out: str
    err: str


Run = Callable[..., Said]


def imported(folder: str = ".") -> list[dict[str, str]]:
    """The entries of the import file."""
    entries: list[dict[str, str]] = json.loads((Path(folder) / "import.json").read_text())["resources"]
    return entries
