"""A build's events turned into the lines of a resource, while its build runs.

Each step is one line, said when it ends: ``[2/5] pip install pandas (12.3 s)``. While it runs, a passing (ephemeral)
line shows how long it has been running. Steps are described in our own words. Whatever else the server says of the
build is shown too, in order: cleaned, without secrets, a limited number of lines of limited length. Of a step that
holds a secret, which the server's text may repeat in a form that nobody foresaw, only the number of lines is told.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from ..api.events import BuildEvent, BuildStarted, CacheHit, CheckpointStarted, StepCompleted, StepStarted
from .log import ResourceLog
from .server_lines import ServerLines

#: Seconds after which a running step's time is shown, and shown again. A log that is kept (CI) has a line
#: for each, so the pace slows down.
_PACE = (1, 2, 3, 5, 7, 10, 15, 20, 30)
_PACE_AFTER = 30
_SAVING = "saving the image"


class BuildProgress:
    """The progress of one build on the lines of one resource.

    Feed it the server's events with :meth:`on_event`; it ends with :meth:`close`. It only shows: what the events mean
    for the build is in the outcome that `Client.create_snapshot` returns.
    """

    def __init__(
        self,
        log: ResourceLog,
        descriptions: Sequence[str],
        *,
        clock: Callable[[], float] = time.monotonic,
        ticker: Ticker | None = None,
        redact: Callable[[str], str] = str,
        withholds: Callable[[int], bool] = lambda _: False,
    ) -> None:
        """Begin.

        Args:
            log: The resource's lines.
            descriptions: A line for each step.
            clock: Seconds that only grow.
            ticker: Calls `tick`; the process's own unless a test says otherwise.
            redact: Takes the secrets of the manifest out of a text of the server.
            withholds: Tells whether a step, counted from 1, holds a secret: what the server says of it is not shown.
        """
        self._log = log
        self._descriptions = descriptions
        self._clock = clock
        self._ticker = shared_ticker() if ticker is None else ticker
        self._running: tuple[str, float] | None = None
        self._started: dict[int, float] = {}
        self._ended: set[int] = set()
        self._shown = 0
        self._origin_shown = False
        self._any_event = False
        self._lock = threading.Lock()
        self._withholds = withholds
        self._server_lines = ServerLines(log, len(descriptions), clock, redact)

    def on_event(self, event: BuildEvent) -> None:
        """Take one event of the server's build log. A step that is started or ended again is not said again."""
        self._any_event = True
        if isinstance(event, CacheHit):
            self._hit()
        elif isinstance(event, StepCompleted) and self._is_step(event.number):
            self._end(event.number)
        elif isinstance(event, StepStarted) and self._is_step(event.number):
            self._start(event.number)
        elif isinstance(event, CheckpointStarted):
            self._run(_SAVING)
        elif not isinstance(event, BuildStarted):
            self._say(event)

    def wait_for(self, what: str) -> None:
        """Show that something other than a step is waited for."""
        self._run(what)

    def restart(self) -> None:
        """Show the steps anew, for another request; where the content comes from is not said again."""
        self.close()
        self._origin_shown = self._origin_shown or self._any_event
        self._any_event = False
        self._started.clear()
        self._ended.clear()

    def last_lines(self, number: int) -> tuple[str, ...]:
        """The last of what the server said of a step, counted from 1."""
        return self._server_lines.last(number)

    def running_step(self) -> int | None:
        """The step that runs, counted from 1, as far as the server has said."""
        return max(self._started.keys() - self._ended, default=None)

    def _is_step(self, number: int) -> bool:
        return 1 <= number <= len(self._descriptions)

    def _say(self, event: BuildEvent) -> None:
        """Show what the server says beside what we know."""
        # A line that bears no number, or a wrong one, may be the output of any step that runs.
        running = self._started.keys() - self._ended
        own = {event.step} if event.step is not None else set()
        is_withheld = any(self._is_step(number) and self._withholds(number) for number in running | own)
        self._server_lines.say(event.step, event.message, is_withheld=is_withheld)
        if event.type == "checkpoint":
            self._run(_SAVING)

    def close(self) -> None:
        """Stop showing the running time."""
        with self._lock:
            self._running = None
        self._server_lines.close()
        self._ticker.remove(self)

    def tick(self) -> None:
        """Show the running time where it is due; called about once a second."""
        with self._lock:
            running, shown = self._running, self._shown
            if running is None:
                return
            elapsed = self._clock() - running[1]
            if elapsed < _due(shown):
                return
            self._shown += 1
        # The time comes first: a terminal cuts the end of a status line.
        self._log.status(f"{elapsed:.0f} s … {running[0]}")

    def _hit(self) -> None:
        if not self._origin_shown:
            self._log.info("from cache")
        self._origin_shown = True

    def _start(self, number: int) -> None:
        if number in self._started:
            return
        self._started[number] = self._clock()
        self._run(self._line(number))

    def _end(self, number: int) -> None:
        if number in self._ended or number not in self._started:
            return
        self._ended.add(number)
        line = self._line(number)
        with self._lock:
            if self._running and self._running[0] == line:
                self._running = None
        self._server_lines.end_step(number)
        self._log.info(f"{line} ({self._clock() - self._started[number]:.1f} s)")

    def _run(self, what: str) -> None:
        with self._lock:
            if self._running and self._running[0] == what:
                return
            self._running = (what, self._clock())
            self._shown = 0
        self._log.status(what)
        self._ticker.add(self)

    def _line(self, number: int) -> str:
        return f"[{number}/{len(self._descriptions)}] {self._descriptions[number - 1]}"


def _due(shown: int) -> float:
    """Seconds of running after which the line number `shown` is due."""
    if shown < len(_PACE):
        return _PACE[shown]
    return _PACE[-1] + (shown - len(_PACE) + 1) * _PACE_AFTER


class Ticker:
    """One thread that calls ``tick`` of every running build about once a second."""

    def __init__(self, interval: float = 0.5) -> None:
        self._interval = interval
        self._members: set[BuildProgress] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def add(self, progress: BuildProgress) -> None:
        """Call `progress.tick` from now on."""
        with self._changed:
            self._members.add(progress)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="build-progress", daemon=True)
                self._thread.start()
            self._changed.notify()

    def remove(self, progress: BuildProgress) -> None:
        """Stop calling it; after the return no further call begins."""
        with self._changed:
            self._members.discard(progress)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._members)
                members = tuple(self._members)
            for member in members:
                member.tick()
            time.sleep(self._interval)


_shared: list[Ticker] = []
_shared_lock = threading.Lock()


def shared_ticker() -> Ticker:
    """The process's ticker."""
    with _shared_lock:
        if not _shared:
            _shared.append(Ticker())
        return _shared[0]
