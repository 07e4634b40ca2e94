"""Wait for records that the public endpoint's index does not show yet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

#: Seconds to wait for a record that was just made. The index usually lags less than a second, and sometimes over a
#: minute.
LONGEST_WAIT = 120.0

#: Seconds after which the index is up to date.
YOUNG = 600.0

#: The largest manifest, in bytes, whose record the index can hold.
INDEX_LIMIT = 2_000_000

_FIRST = (0.5, 0.5, 1.0, 1.0, 2.0)
_LATER = 5.0


def pauses(longest: float = LONGEST_WAIT) -> Iterator[float]:
    """Yield the pauses between looks in seconds, short ones first, `longest` in total."""
    left = longest
    for pause in _FIRST:
        yield pause
        left -= pause
    while left > 0:
        yield min(_LATER, left)
        left -= _LATER


def is_too_large(manifest: Any) -> bool:
    """Tell whether a manifest in the declared form is too large for the index, without looking at files."""
    return size_of(manifest) > INDEX_LIMIT


def size_of(value: Any) -> float:
    """Return the approximate size in bytes of a manifest in the declared form when it is sent."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        # A local file is sent in base64. The state has its size only.
        embedded = value.get("bytes", 0) if "source" in value else 0
        return float(embedded) * 4 / 3 + sum(map(size_of, value.values()))
    return sum(map(size_of, value)) if isinstance(value, list | tuple) else 0
