"""Record the screens in docs/screens: ``make screens``. With an adapter, only print its screens."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "testing"))

from adapters import DYNAMIC, PLUGIN, Adapter  # noqa: E402
from emulator_process import Emulator  # noqa: E402
from tools.screens.scenes import STEP_SECONDS, Moment, Stage, play  # noqa: E402
from tools.screens.words import steady  # noqa: E402

FOLDER = ROOT / "docs" / "screens"
WIDTHS = (80, 120)

_ADAPTERS = {adapter.name: adapter for adapter in (DYNAMIC, PLUGIN)}
_NAMES = {"dynamic": "Dynamic provider", "plugin": "Plugin"}
_TOOLS = os.pathsep.join([str(ROOT / ".tools" / "bin"), str(Path(sys.executable).parent)])
_TITLES = {
    "create": "The first `pulumi up` of the quickstart",
    "change": "A package changes: the new image is built before the snapshots move to it",
    "failing-build": "A package that does not exist",
    "cached": "Content that the server has built before",
    "side-by-side": "Two builds at a time",
}
_MOMENTS = {"during": "while a step runs", "end": "at the end"}


def record(adapter: Adapter, columns: int) -> Iterator[Moment]:
    """Play all scenes with one adapter, in terminals of one width."""
    with tempfile.TemporaryDirectory(prefix="opencomputer-screens-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        with Emulator(folder / "emulator", step_seconds=STEP_SECONDS) as emulator:
            home = folder / "home"
            home.mkdir()
            yield from play(Stage(folder / "stack", emulator, adapter, columns, tools=_TOOLS, home=home))


def main() -> int:
    """Record all screens; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.screens", description=__doc__)
    parser.add_argument("--adapter", choices=sorted(_ADAPTERS), help="only print the screens of this adapter")
    parser.add_argument("--columns", type=int, default=120, help="the terminal's width, with --adapter (default: 120)")
    given = parser.parse_args()
    if given.adapter:
        for moment in record(_ADAPTERS[given.adapter], given.columns):
            print(f"{_heading(moment, _ADAPTERS[given.adapter])}\n\n{steady(moment.picture.text)}\n")
        return 0
    write_all()
    return 0


def write_all() -> None:
    """Write a page for each scene."""
    pages: defaultdict[str, list[str]] = defaultdict(list)
    for adapter in _ADAPTERS.values():
        for columns in WIDTHS:
            for moment in record(adapter, columns):
                heading = _heading(moment, adapter)
                pages[moment.scene].append(f"## {heading}\n\n```text\n{steady(moment.picture.text)}\n```\n")
                print(f"{moment.scene}: {heading}")
    FOLDER.mkdir(exist_ok=True)
    for scene, parts in pages.items():
        page = "\n".join(
            [f"# {_TITLES[scene]}\n", "Recorded by `make screens`; times are not the true ones.\n", *parts]
        )
        (FOLDER / f"{scene}.md").write_text(page, encoding="utf-8")


def _heading(moment: Moment, adapter: Adapter) -> str:
    return f"{_NAMES[adapter.name]}, {moment.picture.columns} columns, {_MOMENTS[moment.when]}"


if __name__ == "__main__":
    sys.exit(main())
