"""The edge as an ASGI app around the control plane."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from urllib.parse import unquote

from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ..access import Keys, key_of, set_organisation
from ..responses import Parts, PartsResponse, list_parts
from .index import Index

_SNAPSHOT = re.compile(r"/api/snapshots/([^/]+)(/patches(?:/[^/]+)?|/(?:un)?publish)?")


class Edge:
    """The ASGI app in front of the cell.

    Args:
        cell: The control plane.
        index: The index that answers reads.
        keys: The keys of all organisations.
        strict: Whether DELETE is refused for a record that the index does not show.

    Attributes:
        has_cell: Whether there is a healthy cell to pass requests to. Reads from the index don't need one.
    """

    def __init__(self, cell: ASGIApp, index: Index, keys: Keys, *, strict: bool = True) -> None:
        self.has_cell = True
        self._cell = cell
        self._index = index
        self._keys = keys
        self._strict = strict

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it to the cell."""
        path = scope["path"]
        answer: ASGIApp | None = None
        if scope["type"] == "http" and path.startswith("/api/"):
            org_id = self._keys.organisation(key_of(scope))
            if org_id is None:
                answer = _error(401, "missing or invalid API key")
            else:
                scope = set_organisation(scope, org_id)
                answer = await self._answer(scope["method"], path, org_id)
        await (answer or self._through())(scope, receive, send)

    async def _answer(self, method: str, path: str, org_id: str) -> ASGIApp | None:
        if path in ("/api/snapshots", "/api/images"):
            named_only = path == "/api/snapshots"
            if method == "GET":
                return PartsResponse(self._list(org_id, named_only=named_only))
            return None if method == "POST" and named_only else _not_allowed()
        if match := _SNAPSHOT.fullmatch(path):
            return await self._snapshot(method, org_id, unquote(match[1]), match[2] or "")
        return None

    async def _snapshot(self, method: str, org_id: str, name: str, below: str) -> ASGIApp | None:
        if below.endswith("publish"):
            return None
        if below or method == "DELETE":
            shown = not self._strict or await asyncio.to_thread(self._index.shows, org_id, name)
            return None if shown else _error(404, "snapshot not found")
        if method != "GET":
            return _not_allowed()
        found = await asyncio.to_thread(self._index.read, org_id, name)
        if found is None:
            return _error(404, "snapshot not found")
        record, manifest = found
        return PartsResponse(record.parts(manifest))

    def _list(self, org_id: str, *, named_only: bool) -> AsyncIterator[Parts]:
        return list_parts(lambda: self._index.listed(org_id, named_only=named_only), self._index.read_all)

    def _through(self) -> ASGIApp:
        return self._cell if self.has_cell else _error(503, "no cell available to serve request")


def _error(status: int, message: str) -> Response:
    return JSONResponse({"error": message}, status)


def _not_allowed() -> Response:
    return _error(405, "method not allowed")
