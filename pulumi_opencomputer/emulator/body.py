"""Read request bodies up to the allowed size; large ones are stored on disk while they arrive."""

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
# How many more bytes of a body that is too large are read and dropped. Otherwise a client that is still sending would
# not see the response.
_THROWN_AWAY = 4 * 1024 * 1024 * 1024


class BodyReader:
    """Reads bodies, and parses large ones one at a time.

    Args:
        limit: The largest body, in bytes.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._one_large = asyncio.Semaphore(1)

    async def read(self, request: Request, parse: Callable[[IO[bytes]], T]) -> tuple[T, int]:
        """Return a request's body parsed by `parse`, and its size in bytes.

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
    """Reads JSON objects, and takes as much time as the server would."""

    def __init__(self, options: Options, clock: Clock) -> None:
        self._reader = BodyReader(options.max_body_bytes)
        self._seconds_per_mb = options.seconds_per_mb
        self._clock = clock

    async def read(self, request: Request, take: Callable[[Mapping[str, Any]], T]) -> T:
        """Return a request's JSON object processed by `take`, after the time that the server needs for it.

        Raises:
            RequestError: It is not a JSON object, or too large.
        """
        is_json = request.headers.get("content-type", "").startswith("application/json")

        def parse(body: IO[bytes]) -> T:
            if not is_json and body.read(1):
                raise RequestError(400, "invalid request body: code=415, message=Unsupported Media Type")
            return take(parse_body(body))

        taken, size = await self._reader.read(request, parse)
        await self._clock.sleep(size / _MB * self._seconds_per_mb)
        return taken
