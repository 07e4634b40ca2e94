"""Show a build's events as lines of its resource while the build runs.

Each step is one line when it ends: ``[2/5] pip install pandas (12.3 s)``. While it runs, an ephemeral line shows what
it does and for how long: ``2/5 pip install pandas · 12 s``. Pulumi's table cuts such a line to the available width, so
the most important words come first. Steps are described in this package's own words. Everything else that the server
says about the build is shown too, in order: cleaned, without secrets, and limited in number. For a step that holds a
secret only the number of lines is shown, because the server's text may repeat the secret in an unexpected form.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ..api.events import BuildEvent, BuildStarted, CacheHit, CheckpointStarted, StepCompleted, StepStarted
from ..manifest.sizes import human_size
from .build_log import BuildLog
from .server_lines import ServerLines

#: Seconds of running at which a step's time is shown. In a stored log (CI) each time is a new line, so the intervals
#: grow.
_PACE = (1, 2, 3, 5, 7, 10, 15, 20, 30)
_PACE_AFTER = 30
_SAVING = "saving the image"

# Seconds. A shorter upload is not mentioned.
_SHORT_UPLOAD = 2.0
_UPLOAD = "upload"


@dataclass
class _Activity:
    """What the build is doing now.

    Attributes:
        key: Distinguishes it from other activities.
        since: When it began, by the monotonic clock.
        words: The current text of its line.
        shown: How often its time was shown. An upload starts at 1, so that nothing is shown in its first second.
    """

    key: str
    since: float
    words: str
    shown: int = field(default=0)


class BuildProgress:
    """Shows the progress of one build on the lines of one resource.

    Pass the server's events to :meth:`on_event`, and call :meth:`close` at the end. This class only shows the build;
    its outcome is what `Client.create_snapshot` returns.
    """

    def __init__(
        self,
        log: BuildLog,
        descriptions: Sequence[str],
        *,
        whole: Sequence[str] | None = None,
        clock: Callable[[], float] = time.monotonic,
        ticker: Ticker | None = None,
        redact: Callable[[str], str] = str,
        withholds: Callable[[int], bool] = lambda _: False,
    ) -> None:
        """Prepare the display; nothing is shown yet.

        Args:
            log: The build's log.
            descriptions: A short description of each step, for ephemeral lines.
            whole: The full descriptions, for permanent lines; by default the short ones.
            clock: A monotonic clock, in seconds.
            ticker: Calls `tick`; by default the one of this process.
            redact: Removes the manifest's secrets from the server's text.
            withholds: Tells whether a step, counted from 1, holds a secret, so that the server's text is not shown.
        """
        self._log = log
        self._descriptions = descriptions
        self._whole = descriptions if whole is None else whole
        self._clock = clock
        self._ticker = shared_ticker() if ticker is None else ticker
        self._running: _Activity | None = None
        self._interrupted: _Activity | None = None
        self._started: dict[int, float] = {}
        self._ended: set[int] = set()
        self._origin_shown = False
        self._any_event = False
        self._has_built = False
        self._lock = threading.Lock()
        self._withholds = withholds
        self._server_lines = ServerLines(log, len(descriptions), clock, redact)

    def on_event(self, event: BuildEvent) -> None:
        """Show one event of the server's build log. A step that starts or ends again is not shown again."""
        self._any_event = True
        if isinstance(event, CacheHit):
            self._hit()
        elif isinstance(event, StepCompleted) and self._is_step(event.number):
            self._end(event.number)
        elif isinstance(event, StepStarted) and self._is_step(event.number):
            self._start(event.number)
        elif isinstance(event, CheckpointStarted):
            self._has_built = True
            self._run(_SAVING)
        elif not isinstance(event, BuildStarted):
            self._say(event)

    @property
    def has_built(self) -> bool:
        """Whether the server has built anything in any of this build's requests."""
        return self._has_built

    def wait_for(self, what: str) -> None:
        """Show what the build is waiting for, if that is not a step."""
        self._run(what)

    def on_upload(self, sent: int, size: int) -> None:
        """Show how much of a request's body has been sent. A short upload is not shown.

        Args:
            sent: The bytes sent so far.
            size: The bytes of the whole body.
        """
        with self._lock:
            running = self._running
            if running is None or running.key != _UPLOAD or not sent:
                self._interrupted = running if running and running.key != _UPLOAD else None
                # Count the first second's line as shown, so that a short upload shows nothing.
                running = self._running = _Activity(_UPLOAD, self._clock(), "", shown=1)
            running.words = f"uploading {100 * sent // size} %, {human_size(sent)} of {human_size(size)}"
            took = self._clock() - running.since
            if sent >= size:
                self._running = self._interrupted
        if sent < size:
            self._ticker.add(self)
        elif took >= _SHORT_UPLOAD:
            self._log.info(f"uploaded {human_size(size)} ({took:.1f} s)")

    def restart(self) -> None:
        """Prepare for another request: show its steps from the start, but don't show "from cache" again."""
        self.close()
        self._origin_shown = self._origin_shown or self._any_event
        self._any_event = False
        self._started.clear()
        self._ended.clear()

    def last_lines(self, number: int) -> tuple[str, ...]:
        """Return the server's last lines about a step, counted from 1."""
        return self._server_lines.last(number)

    def running_step(self) -> int | None:
        """Return the number of the running step, counted from 1; None if the server reported none."""
        return max(self._started.keys() - self._ended, default=None)

    def _is_step(self, number: int) -> bool:
        return 1 <= number <= len(self._descriptions)

    def _say(self, event: BuildEvent) -> None:
        """Show the text of an event of no known kind."""
        # A line without a step number, or with a wrong one, may be the output of any running step.
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
        """Show the running time if it is due; called about once a second."""
        with self._lock:
            running = self._running
            if running is None:
                return
            elapsed = self._clock() - running.since
            if elapsed < _due(running.shown):
                return
            running.shown += 1
            words = running.words
        self._log.status(f"{words} · {elapsed:.0f} s")

    def end_wait(self) -> None:
        """Stop showing what the build was waiting for."""
        with self._lock:
            self._running = None

    def _hit(self) -> None:
        self.end_wait()
        if not self._origin_shown:
            self._log.info("from cache")
        self._origin_shown = True

    def _start(self, number: int) -> None:
        if number in self._started:
            return
        self._started[number] = self._clock()
        self._run(self._status(number))

    def _end(self, number: int) -> None:
        if number in self._ended or number not in self._started:
            return
        self._ended.add(number)
        self._has_built = True
        with self._lock:
            if self._running and self._running.key == self._status(number):
                self._running = None
        self._server_lines.end_step(number)
        took = self._clock() - self._started[number]
        self._log.info(f"[{number}/{len(self._whole)}] {self._whole[number - 1]} ({took:.1f} s)")

    def _run(self, what: str) -> None:
        with self._lock:
            if self._running and self._running.key == what:
                return
            self._running = _Activity(what, self._clock(), what)
        self._log.status(what)
        self._ticker.add(self)

    def _status(self, number: int) -> str:
        return f"{number}/{len(self._descriptions)} {self._descriptions[number - 1]}"


def _due(shown: int) -> float:
    """Return the seconds of running after which the next line is due, if `shown` lines were shown already."""
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
        """Start calling `progress.tick`."""
        with self._changed:
            self._members.add(progress)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="build-progress", daemon=True)
                self._thread.start()
            self._changed.notify()

    def remove(self, progress: BuildProgress) -> None:
        """Stop calling `progress.tick`, except for one call that may be about to begin."""
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
    """Return the ticker of this process, created on first use."""
    with _shared_lock:
        if not _shared:
            _shared.append(Ticker())
        return _shared[0]
