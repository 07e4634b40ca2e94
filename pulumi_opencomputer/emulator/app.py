"""The API's routes, as an ASGI app."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from .builder import Builder, BuildError, Emit, ignore_event
from .middleware import Front
from .options import Options
from .requests import ImageRequest, RequestError, parse_body, read_image, text_field
from .responses import BuildStream, ClientGoneError, Parts, PartsResponse, while_connected
from .store import LONGEST_NAME, NewRecord, SaveError, Store

_BATCH_BYTES = 8 * 1024 * 1024
_BATCH_ROWS = 200


def create_app(options: Options) -> ASGIApp:
    """Return an emulator as an ASGI app. It opens its database at once, and closes it at the lifespan's end."""
    api = _Api(options)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        api.store.close()

    routes = Starlette(
        routes=[
            Route("/api/snapshots", api.create_snapshot, methods=["POST"]),
            Route("/api/snapshots", api.list_snapshots),
            Route("/api/snapshots/{name}", api.get_snapshot),
            Route("/api/snapshots/{name}", api.delete_snapshot, methods=["DELETE"]),
            Route("/api/images", api.list_images),
            Route("/api/sandboxes", api.create_sandbox, methods=["POST"]),
            Route("/api/sandboxes/{id}", api.get_sandbox),
            Route("/api/sandboxes/{id}", api.delete_sandbox, methods=["DELETE"]),
            Route("/_emulator/requests", api.requests),
            Route("/_emulator/requests", api.forget_requests, methods=["DELETE"]),
            Route("/_emulator/builds", api.builds),
            Route("/_emulator/rows", api.clear, methods=["DELETE"]),
        ],
        exception_handlers={
            RequestError: _refuse,
            ClientDisconnect: _gone,
            ClientGoneError: _gone,
            HTTPException: _not_found,
        },
        lifespan=lifespan,
    )
    routes.router.redirect_slashes = False
    api.front = Front(routes, options.api_key, any_escape=options.ideal)
    return api.front


class _Api:
    front: Front

    def __init__(self, options: Options) -> None:
        self._options = options
        self.store = Store(options.data, mirror_lag_seconds=options.mirror_lag_seconds, ideal=options.ideal)
        self._builder = Builder(options, self.store)

    # Snapshots

    async def create_snapshot(self, request: Request) -> Response:
        name, image = await self._read_create(request)
        if request.headers.get("accept") == "text/event-stream":
            return BuildStream(lambda emit: self._create(name, image, emit), self._options.keepalive_seconds)
        if request.query_params.get("async") == "1":
            return await self._create_async(name, image)
        try:
            parts = await while_connected(request.receive, self._create(name, image, ignore_event))
        except (BuildError, SaveError) as error:
            raise RequestError(500, str(error)) from None
        return PartsResponse(parts, 201)

    async def _read_create(self, request: Request) -> tuple[str, ImageRequest]:
        body = await _read_body(request)
        name = text_field(body, "name")
        if not name:
            raise RequestError(400, "name is required")
        image = await asyncio.to_thread(read_image, body)
        if image is None:
            raise RequestError(400, "image is required")
        if self._options.ideal:
            image = _refuse_unusable(name, image)
        row = await asyncio.to_thread(self.store.by_name, name)
        if row and row.status == "failed" and self._options.ideal:
            await asyncio.to_thread(self.store.delete, name)
        elif row:
            raise RequestError(409, "snapshot name already exists")
        return name, image

    async def _create(self, name: str, image: ImageRequest, emit: Emit) -> Parts:
        try:
            checkpoint_id = await self._builder.resolve(image, emit)
        except BuildError as error:
            raise BuildError(f"image build failed: {error}") from None
        try:
            row, manifest = await asyncio.to_thread(self.store.add_named, name, image, checkpoint_id)
        except SaveError as error:
            taken = error.duplicate and self._options.ideal
            raise SaveError("snapshot name already exists" if taken else f"failed to save snapshot: {error}") from None
        return row.parts(manifest)

    async def _create_async(self, name: str, image: ImageRequest) -> Response:
        new = NewRecord(f"{image.content_hash}:named:{name}", name, image, "building")
        try:
            row = await asyncio.to_thread(self.store.insert, new)
        except SaveError as error:
            raise RequestError(500, f"failed to create snapshot: {error}") from None
        self._builder.spawn(self._finish_async(row.id, image))
        return PartsResponse(row.parts(image.sent), 202)

    async def _finish_async(self, row_id: str, image: ImageRequest) -> None:
        try:
            checkpoint_id = await self._builder.resolve(image, ignore_event)
        except BuildError:
            await asyncio.to_thread(self.store.set_failed, row_id)
        else:
            await asyncio.to_thread(self.store.set_ready, row_id, checkpoint_id)

    async def list_snapshots(self, _request: Request) -> Response:
        return PartsResponse(self._list(named_only=True))

    async def list_images(self, _request: Request) -> Response:
        return PartsResponse(self._list(named_only=False))

    async def _list(self, *, named_only: bool) -> AsyncIterator[Parts]:
        listed = await asyncio.to_thread(self.store.listed, named_only=named_only)
        yield [b"["]
        separator = b""
        while listed:
            size, count = listed[0][1], 1
            while count < min(len(listed), _BATCH_ROWS) and (size := size + listed[count][1]) < _BATCH_BYTES:
                count += 1
            batch, listed = listed[:count], listed[count:]
            for row, manifest in await asyncio.to_thread(self.store.read_all, [seq for seq, _ in batch]):
                yield [separator, *row.parts(manifest)]
                separator = b","
        yield [b"]"]

    async def get_snapshot(self, request: Request) -> Response:
        found = await asyncio.to_thread(self.store.read, request.path_params["name"])
        if found is None:
            raise RequestError(404, "snapshot not found")
        row, manifest = found
        return PartsResponse(row.parts(manifest))

    async def delete_snapshot(self, request: Request) -> Response:
        if not await asyncio.to_thread(self.store.delete, request.path_params["name"]):
            raise RequestError(404, "snapshot not found")
        return Response(status_code=204)

    # Sandboxes

    async def create_sandbox(self, request: Request) -> Response:
        body = await _read_body(request)
        snapshot, template = text_field(body, "snapshot"), text_field(body, "templateID") or "base"
        image = None if snapshot else await asyncio.to_thread(read_image, body)

        async def create(emit: Emit) -> Parts:
            checkpoint_id = await self._checkpoint(snapshot, image, emit)
            if self._options.no_workers:
                raise RequestError(503, "no workers available in this region")
            sandbox = await asyncio.to_thread(self.store.add_sandbox, template, checkpoint_id)
            return [json.dumps(sandbox).encode()]

        if (snapshot or image) and request.headers.get("accept") == "text/event-stream":
            return BuildStream(create, self._options.keepalive_seconds)
        try:
            return PartsResponse(await while_connected(request.receive, create(ignore_event)), 201)
        except BuildError as error:
            raise RequestError(400, str(error)) from None

    async def _checkpoint(self, snapshot: str, image: ImageRequest | None, emit: Emit) -> str | None:
        if snapshot:
            emit({"step": 0, "type": "resolve", "message": f"Resolving snapshot '{snapshot}'..."})
            checkpoint_id = await self._snapshot_checkpoint(snapshot)
        elif image:
            checkpoint_id = await self._builder.resolve(image, emit)
        else:
            return None
        emit({"step": 0, "type": "create", "message": "Creating sandbox from image..."})
        return checkpoint_id

    async def _snapshot_checkpoint(self, name: str) -> str:
        row = await asyncio.to_thread(self.store.by_name, name)
        if row is None:
            raise BuildError(f'snapshot "{name}" not found')
        if row.status != "ready" or row.checkpoint_id is None:
            raise BuildError(f'snapshot "{name}" is not ready (status: {row.status})')
        await asyncio.to_thread(self.store.touch, row.id)
        return row.checkpoint_id

    async def get_sandbox(self, request: Request) -> Response:
        sandbox = await asyncio.to_thread(self.store.sandbox, request.path_params["id"])
        if sandbox is None:
            raise RequestError(404, "sandbox not found")
        return JSONResponse(sandbox)

    async def delete_sandbox(self, request: Request) -> Response:
        if not await asyncio.to_thread(self.store.stop_sandbox, request.path_params["id"]):
            raise RequestError(404, "sandbox not found")
        return Response(status_code=204)

    # The emulator's own

    async def requests(self, _request: Request) -> Response:
        return JSONResponse(self.front.requests)

    async def forget_requests(self, _request: Request) -> Response:
        self.front.requests.clear()
        return Response(status_code=204)

    async def builds(self, _request: Request) -> Response:
        return JSONResponse(self._builder.history)

    async def clear(self, _request: Request) -> Response:
        await self._builder.cancel()
        await asyncio.to_thread(self.store.clear)
        self.front.requests.clear()
        return Response(status_code=204)


async def _read_body(request: Request) -> Mapping[str, Any]:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
    if body and not request.headers.get("content-type", "").startswith("application/json"):
        raise RequestError(400, "invalid request body: code=415, message=Unsupported Media Type")
    return await asyncio.to_thread(parse_body, body)


def _refuse_unusable(name: str, image: ImageRequest) -> ImageRequest:
    if "\0" in name or "/" in name or name in (".", "..") or len(name.encode()) > LONGEST_NAME:
        raise RequestError(400, "name is invalid")
    if reason := image.invalid or image.unsavable:
        raise RequestError(400, f"image is invalid: {reason}")
    return replace(image, label="")


async def _refuse(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)  # noqa: S101
    return JSONResponse({"error": str(error)}, error.status)


async def _gone(_request: Request, _error: Exception) -> Response:
    # Nobody reads it; 499 is what proxies log for a client that left.
    return Response(status_code=499)


async def _not_found(_request: Request, _error: Exception) -> Response:
    return JSONResponse({"message": "Not Found"}, 404)
