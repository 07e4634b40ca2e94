"""Whether the run that requested a build still holds the build's stream, as far as this machine knows."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from .names import run_of

if TYPE_CHECKING:
    from ..api.records import Record


class Liveness:
    """What one run knows about its own builds and those of other runs on this machine; thread-safe."""

    def __init__(self) -> None:
        self._lost: set[str] = set()
        self._lock = threading.Lock()

    def lose(self, content_hash: str) -> None:
        """Note that this run lost the stream of a build, and with it the build."""
        with self._lock:
            self._lost.add(content_hash)

    def is_kept(self, record: Record) -> bool | None:
        """Tell whether some process holds the stream of a record's build; None if this machine does not know."""
        from ..api.run_lock import is_run_alive, this_run  # noqa: PLC0415 - temporary files, which few runs ever need

        run_id = run_of(record)
        if run_id is None:
            return None
        with self._lock:
            if run_id == this_run().id and record.content_hash in self._lost:
                return False
        return is_run_alive(run_id)
