"""Whether the run that asked for a build still keeps its stream, as far as this machine can tell."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from .names import run_of

if TYPE_CHECKING:
    from ..api.records import Record


class Liveness:
    """What one run knows of the builds that it, and others on this machine, asked for; thread-safe."""

    def __init__(self) -> None:
        self._lost: set[str] = set()
        self._lock = threading.Lock()

    def lose(self, content_hash: str) -> None:
        """Note that this run lost the stream of a build, and the build with it."""
        with self._lock:
            self._lost.add(content_hash)

    def is_kept(self, record: Record) -> bool | None:
        """Whether the stream of a record's build is kept; None where this machine does not know."""
        from ..api.run_lock import is_run_alive, this_run  # noqa: PLC0415 - temporary files, which few runs ever need

        run_id = run_of(record)
        if run_id is None:
            return None
        with self._lock:
            if run_id == this_run().id and record.content_hash in self._lost:
                return False
        return is_run_alive(run_id)
