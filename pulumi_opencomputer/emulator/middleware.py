"""The request log, the first stage of every API request. It also sets the header `Date`."""

from __future__ import annotations

import logging
from collections import deque
from email.utils import formatdate
from typing import Any
from urllib.parse import quote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .clock import Clock

_REMEMBERED = 100_000
_LOG = logging.getLogger("pulumi_opencomputer.emulator")


class RequestLog:
    """An ASGI middleware around everything that API clients can reach.

    It passes a request's path on as sent, without decoding it, and sets the header `Date` of each response.

    Attributes:
        requests: An entry for each of the newest requests, oldest first: ``method``, ``path`` as sent, and ``status``,
            which is None until the response begins.
    """

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        self.requests: deque[dict[str, Any]] = deque(maxlen=_REMEMBERED)
        self._app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        raw = scope["raw_path"].decode("ascii", "replace") if scope.get("raw_path") else quote(scope["path"])
        entry = {"method": scope["method"], "path": raw, "status": None}
        self.requests.append(entry)

        async def send_recorded(message: Message) -> None:
            if message["type"] == "http.response.start":
                entry["status"] = message["status"]
                message = {**message, "headers": self._dated(message["headers"])}
            await send(message)

        try:
            await self._app({**scope, "path": raw}, receive, send_recorded)
        finally:
            _LOG.info("%s %s %s", entry["method"], raw, entry["status"] or "(client gone)")

    def _dated(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        if any(name == b"date" for name, _ in headers):
            return headers
        return [*headers, (b"date", formatdate(self._clock.told(), usegmt=True).encode())]
