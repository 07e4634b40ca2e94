"""Two sides measured in turns, and what comes out of it."""

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
    """A limit that a figure is to keep.

    Attributes:
        limit: The limit, in `unit`.
        at_least: Whether the figure must be no less, rather than no more, than it.
        unit: The figure's unit: a ratio, unless it says otherwise.
    """

    limit: float
    at_least: bool = False
    unit: str = TIMES

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {shown(self.limit, self.unit)}"

    def met(self, figure: float) -> bool:
        """Whether a figure keeps the limit."""
        return figure >= self.limit if self.at_least else figure <= self.limit


@dataclass(frozen=True)
class Outcome:
    """One row of the table.

    Attributes:
        work: What was done.
        ours: This project's figure, for people.
        beside: The other side's name and figure, for people.
        figure: The comparison's result, in the goal's unit.
        spread: The range that the middle half of the runs' own figures lies in.
        goal: The limit; None where the row only informs.
        growth: How our side grows, for people.
        unit: The figure's unit where there is no goal.
        held_by: What holds the figure where it is, if another row proves that it is not ours to change.
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
        """Whether the goal is missed by more than the noise: by three quarters of the runs too."""
        if self.goal is None or self.met or self.held_by:
            return False
        return not self.goal.met(self.spread[1] if self.goal.at_least else self.spread[0])


@dataclass(frozen=True)
class Sides:
    """The figures of both sides, run by run."""

    ours: list[float]
    beside: list[float]

    def ratio(self) -> tuple[float, tuple[float, float]]:
        """Our median over the other's, and the quartiles of the ratios of the single rounds."""
        return _compared(self.ours, self.beside, lambda ours, beside: ours / beside)

    def speed(self) -> tuple[float, tuple[float, float]]:
        """The other's median over ours: how many times as fast we are; and the quartiles."""
        return _compared(self.ours, self.beside, lambda ours, beside: beside / ours)

    def excess(self) -> tuple[float, tuple[float, float]]:
        """Our median less the other's, and the quartiles."""
        return _compared(self.ours, self.beside, lambda ours, beside: ours - beside)


def _compared(
    ours: list[float], beside: list[float], compare: Callable[[float, float], float]
) -> tuple[float, tuple[float, float]]:
    # A round whose divisor was too short to be seen has no ratio.
    pairs = [pair for pair in zip(ours, beside, strict=True) if all(pair)]
    rounds = [compare(one, other) for one, other in pairs]
    low, _, high = statistics.quantiles(rounds, n=4, method="inclusive") if len(rounds) > 1 else rounds * 3
    return compare(statistics.median(ours), statistics.median(beside)), (low, high)


def in_turns(*sides: Callable[[], float], runs: int = RUNS) -> list[list[float]]:
    """Measure several sides in turns; which is first changes from round to round."""
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
    """What a process of its own measured.

    Attributes:
        seconds: The work's time, after the interpreter's start and all imports.
        extra_bytes: The peak of the process's memory above what it was before the work.
        times: What the work noted itself, if anything.
    """

    seconds: float
    extra_bytes: int
    times: list[float]


def work(task: str, *arguments: str) -> Worked:
    """Do one of `tasks.TASKS` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.tasks", task, *arguments]
    environment = {**os.environ, "GRPC_VERBOSITY": "ERROR"}
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return Worked(**json.loads(done.stdout))


def growth(sizes: Sequence[float], costs: Sequence[float]) -> str:
    """The exponent b of cost = a size^b, by least squares over the logarithms: 1 is linear."""
    xs, ys = [math.log(size) for size in sizes], [math.log(cost) for cost in costs]
    return f"∝ n^{statistics.linear_regression(xs, ys).slope:.2f}"


def growth_per(noun: str, sizes: Sequence[float], costs: Sequence[float]) -> str:
    """The slope of cost = a + b size, where a fixed cost a is large: in ms for each of the nouns."""
    return f"{statistics.linear_regression(sizes, costs).slope * 1000:+.1f} ms/{noun}"


def shown(value: float, unit: str) -> str:
    """A figure with its unit: three digits, or all of those before the point."""
    digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{value:.{min(digits, 3)}f}{unit}"


def seconds(values: Sequence[float]) -> str:
    """The median of times, for people."""
    median = statistics.median(values)
    return shown(median, " s") if median >= 1 else shown(median * 1000, " ms")
