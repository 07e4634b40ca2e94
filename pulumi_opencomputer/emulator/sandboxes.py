"""Sandboxes, which are only records: nothing runs in them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .access import owner_of
from .body import JsonBodies
from .builder import Builder, BuildError, Emit, ignore_event
from .clock import Clock
from .options import Options
from .requests import ImageRequest, RequestError, read_image, text_field
from .responses import BuildStream, Parts, PartsResponse, while_connected
from .store import Store


class Sandboxes:
    """Starts sandboxes from images, snapshots and templates, and stops them."""

    def __init__(self, options: Options, store: Store, builder: Builder, clock: Clock, bodies: JsonBodies) -> None:
        self._options = options
        self._store = store
        self._builder = builder
        self._clock = clock
        self._bodies = bodies

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/api/sandboxes", self._create_sandbox, methods=["POST"]),
            Route("/api/sandboxes/{id}", self._get_sandbox),
            Route("/api/sandboxes/{id}", self._delete_sandbox, methods=["DELETE"]),
        ]

    async def _create_sandbox(self, request: Request) -> Response:
        org_id = owner_of(request)
        snapshot, template, image = await self._bodies.read(request, _what_to_start)

        async def create(emit: Emit) -> Parts:
            checkpoint_id = await self._checkpoint(org_id, snapshot, image, emit)
            if self._options.no_workers:
                raise RequestError(503, "no workers available in this region")
            sandbox = await asyncio.to_thread(self._store.add_sandbox, org_id, template, checkpoint_id)
            return [json.dumps(sandbox).encode()]

        if (snapshot or image) and request.headers.get("accept") == "text/event-stream":
            return BuildStream(create, self._options.keepalive_seconds, self._clock)
        try:
            return PartsResponse(await while_connected(request.receive, create(ignore_event)), 201)
        except BuildError as error:
            raise RequestError(400, str(error)) from None

    async def _checkpoint(self, org_id: str, snapshot: str, image: ImageRequest | None, emit: Emit) -> str | None:
        if snapshot:
            emit({"step": 0, "type": "resolve", "message": f"Resolving snapshot '{snapshot}'..."})
            checkpoint_id = await self._snapshot_checkpoint(org_id, snapshot)
        elif image:
            checkpoint_id = await self._builder.resolve(org_id, image, emit)
        else:
            return None
        emit({"step": 0, "type": "create", "message": "Creating sandbox from image..."})
        return checkpoint_id

    async def _snapshot_checkpoint(self, org_id: str, name: str) -> str:
        record = await asyncio.to_thread(self._store.by_name, org_id, name)
        if record is None:
            raise BuildError(f'snapshot "{name}" not found')
        if record.status != "ready" or record.checkpoint_id is None:
            raise BuildError(f'snapshot "{name}" is not ready (status: {record.status})')
        await asyncio.to_thread(self._store.touch, record.id)
        return record.checkpoint_id

    async def _get_sandbox(self, request: Request) -> Response:
        sandbox = await asyncio.to_thread(self._store.sandbox, owner_of(request), request.path_params["id"])
        if sandbox is None:
            raise RequestError(404, "sandbox not found")
        return JSONResponse(sandbox)

    async def _delete_sandbox(self, request: Request) -> Response:
        if not await asyncio.to_thread(self._store.stop_sandbox, owner_of(request), request.path_params["id"]):
            raise RequestError(404, "sandbox not found")
        return Response(status_code=204)


def _what_to_start(body: Mapping[str, Any]) -> tuple[str, str, ImageRequest | None]:
    snapshot = text_field(body, "snapshot")
    return snapshot, text_field(body, "templateID") or "base", None if snapshot else read_image(body)
