"""The time that log lines take to reach the engine."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from . import ROOT
from .measure import ENGINE_RUNS, Goal, Outcome, alternate, growth, seconds, shown, work

_LINES = 2000
_PACED = 300
# Each task first sends two lines to connect; they are not measured.
_UNMEASURED = 2


def log_lines(scratch: Path) -> Iterator[Outcome]:
    """Lines at 50 a second, and 2,000 lines at full speed, to a stand-in for the engine that records them."""
    del scratch
    sides = alternate(lambda: _slowest(_paced_ours()), lambda: _slowest(_paced_bare()), ENGINE_RUNS)
    name, text = "from an event to its line at 50 a second, p99", f"bare calls: {seconds(sides.beside)}"
    yield Outcome(name, seconds(sides.ours), text, *sides.ratio(), Goal(3))
    sides = alternate(lambda: _measure("lines-ours", _LINES), lambda: _measure("lines-bare", _LINES))
    rates = [shown(_LINES / sorted(side)[len(side) // 2], " lines/s") for side in (sides.ours, sides.beside)]
    sizes = (_LINES // 4, _LINES // 2, _LINES)
    grown = growth(sizes, [min(_measure("lines-ours", size) for _ in range(2)) for size in sizes])
    name = "2,000 log lines as fast as they come"
    yield Outcome(name, rates[0], f"bare calls: {rates[1]}", *sides.speed(), Goal(0.8, at_least=True), grown)


def _measure(task: str, lines: int) -> float:
    """Return the seconds that the lines took; fail if one was lost or out of order."""
    with _standin("engine") as (port, end):
        took = work(task, port, str(lines)).seconds
        _require_all(task, end(), lines)
    return took


def _paced_ours() -> list[float]:
    """Return the seconds from sending each event to the arrival of its line."""
    with _standin("engine") as (port, end), _standin("server", str(_PACED)) as (server, sent):
        work("paced-ours", port, server, str(_PACED))
        return _delays("paced-ours", sent(), end())


def _paced_bare() -> list[float]:
    """Return the seconds from each call to the arrival of its line."""
    with _standin("engine") as (port, end):
        return _delays("paced-bare", work("paced-bare", port, str(_PACED)).times, end())


def _delays(task: str, sent: Sequence[float], seen: Sequence[tuple[str, float]]) -> list[float]:
    _require_all(task, seen, _PACED)
    return [at - began for began, (_, at) in zip(sent, seen[_UNMEASURED:], strict=True)]


def _slowest(delays: list[float]) -> float:
    """Return the 99th percentile."""
    return sorted(delays)[int(0.99 * len(delays))]


def _require_all(task: str, seen: Sequence[tuple[str, float]], lines: int) -> None:
    numbers = [int(line[1:].partition("/")[0]) for line, _ in seen[_UNMEASURED:]]
    if numbers != [number for number in range(1, lines // 2 + 1) for _ in range(2)]:
        raise RuntimeError(f"{task}: of {lines} lines {len(numbers)} arrived, or in another order")


@contextmanager
def _standin(*arguments: str) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Run a stand-in; yield its port, and a function that stops it and returns what it saw."""
    command = [sys.executable, "-m", "benchmarks.standins", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), lambda: json.loads(process.communicate()[0])
