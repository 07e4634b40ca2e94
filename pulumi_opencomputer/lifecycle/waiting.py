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

# All files are sent in base64.
_BASE64 = 4 / 3
# The bytes of a file's entry in a request without its content: with the shortest path, and with a long one.
_SHORTEST_ENTRY = len('{"relativePath":"f","content":""},')
_LONG_ENTRY = _SHORTEST_ENTRY + 150

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
    """Tell whether a manifest in the declared form is certainly too large for the index, without looking at files."""
    return size_of(manifest) > INDEX_LIMIT


def may_be_too_large(manifest: Any) -> bool:
    """Tell whether a manifest may be too large for the index. A state does not say how long the paths of files are."""
    return size_of(manifest, _LONG_ENTRY) > INDEX_LIMIT


def size_of(value: Any, entry: int = _SHORTEST_ENTRY) -> float:
    """Return the least size in bytes of a manifest in the declared form when it is sent.

    Args:
        value: The manifest, or a part of it.
        entry: The bytes that each local file takes besides its content.
    """
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value.encode("utf-8", "surrogatepass"))
    if isinstance(value, list | tuple):
        return sum(size_of(each, entry) for each in value)
    if not isinstance(value, dict):
        return 0
    if "source" in value:
        # The state has the size of local files only, not their content.
        return float(value.get("bytes", 0)) * _BASE64 + float(value.get("files", 1)) * entry
    sizes = {key: size_of(each, entry) for key, each in value.items()}
    if "content" in value and value.get("encoding") != "base64":
        sizes["content"] *= _BASE64
    return sum(sizes.values())
