"""Format the outcomes as a Markdown table, and write it to the README."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Sequence
from pathlib import Path

from .measure import Outcome, shown

README = Path(__file__).with_name("README.md")
_BEGIN, _END = "<!-- table: begin -->", "<!-- table: end -->"
_HEAD = ("work", "ours", "beside", "result (middle half of the runs)", "goal", "met", "growth of ours")


def render(outcomes: Sequence[Outcome], failed: Sequence[str] = ()) -> str:
    """Return the table.

    Args:
        outcomes: The table's rows.
        failed: The names of benchmarks that failed with an error.
    """
    broken = [(name, "", "", "**ended in an error**", "", "no", "") for name in failed]
    rows = [_HEAD, ("---",) * len(_HEAD), *(_cells(outcome) for outcome in outcomes), *broken]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def write(table: str, took: float) -> None:
    """Replace the table in the README."""
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    where = f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}"
    said = f"{datetime.date.today().isoformat()}, {where}, one run of {took:.0f} s."
    README.write_text(f"{before}{_BEGIN}\n{said}\n\n{table}\n{_END}{after}", encoding="utf-8")


def _cells(outcome: Outcome) -> tuple[str, ...]:
    unit = outcome.goal.unit if outcome.goal else outcome.unit
    low, high = (shown(value, "") for value in outcome.spread)
    result = f"**{shown(outcome.figure, unit)}** ({low} to {high})"
    goal = str(outcome.goal) if outcome.goal else ""
    return outcome.work, outcome.ours, outcome.beside, result, goal, _verdict(outcome), outcome.growth


def _verdict(outcome: Outcome) -> str:
    if outcome.goal is None:
        return ""
    if outcome.met:
        return "yes"
    if outcome.held_by:
        return f"no, held by {outcome.held_by}"
    return "no" if outcome.clearly_missed else "no, within the noise"
