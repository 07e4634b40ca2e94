"""Waiting for what the public endpoint's index does not show yet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

#: Seconds for which something that was made a moment ago is waited for. The index lags mostly less than a second, and
#: over a minute now and then.
LONGEST_WAIT = 120.0

#: Seconds after which the index shows what there is.
YOUNG = 600.0

#: The most bytes of a manifest whose record the index can hold.
INDEX_LIMIT = 2_000_000

_FIRST = (0.5, 0.5, 1.0, 1.0, 2.0)
_LATER = 5.0


def pauses(longest: float = LONGEST_WAIT) -> Iterator[float]:
    """The seconds of each pause between two looks, short ones first, `longest` in all."""
    left = longest
    for pause in _FIRST:
        yield pause
        left -= pause
    while left > 0:
        yield min(_LATER, left)
        left -= _LATER


def is_too_large(manifest: Any) -> bool:
    """Whether a manifest in the declared form is larger than the index holds; measured without a look at files."""
    return size_of(manifest) > INDEX_LIMIT


def size_of(value: Any) -> float:
    """About the bytes of a manifest in the declared form as it is sent."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        # A local file is sent in base64; what stands in the state is its size.
        embedded = value.get("bytes", 0) if "source" in value else 0
        return float(embedded) * 4 / 3 + sum(map(size_of, value.values()))
    return sum(map(size_of, value)) if isinstance(value, list | tuple) else 0
