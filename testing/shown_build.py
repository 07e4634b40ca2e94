"""A build whose events are sent by a test, and what is shown of it at its resource."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pulumi_opencomputer.api.event_parser import parse_event
from pulumi_opencomputer.config import LogLines
from pulumi_opencomputer.lifecycle.build_log import BuildLog
from pulumi_opencomputer.lifecycle.log import ResourceLog, Severity
from pulumi_opencomputer.lifecycle.progress import BuildProgress

STEPS = ("apt install jq", "pip install pandas", "run true")


class ResourceLines:
    """What a resource shows: permanent lines, and ephemeral ones."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.passing: list[str] = []

    def __call__(self, severity: Severity, message: str, *, ephemeral: bool = False) -> None:
        (self.passing if ephemeral else self.lines).append(message)


class Members(set[Any]):
    """A ticker that ticks when a test calls it."""

    remove = set.discard

    def tick(self) -> None:
        for member in tuple(self):
            member.tick()


class Build:
    """A build, what is shown of it, and its clock."""

    def __init__(self, steps: Sequence[str] = STEPS, lines: LogLines = LogLines.STEPS, **options: Any) -> None:
        self.now, self.shown, self.ticker = 0.0, ResourceLines(), Members()
        ticker: Any = self.ticker
        self.written: list[str] = []
        self.log = BuildLog(ResourceLog(self.shown), lines, self.written.append)
        self.progress = BuildProgress(self.log, steps, clock=lambda: self.now, ticker=ticker, **options)

    def say(self, message: Any, kind: Any = "run", after: float = 0.0, step: Any = 0) -> None:
        """Send the build a message of the server, `after` this many seconds."""
        self.now += after
        event = parse_event("build_log", json.dumps({"step": step, "type": kind, "message": message}).encode(), str)
        if event:
            self.progress.on_event(event)

    def start(self, number: int, after: float = 0.0) -> None:
        """Send the build the start of a step."""
        self.say(f"Step {number}/3: whatever the server says", after=after)

    def end(self, number: int, after: float = 0.0) -> None:
        """Send the build the end of a step."""
        self.say(f"Step {number}/3 completed", after=after)
