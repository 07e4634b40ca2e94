"""Bytes that wait on disk where they are many."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable

IN_MEMORY = 1024 * 1024


class Spool:
    """Bytes that are kept for a while, and are in memory only while they are read.

    Args:
        parts: The bytes.

    Attributes:
        size: How many there are.
    """

    def __init__(self, parts: Iterable[bytes]) -> None:
        # Closed when nobody holds it any more; a file of this kind has no name on disk.
        self._file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115
        self.size = sum(map(self._file.write, parts))

    def read(self) -> bytes:
        """Return all of them."""
        self._file.seek(0)
        return self._file.read()
