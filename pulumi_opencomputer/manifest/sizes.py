"""Limits on the size of a manifest, and sizes in words."""

from __future__ import annotations

#: Inline content is kept in Pulumi's state, so it is limited (bytes).
MAX_INLINE_BYTES = 4 * 1024 * 1024

#: Inline content above this many bytes causes a warning, because it is stored in the state and sent with each call.
INLINE_WARNING_BYTES = 256 * 1024

#: Local files of more than this many bytes in total cause a warning before anything is sent.
LARGE_BYTES = 50 * 1000 * 1000


def human_size(count: int) -> str:
    """Return a number of bytes in words: ``3.4 MB``, in powers of 1000."""
    size = float(count)
    if count < 1000:
        return f"{count} byte" if count == 1 else f"{count} bytes"
    for unit in ("kB", "MB"):
        size /= 1000
        # Anything above would be rounded to 1000.0.
        if size < 999.95:
            return f"{size:.1f} {unit}"
    size /= 1000
    return f"{size:.1f} GB"
