"""Bytes in memory or, if there are many, on disk."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable

IN_MEMORY = 1024 * 1024


class Spool:
    """Stored bytes. Above 1 MiB they are in a temporary file, and in memory only while they are read.

    Args:
        parts: The bytes.

    Attributes:
        size: The number of bytes.
    """

    def __init__(self, parts: Iterable[bytes]) -> None:
        # It is closed when this object is garbage-collected. Such a file has no name on disk, so nothing is left.
        self._file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115
        self.size = sum(map(self._file.write, parts))

    def read(self) -> bytes:
        """Return all bytes."""
        self._file.seek(0)
        return self._file.read()
