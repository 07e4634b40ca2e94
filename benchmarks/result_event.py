"""The event that ends a build. It contains the whole manifest on one line."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path

from .measure import Goal, Outcome, Worked, alternate, growth, seconds, shown, work

_MB = 1_000_000
_EVENT = 64 * _MB


def result_event(scratch: Path) -> Iterator[Outcome]:
    """Handling a result event of 64 MB, compared with just reading its bytes."""
    del scratch
    ours: list[Worked] = []

    def measure() -> float:
        ours.append(work("event-ours", str(_EVENT)))
        return ours[-1].seconds

    sides = alternate(measure, lambda: work("event-plain", str(_EVENT)).seconds)
    sizes = (_EVENT // 4, _EVENT // 2, _EVENT)
    grown = growth(sizes, [min(work("event-ours", str(size)).seconds for _ in range(3)) for size in sizes])
    name = "a result event of 64 MB"
    yield Outcome(
        name, seconds(sides.ours), f"reading the bytes: {seconds(sides.beside)}", *sides.ratio(), growth=grown
    )
    peaks = sorted(worked.extra_bytes / _EVENT for worked in ours)
    peak = statistics.median(peaks)
    held = shown(peak * _EVENT / _MB, " MB")
    yield Outcome(f"{name}: peak of memory", held, "the event: 64 MB", peak, (peaks[1], peaks[-2]), Goal(4))
