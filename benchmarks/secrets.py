"""Redacting secrets in the server's text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .measure import Goal, Outcome, alternate, growth, seconds, work

_SECRETS = 4_000_000


def secrets(scratch: Path) -> Iterator[Outcome]:
    """Redacting 4 MB of secrets in a text of 10,000 characters, compared with a plain search for each secret."""
    del scratch
    sides = alternate(
        lambda: work("secrets-ours", str(_SECRETS)).seconds, lambda: work("secrets-plain", str(_SECRETS)).seconds
    )
    sizes = (_SECRETS // 4, _SECRETS // 2, _SECRETS)
    grown = growth(sizes, [min(work("secrets-ours", str(size)).seconds for _ in range(3)) for size in sizes])
    ours = sorted(value * 1000 for value in sides.ours)
    yield Outcome(
        "hiding 4 MB of secrets in 10,000 characters",
        seconds(sides.ours),
        f"str.replace of each, in no other form: {seconds(sides.beside)}",
        ours[len(ours) // 2],
        (ours[1], ours[-2]),
        Goal(200, unit=" ms"),
        growth=grown,
    )
