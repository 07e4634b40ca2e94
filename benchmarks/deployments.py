"""What a user of ``pulumi up`` waits for, and what the state holds."""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterator
from pathlib import Path

from emulator_process import Emulator

from .measure import ENGINE_RUNS, Goal, Outcome, Sides, alternate, growth_per, seconds, shown
from .stack import Stack, emulator

_MANY_SNAPSHOTS = """
from pulumi_opencomputer import Manifest, Snapshot

for number in range({count}):
    manifest = Manifest.base().apt_install(["ripgrep"]).env({{"NUMBER": f"{run}-{{number}}"}})
    Snapshot(f"snapshot-{{number}}", manifest, name=f"name-{run}-{{number}}")
"""

_MANY_NOTHINGS = """
from benchmarks.others import Nothing

for number in range({count}):
    steps = [{{"aptInstall": ["ripgrep"]}}, {{"env": {{"NUMBER": f"{run}-{{number}}"}}}}]
    Nothing(f"snapshot-{{number}}", {{"base": "base", "steps": steps}}, f"name-{run}-{{number}}")
"""

_EMBEDDING = """
from pulumi_opencomputer import Manifest, Snapshot

Snapshot("data", Manifest.base().add_local_dir({directory!r}, "/data"), name={name!r})
"""

_DOCUMENTED = """
from benchmarks.others import DocumentedSnapshot
from opencomputer import Image

DocumentedSnapshot("data", Image.base().add_local_dir({directory!r}, "/data"), "documented")
"""

_BUILDS = """
from pulumi_opencomputer import Manifest, Snapshot

for number in range({count}):
    manifest = Manifest.base().run_commands("SLEEP_BUILD_{seconds}", f"echo {run}-{{number}}")
    Snapshot(f"snapshot-{{number}}", manifest, name=f"name-{run}-{{number}}")
"""

_SLEEPS = """
from benchmarks.others import Sleep

for number in range({count}):
    Sleep(f"sleep-{{number}}", {seconds})
"""


def state(scratch: Path) -> Iterator[Outcome]:
    """A resource that embeds 64 MB of local files; the other side, which takes minutes for that, embeds 8 MB."""
    few, many = (_data(scratch / f"data-{megabytes}", megabytes) for megabytes in (8, 64))
    with emulator(scratch) as api:
        of_few = _deployed(scratch / "ours-8", api, _EMBEDDING.format(directory=few, name="few"))
        of_many = _deployed(scratch / "ours-64", api, _EMBEDDING.format(directory=many, name="many"))
        documented = _deployed(scratch / "documented", api, _DOCUMENTED.format(directory=few))
    text = f"a dynamic provider with to_dict(), of 8 MB only: {shown(documented / 1000, ' KB')}"
    name, figure = "state of a resource with 64 MB of local files", of_many / 1000
    grown = f"8 MB: {shown(of_few / 1000, ' KB')}"
    yield Outcome(name, shown(figure, " KB"), text, figure, (figure, figure), Goal(10, unit=" KB"), grown)


def _data(directory: Path, megabytes: int) -> str:
    directory.mkdir()
    for number in range(megabytes):
        (directory / f"file-{number}").write_bytes(random.Random(number).randbytes(1_000_000))
    return str(directory)


def _deployed(folder: Path, api: Emulator, program: str) -> int:
    stack = Stack(folder, api, program)
    stack.up()
    return stack.resource_bytes()


def unchanged(scratch: Path) -> Iterator[Outcome]:
    """``pulumi up`` without changes, at 1, 10 and 100 snapshots."""
    counts = (1, 10, 100)
    with emulator(scratch) as api:
        sides = {count: _unchanged(scratch, api, count) for count in counts}
    medians = [statistics.median(sides[count].ours) for count in counts]
    grown = growth_per("snapshot", counts, medians)
    for count, measured in sides.items():
        name = f"pulumi up without changes, {count} snapshot{'s' if count > 1 else ''}"
        text = f"resources that do nothing: {seconds(measured.beside)}"
        if count == 1:
            figure, spread = measured.excess()
            goal = Goal(150, unit=" ms")
            yield Outcome(name, seconds(measured.ours), text, figure * 1000, _milli(spread), goal)
        else:
            goal = Goal(1.15) if count == 100 else None
            yield Outcome(name, seconds(measured.ours), text, *measured.ratio(), goal, grown if goal else "")


def _unchanged(scratch: Path, api: Emulator, count: int) -> Sides:
    ours = Stack(scratch / f"ours-{count}", api, _MANY_SNAPSHOTS.format(count=count, run=count))
    nothing = Stack(scratch / f"nothing-{count}", api, _MANY_NOTHINGS.format(count=count, run=count))
    ours.up()
    nothing.up()
    api.forget_requests()
    sides = alternate(ours.up, nothing.up, ENGINE_RUNS)
    if asked := [entry for entry in api.requests() if not entry["path"].startswith("/_emulator")]:
        raise RuntimeError(f"a run without changes asked the API: {asked}")
    return sides


def _milli(spread: tuple[float, float]) -> tuple[float, float]:
    return spread[0] * 1000, spread[1] * 1000


def parallel(scratch: Path) -> Iterator[Outcome]:
    """32 builds of two seconds side by side."""
    count, build_seconds = 32, 2
    stacks = iter(range(1000))
    with emulator(scratch) as api:

        def deploy(program: str) -> float:
            run = next(stacks)
            text = program.format(count=count, seconds=build_seconds, run=run)
            return Stack(scratch / f"stack-{run}", api, text).up("--parallel", str(count))

        sides = alternate(lambda: deploy(_BUILDS), lambda: deploy(_SLEEPS), ENGINE_RUNS)
    name = f"{count} builds of {build_seconds} s, --parallel {count}"
    text = f"resources that sleep, with a wide pool: {seconds(sides.beside)}"
    yield Outcome(name, seconds(sides.ours), text, *sides.ratio(), Goal(1.25))
