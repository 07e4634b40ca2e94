"""The queue of builds: one at a time for each content, and no new ones once the run is cancelled."""

from __future__ import annotations

import copy
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..errors import BuildFailedError, RunCancelledError

if TYPE_CHECKING:
    from .build_job import Job


class BuildQueue:
    """Lets one build run at a time for each content. The server builds one of several at once and fails the others.

    Once the content is built, the server's cache answers further requests, so they don't wait for each other. If the
    build fails, the jobs that waited for it fail too, without a build of their own.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._busy: set[str] = set()
        self._built: set[str] = set()
        self._running: set[Job] = set()
        self._failures: dict[str, list[BuildFailedError]] = defaultdict(list)
        self._cancelled = False

    @contextmanager
    def acquire(self, job: Job) -> Iterator[None]:
        """Wait until no other job builds the same content, then run the block.

        Raises:
            BuildFailedError: The build that the job waited for failed.
            RunCancelledError: The run was cancelled before it was the job's turn.
            TimedOutError: The job's time limit ended before its turn.
        """
        content = job.content_hash
        if content in self._busy:
            job.progress.wait_for("waiting for another resource of this run, which builds the same content")
        with self._changed:
            failed_before = len(self._failures[content])
            while not self._changed.wait_for(lambda: self._cancelled or content not in self._busy, job.remaining()):
                pass
            if self._cancelled:
                raise RunCancelledError
            if len(self._failures[content]) > failed_before:
                # Raise a copy, because each resource rewords the error for its own steps and secrets.
                raise copy.copy(self._failures[content][-1])
            takes = content not in self._built
            if takes:
                self._busy.add(content)
            self._running.add(job)
        job.progress.end_wait()
        try:
            yield
            with self._changed:
                self._built.add(content)
        except BuildFailedError as error:
            with self._changed:
                self._failures[content].append(copy.copy(error))
            raise
        finally:
            with self._changed:
                self._running.discard(job)
                if takes:
                    self._busy.discard(content)
                self._changed.notify_all()

    @property
    def is_cancelled(self) -> bool:
        """Whether the run was cancelled."""
        return self._cancelled

    def cancel(self) -> None:
        """Start no more jobs. Running ones only finish their current request, or a swap that has begun."""
        for job in self._stop():
            job.say_cancelled()

    def drain(self, seconds: float) -> None:
        """Cancel silently, and wait for jobs that would leave something half done.

        Args:
            seconds: The longest wait.
        """
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
