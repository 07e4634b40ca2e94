"""Measure two sides in turns, and compare them."""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from . import ROOT

RUNS = 5
ENGINE_RUNS = 3
TIMES = "\N{MULTIPLICATION SIGN}"


@dataclass(frozen=True)
class Goal:
    """A limit for a figure.

    Attributes:
        limit: The limit, in `unit`.
        at_least: Whether the limit is a minimum rather than a maximum.
        unit: The figure's unit; by default it is a ratio.
    """

    limit: float
    at_least: bool = False
    unit: str = TIMES

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {shown(self.limit, self.unit)}"

    def met(self, figure: float) -> bool:
        """Return whether a figure is within the limit."""
        return figure >= self.limit if self.at_least else figure <= self.limit


@dataclass(frozen=True)
class Outcome:
    """One row of the table.

    Attributes:
        work: What was measured.
        ours: This project's figure, as text.
        beside: The other side's name and figure, as text.
        figure: The result of the comparison, in the goal's unit.
        spread: The range of the middle half of the runs' figures.
        goal: The limit, or None if the row has none.
        growth: How our side's cost grows with size, as text.
        unit: The figure's unit if there is no goal.
        held_by: What limits the figure, if another row proves that this project can't improve it.
    """

    work: str
    ours: str
    beside: str
    figure: float
    spread: tuple[float, float]
    goal: Goal | None = None
    growth: str = ""
    unit: str = TIMES
    held_by: str = ""

    @property
    def met(self) -> bool:
        """Whether the goal is met."""
        return self.goal is None or self.goal.met(self.figure)

    @property
    def clearly_missed(self) -> bool:
        """Whether the goal is missed by more than noise: three quarters of the runs miss it too."""
        if self.goal is None or self.met or self.held_by:
            return False
        return not self.goal.met(self.spread[1] if self.goal.at_least else self.spread[0])


@dataclass(frozen=True)
class Sides:
    """The figures of both sides for each run."""

    ours: list[float]
    beside: list[float]

    def ratio(self) -> tuple[float, tuple[float, float]]:
        """Return our median divided by the other's, and the quartiles of the rounds' ratios."""
        return _compared(self.ours, self.beside, lambda ours, beside: ours / beside)

    def speed(self) -> tuple[float, tuple[float, float]]:
        """Return the other's median divided by ours, that is, how many times faster we are, and the quartiles."""
        return _compared(self.ours, self.beside, lambda ours, beside: beside / ours)

    def excess(self) -> tuple[float, tuple[float, float]]:
        """Return our median minus the other's, and the quartiles."""
        return _compared(self.ours, self.beside, lambda ours, beside: ours - beside)


def _compared(
    ours: list[float], beside: list[float], compare: Callable[[float, float], float]
) -> tuple[float, tuple[float, float]]:
    # Skip rounds with a time that is too short to measure: they have no ratio.
    pairs = [pair for pair in zip(ours, beside, strict=True) if all(pair)]
    rounds = [compare(one, other) for one, other in pairs]
    low, _, high = statistics.quantiles(rounds, n=4, method="inclusive") if len(rounds) > 1 else rounds * 3
    return compare(statistics.median(ours), statistics.median(beside)), (low, high)


def in_turns(*sides: Callable[[], float], runs: int = RUNS) -> list[list[float]]:
    """Measure several sides in turns. Every other round has the reverse order."""
    figures: list[list[float]] = [[] for _ in sides]
    for number in range(runs):
        turns = list(zip(sides, figures, strict=True))
        for measured, kept in turns if number % 2 == 0 else reversed(turns):
            kept.append(measured())
    return figures


def alternate(ours: Callable[[], float], beside: Callable[[], float], runs: int = RUNS) -> Sides:
    """Measure both sides in turns."""
    return Sides(*in_turns(ours, beside, runs=runs))


@dataclass(frozen=True)
class Worked:
    """The measurements from a separate process.

    Attributes:
        seconds: The work's time, without the interpreter's start and imports.
        extra_bytes: The process's peak memory minus its memory before the work.
        times: The times that the work itself recorded, if any.
    """

    seconds: float
    extra_bytes: int
    times: list[float]


def work(task: str, *arguments: str) -> Worked:
    """Run one of `tasks.TASKS` in a separate process."""
    command = [sys.executable, "-m", "benchmarks.tasks", task, *arguments]
    environment = {**os.environ, "GRPC_VERBOSITY": "ERROR"}
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return Worked(**json.loads(done.stdout))


def growth(sizes: Sequence[float], costs: Sequence[float]) -> str:
    """Return the exponent b of cost = a · size^b, from a least-squares fit of the logarithms; 1 is linear."""
    xs, ys = [math.log(size) for size in sizes], [math.log(cost) for cost in costs]
    return f"∝ n^{statistics.linear_regression(xs, ys).slope:.2f}"


def growth_per(noun: str, sizes: Sequence[float], costs: Sequence[float]) -> str:
    """Return the slope b of cost = a + b · size, in ms for each noun; for work with a large fixed cost a."""
    return f"{statistics.linear_regression(sizes, costs).slope * 1000:+.1f} ms/{noun}"


def shown(value: float, unit: str) -> str:
    """Format a figure with its unit, to three significant digits, or to a whole number if that is longer."""
    digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{value:.{min(digits, 3)}f}{unit}"


def seconds(values: Sequence[float]) -> str:
    """Format the median of some times."""
    median = statistics.median(values)
    return shown(median, " s") if median >= 1 else shown(median * 1000, " ms")
