"""What every request passes first: its path as Go's router sees it, the API key, the log and the counter."""

from __future__ import annotations

import hmac
import logging
import re
from typing import Any
from urllib.parse import quote, unquote

from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOG = logging.getLogger("pulumi_opencomputer.emulator")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
OWN_PATHS = "/_emulator/"


class Front:
    """An ASGI middleware around the routes.

    Attributes:
        requests: One entry a request, oldest first: ``method``, ``path`` as sent, and ``status`` (None so far).
    """

    def __init__(self, app: ASGIApp, api_key: str, *, any_escape: bool = False) -> None:
        self.requests: list[dict[str, Any]] = []
        self._app = app
        self._key = api_key.encode()
        self._any_escape = any_escape

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        raw = scope["raw_path"].decode("ascii", "replace") if scope.get("raw_path") else quote(scope["path"])
        entry = {"method": scope["method"], "path": raw, "status": None}

        async def send_recorded(message: Message) -> None:
            if message["type"] == "http.response.start":
                entry["status"] = message["status"]
            await send(message)

        path = unquote(raw) if self._any_escape else _routed_path(raw)
        own = path.startswith(OWN_PATHS)
        if not own:
            self.requests.append(entry)
        try:
            await (self._refusal(scope, raw, path) or self._app)({**scope, "path": path}, receive, send_recorded)
        finally:
            if not own:
                _LOG.info("%s %s %s", entry["method"], raw, entry["status"] or "(client gone)")

    def _refusal(self, scope: Scope, raw: str, path: str) -> ASGIApp | None:
        if _BAD_ESCAPE.search(raw):
            return PlainTextResponse("400 Bad Request", 400)
        if path.startswith(OWN_PATHS):
            return None
        key = next((value for name, value in scope["headers"] if name == b"x-api-key"), b"")
        if path.startswith("/api/") and not key:
            return JSONResponse({"error": "missing API key"}, 401)
        if path.startswith("/api/") and not hmac.compare_digest(key, self._key):
            return JSONResponse({"error": "invalid API key"}, 403)
        return JSONResponse({"message": "Not Found"}, 404) if scope["method"] == "HEAD" else None


def _routed_path(raw: str) -> str:
    # Go keeps the escaped path beside the decoded one where escaping the latter gives something else, and the
    # router then takes the escaped one, without decoding its parts.
    path = unquote(raw)
    return path if quote(path, safe="/$&+,:;=@~") == raw else raw
