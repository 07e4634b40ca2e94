"""Draw the README's pictures in docs/images from real runs of the quickstart: ``make pictures``."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "testing")]

from adapters import DYNAMIC  # noqa: E402
from emulator_process import Emulator  # noqa: E402
from svg import svg  # noqa: E402
from terminal import Picture  # noqa: E402
from tools.screens.scenes import NEWER, NO_SUCH_PACKAGE, UNKNOWN, Stage  # noqa: E402

IMAGES = ROOT / "docs" / "images"
COLUMNS = 118
# Fast, but slow enough to be seen. The real service takes longer.
STEP_SECONDS = 1.2

TITLES = {
    "up": "pulumi up builds an image step by step and creates two snapshots of it",
    "building": "pulumi up while the second of six steps runs",
    "change": "pulumi up after a change: the new image is built while the old snapshots stay, then replaces them",
    "failure": "pulumi up with a package that does not exist: the error names the step, and the snapshots stay",
    "ctrl-c": "pulumi up after Ctrl-C: the build that runs is finished and recorded, nothing is lost",
}


def main() -> int:
    """Draw all pictures; return the exit code."""
    for name, picture in record():
        file = IMAGES / f"{name}.svg"
        file.write_text(svg(picture, "pulumi up", TITLES[name]), encoding="utf-8")
        print(f"{file.relative_to(ROOT)}: {file.stat().st_size // 1024} KB")
    return 0


def record() -> Iterator[tuple[str, Picture]]:
    """Run the quickstart through the situations of the pictures; yield each picture with its name."""
    tools = os.pathsep.join([str(ROOT / ".tools" / "bin"), str(Path(sys.executable).parent)])
    with tempfile.TemporaryDirectory(prefix="opencomputer-pictures-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        (folder / "home").mkdir()
        with Emulator(folder / "emulator", step_seconds=STEP_SECONDS) as emulator:
            stage = Stage(folder / "stack", emulator, DYNAMIC, COLUMNS, tools=tools, home=folder / "home")
            stage.write()
            yield from _create(stage)
            stage.write(NEWER)
            yield "change", _end(stage)
            emulator.fail(NO_SUCH_PACKAGE)
            stage.write(UNKNOWN)
            yield "failure", _end(stage)
            emulator.fail()
            stage.write("pandas==2.3.2")
            yield "ctrl-c", _interrupted(stage)


def _end(stage: Stage) -> Picture:
    with stage.up("--skip-preview") as terminal:
        terminal.wait()
        return terminal.picture()


def _create(stage: Stage) -> Iterator[tuple[str, Picture]]:
    with stage.up("--skip-preview") as terminal:
        stage.wait_for_step("2/6")
        yield "building", terminal.wait_for("2/6")
        terminal.wait()
        yield "up", terminal.picture()


def _interrupted(stage: Stage) -> Picture:
    with stage.up("--skip-preview") as terminal:
        stage.wait_for_step("3/6")
        terminal.interrupt()
        terminal.wait()
        return terminal.picture()


if __name__ == "__main__":
    sys.exit(main())
