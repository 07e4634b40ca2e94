"""The page's three files, served with a security policy that only lets them communicate with this server."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

PREFIX = "/_emulator/page/"
_TYPES = {"style.css": "text/css", "page.js": "text/javascript", "index.html": "text/html"}
_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'; trusted-types 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}


def routes() -> list[Route]:
    """Return the routes of the page and of the files that it loads."""
    return [
        Route("/", lambda _request: _file("index.html")),
        Route(PREFIX + "{name}", _part),
    ]


def _part(request: Request) -> Response:
    return _file(request.path_params["name"])


def _file(name: str) -> Response:
    if name not in _TYPES:
        return Response("the page has no such file\n", 404, media_type="text/plain")
    return Response(_read(name), headers=_HEADERS, media_type=_TYPES[name])


@cache
def _read(name: str) -> bytes:
    return Path(__file__).with_name(name).read_bytes()
