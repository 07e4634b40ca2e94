"""How much longer several simultaneous deployments of the same content take than a single one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from emulator_process import Emulator

from .measure import ENGINE_RUNS, Goal, Outcome, Sides, in_turns, seconds
from .stack import Stack, emulator

_BUILD_SECONDS = 8
_LAG = 2.0

_PROGRAM = """
from pulumi_opencomputer import Manifest, Snapshot

for number in range({count}):
    manifest = Manifest.base().run_commands("SLEEP_BUILD_{seconds}", "echo {run}")
    Snapshot(f"snapshot-{{number}}", manifest, name=f"{stack}-{{number}}")
"""


def side_by_side(scratch: Path) -> Iterator[Outcome]:
    """Stacks and snapshots that request the same content at once, directly and behind the public edge."""
    (scratch / "plain").mkdir()
    (scratch / "edge").mkdir()
    with emulator(scratch / "plain") as api:
        runs = _Runs(scratch / "plain", api)
        sides = (runs.alone, lambda: runs.stacks(2), lambda: runs.stacks(3), lambda: runs.stacks(1, 12))
        alone, *others = in_turns(*sides, runs=ENGINE_RUNS)
    for who, figures in zip(("two stacks", "three stacks", "twelve snapshots of a stack"), others, strict=True):
        yield _outcome(who, figures, alone, 5.0)
    with emulator(scratch / "edge", edge_lag=_LAG) as api:
        runs = _Runs(scratch / "edge", api)
        alone, both = in_turns(runs.alone, lambda: runs.stacks(2), runs=ENGINE_RUNS)
    yield _outcome(f"two stacks behind an edge {_LAG:g} s late", both, alone, 5.0 + _LAG)


def _outcome(who: str, figures: list[float], alone: list[float], limit: float) -> Outcome:
    sides = Sides(figures, alone)
    name = f"one content of {_BUILD_SECONDS} s at once, {who}: until all are done"
    return Outcome(name, seconds(figures), f"one alone: {seconds(alone)}", *sides.excess(), Goal(limit, unit=" s"))


class _Runs:
    def __init__(self, folder: Path, api: Emulator) -> None:
        self._folder, self._api, self._number = folder, api, 0

    def alone(self) -> float:
        return self.stacks(1)

    def stacks(self, count: int, snapshots: int = 1) -> float:
        """Return the seconds that stacks started at once take to deploy the same new content, which is built once."""
        self._number += 1
        self._api.clear()
        stacks = [self._stack(f"run-{self._number}-{number}", snapshots) for number in range(count)]
        with ThreadPoolExecutor(count) as pool:
            slowest = max(pool.map(lambda stack: stack.up("--parallel", "16"), stacks))
        if len(self._api.builds()) != 1:
            raise RuntimeError(f"the content was built {len(self._api.builds())} times")
        return slowest

    def _stack(self, name: str, snapshots: int) -> Stack:
        text = _PROGRAM.format(count=snapshots, seconds=_BUILD_SECONDS, run=self._number, stack=name)
        return Stack(self._folder / name, self._api, text)
