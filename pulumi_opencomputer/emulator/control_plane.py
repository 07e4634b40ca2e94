"""The control plane: the API's routes, behind its check of path and key."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from .access import Keys, key_of, organisation_of, set_organisation
from .body import JsonBodies
from .builder import Builder
from .clock import Clock
from .options import Options
from .patches import Patches
from .requests import RequestError
from .responses import ClientGoneError
from .sandboxes import Sandboxes
from .snapshots import Snapshots
from .store import Store

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


class ControlPlane:
    """The API as an ASGI app. Its clients are those of a self-hosted server, or the edge.

    Args:
        options: The emulator's settings.
        store: The records.
        builder: Builds the images.
        clock: The emulator's time.
        keys: The keys of all organisations. If the edge has already checked the key, it is not checked again.
    """

    def __init__(self, options: Options, store: Store, builder: Builder, clock: Clock, keys: Keys) -> None:
        self._keys = keys
        self._any_escape = options.ideal
        bodies = JsonBodies(options, clock)
        parts = (
            Snapshots(options, store, builder, clock, bodies),
            Patches(store, bodies),
            Sandboxes(options, store, builder, clock, bodies),
        )
        self._routes = Starlette(
            routes=[route for part in parts for route in part.routes()],
            exception_handlers={
                RequestError: _refuse,
                ClientDisconnect: _gone,
                ClientGoneError: _gone,
                HTTPException: _not_found,
            },
        )
        self._routes.router.redirect_slashes = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request. Its path must be as sent, with percent escapes."""
        raw = scope["path"]
        path = unquote(raw) if self._any_escape else _routed_path(raw)
        if organisation_of(scope) is None:
            scope = set_organisation(scope, self._keys.organisation(key_of(scope)) or "")
        await (self._refusal(scope, raw, path) or self._routes)({**scope, "path": path}, receive, send)

    def _refusal(self, scope: Scope, raw: str, path: str) -> ASGIApp | None:
        if _BAD_ESCAPE.search(raw):
            return PlainTextResponse("400 Bad Request", 400)
        if path.startswith("/api/"):
            if organisation_of(scope) is None:
                return _key_refusal(scope)
            return JSONResponse({"message": "Not Found"}, 404) if scope["method"] == "HEAD" else None
        if scope["method"] == "POST":
            return JSONResponse({"message": "Method Not Allowed"}, 405)
        return JSONResponse({"message": "Not Found"}, 404)


def _key_refusal(scope: Scope) -> Response:
    if not key_of(scope):
        return JSONResponse({"error": "missing API key"}, 401)
    return JSONResponse({"error": "invalid API key"}, 403)


def _routed_path(raw: str) -> str:
    # Go also keeps the escaped path if escaping the decoded one gives a different result. Then the router uses the
    # escaped path and does not decode its parts.
    path = unquote(raw)
    return path if quote(path, safe="/$&+,:;=@~") == raw else raw


async def _refuse(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)  # noqa: S101
    return JSONResponse({"error": str(error)}, error.status)


async def _gone(_request: Request, _error: Exception) -> Response:
    # Nobody receives this response. 499 is what proxies log for a client that has disconnected.
    return Response(status_code=499)


async def _not_found(_request: Request, _error: Exception) -> Response:
    return JSONResponse({"message": "Not Found"}, 404)
