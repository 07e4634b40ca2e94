"""Snapshots and images: the routes that build, read and delete them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .access import owner_of
from .body import JsonBodies
from .builder import Builder, BuildError, Emit, ignore_event
from .clock import Clock
from .options import Options
from .records import LONGEST_NAME, NewRecord, SaveError
from .requests import ImageRequest, RequestError, read_image, text_field
from .responses import BuildStream, Parts, PartsResponse, list_parts, while_connected
from .store import Store


class Snapshots:
    """Create, read and delete snapshots, and list images."""

    def __init__(self, options: Options, store: Store, builder: Builder, clock: Clock, bodies: JsonBodies) -> None:
        self._options = options
        self._store = store
        self._builder = builder
        self._clock = clock
        self._bodies = bodies

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/api/snapshots", self._create_snapshot, methods=["POST"]),
            Route("/api/snapshots", self._list_snapshots),
            Route("/api/snapshots/{name}", self._get_snapshot),
            Route("/api/snapshots/{name}", self._delete_snapshot, methods=["DELETE"]),
            Route("/api/snapshots/{name}/publish", self._publish, methods=["POST"]),
            Route("/api/snapshots/{name}/unpublish", self._publish, methods=["POST"]),
            Route("/api/images", self._list_images),
        ]

    async def _create_snapshot(self, request: Request) -> Response:
        org_id = owner_of(request)
        name, image = await self._read_create(request, org_id)
        if request.headers.get("accept") == "text/event-stream":
            work = lambda emit: self._create(org_id, name, image, emit)  # noqa: E731
            return BuildStream(work, self._options.keepalive_seconds, self._clock)
        if request.query_params.get("async") == "1":
            return await self._create_async(org_id, name, image)
        try:
            parts = await while_connected(request.receive, self._create(org_id, name, image, ignore_event))
        except (BuildError, SaveError) as error:
            raise RequestError(500, str(error)) from None
        return PartsResponse(parts, 201)

    async def _read_create(self, request: Request, org_id: str) -> tuple[str, ImageRequest]:
        name, image = await self._bodies.read(request, _name_and_image)
        if not name:
            raise RequestError(400, "name is required")
        if image is None:
            raise RequestError(400, "image is required")
        if self._options.ideal:
            image = _refuse_unusable(name, image)
        record = await asyncio.to_thread(self._store.by_name, org_id, name)
        if record and record.status == "failed" and self._options.ideal:
            await asyncio.to_thread(self._store.delete, org_id, name)
        elif record:
            raise RequestError(409, "snapshot name already exists")
        return name, replace(image, title=name)

    async def _create(self, org_id: str, name: str, image: ImageRequest, emit: Emit) -> Parts:
        try:
            checkpoint_id = await self._builder.resolve(org_id, image, emit)
        except BuildError as error:
            raise BuildError(f"image build failed: {error}") from None
        try:
            record, manifest = await asyncio.to_thread(self._store.add_named, org_id, name, image, checkpoint_id)
        except SaveError as error:
            taken = error.duplicate and self._options.ideal
            raise SaveError("snapshot name already exists" if taken else f"failed to save snapshot: {error}") from None
        return record.parts(manifest)

    async def _create_async(self, org_id: str, name: str, image: ImageRequest) -> Response:
        new = NewRecord(org_id, f"{image.content_hash}:named:{name}", name, image, "building")
        try:
            record = await asyncio.to_thread(self._store.insert, new)
        except SaveError as error:
            raise RequestError(500, f"failed to create snapshot: {error}") from None
        self._builder.spawn(self._finish_async(org_id, record.id, image))
        return PartsResponse(record.parts(image.sent.read()), 202)

    async def _finish_async(self, org_id: str, record_id: str, image: ImageRequest) -> None:
        try:
            checkpoint_id = await self._builder.resolve(org_id, image, ignore_event)
        except BuildError:
            await asyncio.to_thread(self._store.set_failed, record_id)
        else:
            await asyncio.to_thread(self._store.set_ready, record_id, checkpoint_id)

    async def _list_snapshots(self, request: Request) -> Response:
        return self._list(owner_of(request), named_only=True)

    async def _list_images(self, request: Request) -> Response:
        return self._list(owner_of(request), named_only=False)

    def _list(self, org_id: str, *, named_only: bool) -> Response:
        listed = lambda: self._store.listed(org_id, named_only=named_only)  # noqa: E731
        return PartsResponse(list_parts(listed, self._store.read_all))

    async def _get_snapshot(self, request: Request) -> Response:
        found = await asyncio.to_thread(self._store.read, owner_of(request), request.path_params["name"])
        if found is None:
            raise RequestError(404, "snapshot not found")
        record, manifest = found
        return PartsResponse(record.parts(manifest))

    async def _delete_snapshot(self, request: Request) -> Response:
        name = request.path_params["name"]
        if not await asyncio.to_thread(self._store.delete, owner_of(request), name):
            raise RequestError(404, f"snapshot {json.dumps(name, ensure_ascii=False)} not found")
        return Response(status_code=204)

    async def _publish(self, _request: Request) -> Response:
        raise RequestError(403, "only the platform org may publish snapshots to the shared catalog")


def _name_and_image(body: Mapping[str, Any]) -> tuple[str, ImageRequest | None]:
    name = text_field(body, "name")
    # Like the server, don't read the image, which takes long, if there is no name.
    return name, read_image(body) if name else None


def _refuse_unusable(name: str, image: ImageRequest) -> ImageRequest:
    if "\0" in name or "/" in name or name in (".", "..") or len(name.encode()) > LONGEST_NAME:
        raise RequestError(400, "name is invalid")
    if reason := image.invalid or image.unsavable:
        raise RequestError(400, f"image is invalid: {reason}")
    return replace(image, label="")
