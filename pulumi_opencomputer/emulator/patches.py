"""Patches: scripts that the sandboxes of a checkpoint run when they wake."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .access import owner_of
from .body import JsonBodies
from .records import Record
from .requests import RequestError, text_field
from .store import Store


class Patches:
    """Adds, lists and removes the patches of a record's checkpoint, under a snapshot's name or a record's id."""

    def __init__(self, store: Store, bodies: JsonBodies) -> None:
        self._store = store
        self._bodies = bodies

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            route
            for kind in ("snapshots", "images")
            for route in (
                Route(f"/api/{kind}/{{name}}/patches", self._create, methods=["POST"]),
                Route(f"/api/{kind}/{{name}}/patches", self._list),
                Route(f"/api/{kind}/{{name}}/patches/{{id}}", self._delete, methods=["DELETE"]),
            )
        ]

    async def _create(self, request: Request) -> Response:
        checkpoint_id = await self._checkpoint(request)
        script, description = await self._bodies.read(request, _script_and_description)
        if not script:
            raise RequestError(400, "script is required")
        patch = await asyncio.to_thread(self._store.add_patch, checkpoint_id, script, description)
        return JSONResponse({"patch": patch}, 201)

    async def _list(self, request: Request) -> Response:
        checkpoint_id = await self._checkpoint(request)
        return JSONResponse(await asyncio.to_thread(self._store.patches, checkpoint_id))

    async def _delete(self, request: Request) -> Response:
        checkpoint_id, patch_id = await self._checkpoint(request), request.path_params["id"]
        if not _is_uuid(patch_id):
            raise RequestError(400, "invalid patch ID")
        if not await asyncio.to_thread(self._store.delete_patch, checkpoint_id, patch_id):
            raise RequestError(404, "patch not found")
        return Response(status_code=204)

    async def _checkpoint(self, request: Request) -> str:
        name = request.path_params["name"]
        label = f"{'image' if request.url.path.startswith('/api/images/') else 'snapshot'} {json.dumps(name)}"
        record = await asyncio.to_thread(self._record, owner_of(request), name)
        if record is None:
            raise RequestError(404, f"{label} not found")
        if record.checkpoint_id is None:
            raise RequestError(404, f"{label} has no checkpoint")
        return record.checkpoint_id

    def _record(self, org_id: str, name: str) -> Record | None:
        # Like the server, treat a name that has the form of an id as an id.
        return self._store.by_id(org_id, name.lower()) if _is_uuid(name) else self._store.by_name(org_id, name)


def _script_and_description(body: Mapping[str, Any]) -> tuple[str, str]:
    return text_field(body, "script"), text_field(body, "description")


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
