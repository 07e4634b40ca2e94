"""The scenes: the quickstart's stack in situations that users meet, with each command in a terminal of its own."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from adapters import PLUGIN, Adapter
from emulator_process import Emulator, wait_until
from project import Project
from terminal import Picture, Terminal

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart"

#: The duration of the emulator's steps unless its clock is advanced: longer than any scene, shorter than its limits.
STEP_SECONDS = 60.0

PACKAGE, NEWER, UNKNOWN = "pandas==2.2.3", "pandas==2.3.1", "pandsa==2.3.1"

# The columns that are needed to show a step.
_ROOM = 6
# A row that ends within Pulumi's list of differences, or right after it.
_FULL = re.compile(r"\[d[^\]\n]*(\];? ?.{0,2})?$", re.MULTILINE)

NO_SUCH_PACKAGE = {
    "kind": "build",
    "contains": UNKNOWN,
    "outcome": "fail",
    "step": 2,
    "exit": 1,
    "stderr": f"ERROR: No matching distribution found for {UNKNOWN}",
}

_TWO_BUILDS = """\"\"\"Two snapshots of different content.\"\"\"

from {module} import Manifest, Snapshot

Snapshot("analysis", Manifest.base().pip_install(["pandas==2.2.3"]).run_commands("make data"))
Snapshot("browser", Manifest.base().apt_install(["chromium"]).pip_install(["playwright==1.48.0"]))
"""


@dataclass(frozen=True)
class Moment:
    """What a terminal shows at one moment of a scene.

    Attributes:
        scene: The scene's name: ``create``, ``change``, ``failing-build``, ``cached``, ``side-by-side``.
        when: The moment: ``during`` a build, or at the ``end``.
        picture: The terminal's contents.
        chunks: The command's output up to then: seconds since its start, and bytes.
    """

    scene: str
    when: str
    picture: Picture
    chunks: tuple[tuple[float, bytes], ...]


class Stage:
    """A stack with the quickstart's program, its emulator, and a terminal for each command.

    Attributes:
        project: The stack's project.
        emulator: The emulator.
        columns: The width of the terminals.
    """

    def __init__(
        self, folder: Path, emulator: Emulator, adapter: Adapter, columns: int, *, tools: str, home: Path
    ) -> None:
        """Create the stack.

        Args:
            folder: The stack's folder, which must not exist yet.
            emulator: The emulator, whose steps take `STEP_SECONDS`.
            adapter: How the program reaches the provider.
            columns: The width of the terminals.
            tools: The folders of Pulumi and Python, as a part of PATH.
            home: The engine's own folder.
        """
        self.emulator = emulator
        self._adapter = adapter
        self._events = folder / "seen.json"
        self.columns = columns
        settings = {"OPENCOMPUTER_API_URL": emulator.url, "OPENCOMPUTER_API_KEY": emulator.api_key}
        self.project = Project(folder, settings, tools, home, adapter, name=_project_name())
        if adapter is PLUGIN:
            self._name_plugin()
        shutil.copytree(QUICKSTART / "app", self.project.folder / "app")

    def write(self, package: str = PACKAGE) -> None:
        """Write the quickstart's program, optionally with another package."""
        program = (QUICKSTART / "__main__.py").read_text().replace(PACKAGE, package)
        self._write(program.replace("from pulumi_opencomputer import", f"from {self._adapter.module} import"))

    def write_two_builds(self) -> None:
        """Write a program with two snapshots of different content."""
        self._write(_TWO_BUILDS.format(module=self._adapter.module))

    @contextmanager
    def up(self, *options: str) -> Iterator[Terminal]:
        """Run `pulumi up` in a terminal."""
        self._events.unlink(missing_ok=True)
        command = ["pulumi", "up", "--yes", "--event-log", str(self._events), *options]
        folder, environment = self.project.folder, self.project.environment
        with Terminal(command, columns=self.columns, folder=folder, environment=environment) as terminal:
            yield terminal

    def wait_for_step(self, step: str, builds: int = 1) -> None:
        """Wait until the engine was notified that a step began, in this many builds; a narrow terminal may not show it.

        Args:
            step: The step's number and the number of steps, such as ``2/6``.
            builds: The number of builds.
        """
        wait_until(
            lambda: self._events.exists() and len(re.findall(rf"\b{step}\b", self._events.read_text())) >= builds
        )

    def end_step(self) -> None:
        """End the running step of each build."""
        self.emulator.advance(STEP_SECONDS)

    def finish(self, terminal: Terminal) -> int:
        """End each step as soon as it runs, until the command ends; return its exit code."""
        while not terminal.has_ended(0.05):
            self.end_step()
        return terminal.wait()

    def _write(self, program: str) -> None:
        (self.project.folder / "__main__.py").write_text(program)

    def _name_plugin(self) -> None:
        # The engine prints a warning about a plugin that it finds on PATH by itself.
        plugin = f"plugins:\n  providers:\n    - name: opencomputer\n      path: {Path(sys.executable).parent}\n"
        with (self.project.folder / "Pulumi.yaml").open("a") as file:
            file.write(plugin)


def play(stage: Stage) -> Iterator[Moment]:
    """Run all scenes; yield each moment that is recorded."""
    stage.write()
    yield from _scene(stage, "create", "2/6")
    stage.write(NEWER)
    yield from _scene(stage, "change", "2/6")
    stage.emulator.fail(NO_SUCH_PACKAGE)
    stage.write(UNKNOWN)
    yield from _scene(stage, "failing-build", None)
    stage.emulator.fail()
    stage.project.destroy()
    stage.write()
    yield from _scene(stage, "cached", None)
    stage.project.destroy()
    stage.write_two_builds()
    yield from _scene(stage, "side-by-side", "1/2")


def _scene(stage: Stage, scene: str, step: str | None) -> Iterator[Moment]:
    """Run `pulumi up`; yield the moment in which a step of each build runs, if one is given, and the end."""
    with stage.up() as terminal:
        if step:
            builds = 2 if scene == "side-by-side" else 1
            number, _, steps = step.partition("/")
            for before in range(1, int(number)):
                stage.wait_for_step(f"{before}/{steps}")
                stage.end_step()
            stage.wait_for_step(step, builds)
            picture = terminal.wait_for(lambda shown: _is_at(shown, step, builds, stage.columns))
            yield Moment(scene, "during", picture, tuple(terminal.chunks))
        stage.finish(terminal)
        yield Moment(scene, "end", terminal.picture(), tuple(terminal.chunks))


def _is_at(shown: str, step: str, builds: int, columns: int) -> bool:
    """Return whether a screen shows a step of each build, or Pulumi's list of differences leaves no room for it."""
    rows = _progress(shown)
    if len(re.findall(rf"\b{step}\b", rows)) >= builds:
        return True
    is_narrow = any(len(row) > columns - _ROOM for row in rows.splitlines())
    return "creating" in rows and is_narrow and ("Info" not in rows or bool(_FULL.search(rows)))


def _progress(shown: str) -> str:
    return shown.rpartition("Updating (")[2]


def _project_name() -> str:
    found = re.search(r"^name: (\S+)$", (QUICKSTART / "Pulumi.yaml").read_text(), re.MULTILINE)
    return found[1] if found else ""
