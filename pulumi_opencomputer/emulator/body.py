"""Reads request bodies: on disk while they arrive, and no larger than allowed."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Mapping
from typing import IO, Any, TypeVar

from starlette.requests import Request

from .clock import Clock
from .options import Options
from .requests import RequestError, parse_body
from .spool import IN_MEMORY

T = TypeVar("T")

_MB = 1_000_000
# Of a body that is too large, so much more is read and thrown away: a client that is still sending would not see
# the answer.
_THROWN_AWAY = 4 * 1024 * 1024 * 1024


class BodyReader:
    """Takes bodies in, and parses large ones one after the other.

    Args:
        limit: The largest body, in bytes.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._one_large = asyncio.Semaphore(1)

    async def read(self, request: Request, parse: Callable[[IO[bytes]], T]) -> tuple[T, int]:
        """Return what `parse` makes of a request's body, and the body's size in bytes.

        Raises:
            RequestError: It is too large.
        """
        with tempfile.SpooledTemporaryFile(IN_MEMORY) as file:
            size = await self._take_in(request, file)
            file.seek(0)
            if size <= IN_MEMORY:
                return parse(file), size
            async with self._one_large:
                return await asyncio.to_thread(parse, file), size

    async def _take_in(self, request: Request, file: IO[bytes]) -> int:
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
            if size <= self._limit:
                file.write(chunk)
            elif size > self._limit + _THROWN_AWAY:
                break
        if size > self._limit:
            raise RequestError(413, f"request body is larger than {self._limit} bytes")
        return size


class JsonBodies:
    """Takes JSON objects in, as long as the server takes for them."""

    def __init__(self, options: Options, clock: Clock) -> None:
        self._reader = BodyReader(options.max_body_bytes)
        self._seconds_per_mb = options.seconds_per_mb
        self._clock = clock

    async def read(self, request: Request, take: Callable[[Mapping[str, Any]], T]) -> T:
        """Return what `take` makes of a request's JSON object, after the server's own time for it.

        Raises:
            RequestError: It is no JSON object, or too large.
        """
        is_json = request.headers.get("content-type", "").startswith("application/json")

        def parse(body: IO[bytes]) -> T:
            if not is_json and body.read(1):
                raise RequestError(400, "invalid request body: code=415, message=Unsupported Media Type")
            return take(parse_body(body))

        taken, size = await self._reader.read(request, parse)
        await self._clock.sleep(size / _MB * self._seconds_per_mb)
        return taken
