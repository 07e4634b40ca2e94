"""Whose turn it is to build, and the end of all turns when the run is cancelled."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..errors import RunCancelledError

if TYPE_CHECKING:
    from .build_job import Job


class Turns:
    """One build at a time for one content: of several at once, the server fails all but one after 120 s.

    Once the content is built, its other requests are answered from the cache and need not wait.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._busy: set[str] = set()
        self._built: set[str] = set()
        self._running: set[Job] = set()
        self._cancelled = False

    @contextmanager
    def of(self, job: Job) -> Iterator[None]:
        """Wait for the turn of a job's content, and hold it.

        Raises:
            RunCancelledError: The run was cancelled before it was the job's turn.
            TimedOutError: The job's time limit was over before.
        """
        content = job.content_hash
        with self._changed:
            while not self._changed.wait_for(lambda: self._cancelled or content not in self._busy, job.remaining()):
                pass
            if self._cancelled:
                raise RunCancelledError
            takes = content not in self._built
            if takes:
                self._busy.add(content)
            self._running.add(job)
        try:
            yield
            with self._changed:
                self._built.add(content)
        finally:
            with self._changed:
                self._running.discard(job)
                if takes:
                    self._busy.discard(content)
                self._changed.notify_all()

    def cancel(self) -> None:
        """Let no further job begin, and those that run go no further than to the end of their build."""
        for job in self._stop():
            job.say_cancelled()

    def settle(self, seconds: float) -> None:
        """Cancel without a word, and wait at most so long for jobs that leave something half done otherwise."""
        self._stop()
        with self._changed:
            self._changed.wait_for(lambda: not any(job.committed for job in self._running), seconds)

    def _stop(self) -> tuple[Job, ...]:
        with self._changed:
            self._cancelled = True
            running = tuple(self._running)
            for job in running:
                job.cancel()
            self._changed.notify_all()
        return running
