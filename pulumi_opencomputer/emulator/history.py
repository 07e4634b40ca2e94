"""All builds so far, the newest with their logs."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .clock import Clock

_BUILDS_WITH_LOGS = 200
_LINES = 1000


@dataclass
class Build:
    """One simulated build.

    Attributes:
        number: Its unique number, from 1.
        content_hash: The content that it builds.
        title: The name of the snapshot that asked for it, or "" if a sandbox did.
        started: When it began, by the time that clients see, in RFC 3339.
        outcome: ``running``, ``ready``, ``failed`` or ``cancelled``.
        seconds: Its duration in seconds, or None while it runs.
        lines: The newest lines of its log, as the API's events: ``step``, ``type`` and ``message``.
        dropped: How many older lines were dropped.
    """

    number: int
    content_hash: str
    title: str
    started: str
    outcome: str = "running"
    seconds: float | None = None
    lines: deque[dict[str, object]] = field(default_factory=lambda: deque(maxlen=_LINES))
    dropped: int = 0

    def log(self, event: dict[str, object]) -> None:
        """Add a line to its log."""
        self.dropped += len(self.lines) == _LINES
        self.lines.append(event)

    def told(self) -> dict[str, Any]:
        """Return the build as `/_emulator/builds` shows it."""
        return {"contentHash": self.content_hash, "outcome": self.outcome}


class History:
    """All builds, oldest first. Only the newest keep their logs, to limit memory.

    Args:
        clock: The emulator's time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._builds: list[Build] = []
        self._last_number = 0
        self._began: dict[int, float] = {}

    def __len__(self) -> int:
        return len(self._builds)

    def __iter__(self) -> Iterator[Build]:
        return iter(self._builds)

    def newest(self) -> list[Build]:
        """Return the builds that still have their logs, oldest first."""
        return self._builds[-_BUILDS_WITH_LOGS:]

    def start(self, content_hash: str, title: str) -> Build:
        """Add a build that begins now."""
        self._last_number += 1
        build = Build(self._last_number, content_hash, title, self._clock.text())
        self._builds.append(build)
        self._began[build.number] = self._clock.now()
        if len(self._builds) > _BUILDS_WITH_LOGS:
            self._builds[-_BUILDS_WITH_LOGS - 1].lines.clear()
        return build

    def end(self, build: Build, outcome: str) -> None:
        """Record how a build ended."""
        build.outcome = outcome
        build.seconds = round(self._clock.now() - self._began.pop(build.number, self._clock.now()), 3)

    def clear(self) -> None:
        """Forget all builds."""
        self._builds.clear()
        self._began.clear()
