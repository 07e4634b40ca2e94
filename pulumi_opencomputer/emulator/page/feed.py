"""The page's data as server-sent events: each part is sent when it has changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import StreamingResponse

from ..builder import Builder
from ..faults.middleware import Faults
from ..history import Build
from ..middleware import RequestLog
from ..store import Store

_SECONDS_BETWEEN_LOOKS = 0.2
_LOOKS_BETWEEN_SIGNS_OF_LIFE = 50
_LONGEST_LIST = 1000
_REQUESTS = 200
_LONGEST_LINE = 2000


class Feed:
    """Sends everything to a new viewer of the page, and after that what changes.

    Args:
        about: Returns general facts about the emulator, such as its version.
        store: The records and sandboxes.
        builder: The builds.
        faults: The active faults.
        log: The requests.
    """

    def __init__(
        self, about: Callable[[], dict[str, Any]], store: Store, builder: Builder, faults: Faults, log: RequestLog
    ) -> None:
        self._about = about
        self._store = store
        self._builder = builder
        self._faults = faults
        self._log = log

    async def answer(self, _request: Request) -> StreamingResponse:
        """Return the stream of events, which ends when the viewer disconnects."""
        headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
        return StreamingResponse(self._events(), media_type="text/event-stream", headers=headers)

    async def _events(self) -> AsyncIterator[bytes]:
        viewer = _Viewer()
        looks = 0
        while True:
            changed = self._parts()
            if viewer.store_changes != (changes := self._store.changes):
                viewer.store_changes = changes
                changed += await asyncio.to_thread(self._stored)
            events = [_event(name, text) for name, text in changed if viewer.has_not_seen(name, text)]
            events += [_event("log", json.dumps(lines)) for lines in viewer.new_lines(self._builder.history.newest())]
            looks += 1
            if events or looks % _LOOKS_BETWEEN_SIGNS_OF_LIFE == 0:
                yield b"".join(events) or b": still here\n\n"
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)

    def _parts(self) -> list[tuple[str, str]]:
        builds = self._builder.history.newest()
        requests = list(self._log.requests)[-_REQUESTS:]
        first = len(self._log.requests) - len(requests)
        return [
            ("about", json.dumps(self._about())),
            ("builds", json.dumps([_told(build) for build in builds])),
            ("requests", json.dumps([{"number": first + n, **entry} for n, entry in enumerate(requests, 1)])),
            ("faults", json.dumps([rule.told() for rule in self._faults.rules])),
            ("totals", json.dumps({"builds": len(self._builder.history), "requests": len(self._log.requests)})),
        ]

    def _stored(self) -> list[tuple[str, str]]:
        records, sandboxes = self._store.everything(_LONGEST_LIST), self._store.sandboxes(_LONGEST_LIST)
        counts = self._store.counts()
        totals = {name: counts[name] for name in ("snapshots", "images")}
        return [
            ("records", json.dumps(records)),
            ("sandboxes", json.dumps(sandboxes)),
            ("storedTotals", json.dumps(totals)),
        ]


class _Viewer:
    """Remembers what one viewer has already received."""

    def __init__(self) -> None:
        self.store_changes = -1
        self._seen: dict[str, str] = {}
        self._lines: dict[int, int] = {}

    def has_not_seen(self, name: str, text: str) -> bool:
        if self._seen.get(name) == text:
            return False
        self._seen[name] = text
        return True

    def new_lines(self, builds: list[Build]) -> list[dict[str, Any]]:
        new = []
        totals = {build.number: build.dropped + len(build.lines) for build in builds}
        for build in builds:
            unseen = totals[build.number] - self._lines.get(build.number, 0)
            if unseen:
                new.append({"build": build.number, "lines": [_cut(line) for line in list(build.lines)[-unseen:]]})
        self._lines = totals
        return new


def _told(build: Build) -> dict[str, Any]:
    times = {"startedAt": build.started, "seconds": build.seconds}
    return {"number": build.number, **build.told(), "title": build.title, **times}


def _cut(line: dict[str, object]) -> dict[str, object]:
    message = str(line["message"])
    return {**line, "message": message if len(message) <= _LONGEST_LINE else message[:_LONGEST_LINE] + "…"}


def _event(name: str, text: str) -> bytes:
    return f"event: {name}\ndata: {text}\n\n".encode()
