"""The emulator's own addresses, with which tests and people inspect and change it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ..about import version
from .body import BodyReader
from .builder import Builder
from .clock import Clock
from .edge.app import Edge
from .edge.index import Index
from .faults.middleware import Faults
from .faults.rules import RuleError, parse_rules
from .guard import HEALTH, Guard
from .middleware import RequestLog
from .page.feed import Feed
from .page.files import routes as page_routes
from .requests import RequestError
from .store import Store

PREFIX = "/_emulator/"
_LARGEST_BODY = 1024 * 1024


class Control:
    """The routes under ``/_emulator/``, ``/health`` and the page.

    Args:
        store: The records.
        builder: The builds.
        clock: The time.
        faults: The faults.
        log: The requests.
        edge: The edge and its index, if there is one.
        guard: Decides who may use these routes.
        replant: Adds the seed's snapshots.
    """

    def __init__(
        self,
        store: Store,
        builder: Builder,
        clock: Clock,
        faults: Faults,
        log: RequestLog,
        *,
        edge: tuple[Edge, Index] | None,
        guard: Guard,
        replant: Callable[[], None],
    ) -> None:
        self._store = store
        self._builder = builder
        self._clock = clock
        self._faults = faults
        self._log = log
        self._edge = edge
        self._guard = guard
        self._replant = replant
        feed = Feed(self._about, store, builder, faults, log)
        self._bodies = BodyReader(_LARGEST_BODY)
        self._routes = Starlette(
            routes=[
                *page_routes(),
                Route("/_emulator/events", feed.answer),
                Route(HEALTH, self._health),
                Route("/_emulator/requests", self._requests),
                Route("/_emulator/requests", self._forget_requests, methods=["DELETE"]),
                Route("/_emulator/builds", self._builds),
                Route("/_emulator/records", self._records),
                Route("/_emulator/records", self._change_records, methods=["PATCH"]),
                Route("/_emulator/records", self._clear, methods=["DELETE"]),
                Route("/_emulator/reset", self._reset, methods=["POST"]),
                Route("/_emulator/checkpoints/{id}", self._delete_checkpoint, methods=["DELETE"]),
                Route("/_emulator/checkpoints/{id}/bytes", self._lose_checkpoint, methods=["DELETE"]),
                Route("/_emulator/clock", self._show_clock),
                Route("/_emulator/clock", self._set_clock, methods=["POST"]),
                Route("/_emulator/edge", self._show_edge),
                Route("/_emulator/edge", self._set_edge, methods=["POST"]),
                Route("/_emulator/faults", self._show_faults),
                Route("/_emulator/faults", self._arm_faults, methods=["POST", "PUT"]),
                Route("/_emulator/faults", self._disarm_faults, methods=["DELETE"]),
            ],
            exception_handlers={RequestError: _refuse, HTTPException: _not_found},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        await (self._guard.refusal(scope) or self._routes)(scope, receive, send)

    async def _health(self, _request: Request) -> Response:
        counts = await asyncio.to_thread(self._store.counts)
        running = sum(build.outcome == "running" for build in self._builder.history)
        counts = {**counts, "builds": len(self._builder.history), "runningBuilds": running}
        counts["requests"] = len(self._log.requests)
        counts["faults"] = len(self._faults.rules)
        return JSONResponse({"status": "ok", **self._about(), "counts": counts})

    def _about(self) -> dict[str, Any]:
        return {"version": version(), "edge": self._edge is not None}

    async def _requests(self, _request: Request) -> Response:
        return JSONResponse(list(self._log.requests))

    async def _forget_requests(self, _request: Request) -> Response:
        self._log.requests.clear()
        return _done()

    async def _builds(self, _request: Request) -> Response:
        return JSONResponse([build.told() for build in self._builder.history])

    async def _records(self, _request: Request) -> Response:
        return JSONResponse(await asyncio.to_thread(self._store.everything))

    async def _change_records(self, request: Request) -> Response:
        body = await self._body(request)
        try:
            changed = self._store.change(body.get("where") or {}, body.get("set") or {})
        except (TypeError, ValueError, AttributeError) as error:
            raise RequestError(400, str(error)) from None
        return JSONResponse({"changed": changed})

    async def _clear(self, _request: Request) -> Response:
        await self._builder.cancel()
        await asyncio.to_thread(self._store.clear)
        if self._edge:
            await asyncio.to_thread(self._edge[1].clear)
            self._edge[0].has_cell = True
        self._clock.reset()
        self._log.requests.clear()
        return _done()

    async def _reset(self, request: Request) -> Response:
        await self._clear(request)
        if self._edge:
            self._edge[1].reset_lag()
        self._faults.reset()
        await asyncio.to_thread(self._replant)
        return _done()

    async def _delete_checkpoint(self, request: Request) -> Response:
        return _found(await asyncio.to_thread(self._store.delete_checkpoint, request.path_params["id"]))

    async def _lose_checkpoint(self, request: Request) -> Response:
        return _found(await asyncio.to_thread(self._store.lose_checkpoint, request.path_params["id"]))

    async def _show_clock(self, _request: Request) -> Response:
        return JSONResponse({"now": self._clock.text(), "skew": self._clock.skew})

    async def _set_clock(self, request: Request) -> Response:
        body = await self._body(request)
        advance = _number(body, "advance", 0.0)
        if advance < 0:
            raise RequestError(400, "advance must not be negative: use skew for a server whose clock is behind")
        self._clock.skew = _number(body, "skew", self._clock.skew)
        self._clock.advance(advance)
        return await self._show_clock(request)

    async def _show_edge(self, _request: Request) -> Response:
        edge, index = self._require_edge()
        pending = await asyncio.to_thread(index.pending)
        return JSONResponse({"hasCell": edge.has_cell, "lag": list(index.lag), "pendingEvents": pending})

    async def _set_edge(self, request: Request) -> Response:
        edge, index = self._require_edge()
        body = await self._body(request)
        edge.has_cell = bool(body.get("hasCell", edge.has_cell))
        lag = body.get("lag", list(index.lag))
        if not isinstance(lag, list) or [type(part) in (int, float) for part in lag] != [True, True]:
            raise RequestError(400, "lag must be a list of two numbers of seconds")
        index.lag = (float(min(lag)), float(max(lag)))
        return await self._show_edge(request)

    async def _show_faults(self, _request: Request) -> Response:
        # In ASCII, because the texts that a rule puts into responses need not be valid UTF-8.
        told = json.dumps([rule.told() for rule in self._faults.rules])
        return Response(told, media_type="application/json")

    async def _arm_faults(self, request: Request) -> Response:
        try:
            rules = parse_rules(await self._body(request))
        except RuleError as error:
            raise RequestError(400, str(error)) from None
        self._faults.arm(rules, more=request.method == "POST")
        return await self._show_faults(request)

    async def _disarm_faults(self, _request: Request) -> Response:
        self._faults.arm([])
        return _done()

    def _require_edge(self) -> tuple[Edge, Index]:
        if self._edge is None:
            raise RequestError(404, "this emulator has no edge: start it with --edge")
        return self._edge

    async def _body(self, request: Request) -> Any:
        try:
            value, _ = await self._bodies.read(request, json.load)
        except ValueError as error:
            raise RequestError(400, f"the body is not JSON: {error}") from None
        return value


def _number(body: Any, name: str, default: float) -> float:
    value = body.get(name, default) if isinstance(body, dict) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise RequestError(400, f"{name} must be a number of seconds")
    return float(value)


def _done() -> Response:
    return Response(status_code=204)


def _found(found: bool) -> Response:
    return _done() if found else JSONResponse({"error": "no record has this checkpoint"}, 404)


async def _refuse(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)  # noqa: S101
    return JSONResponse({"error": str(error)}, error.status)


async def _not_found(_request: Request, _error: Exception) -> Response:
    return JSONResponse({"error": "the emulator has no such address"}, 404)
