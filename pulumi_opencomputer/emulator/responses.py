"""Responses that are slow or large: build streams, records with their manifests, and lists."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any, TypeVar

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from .builder import BuildError, Emit
from .clock import Clock
from .records import Record, SaveError
from .requests import RequestError

T = TypeVar("T")
Parts = list[bytes]

_PIECE = 256 * 1024
_KEEPALIVE = b": keepalive\n\n"
_BATCH_BYTES = 8 * 1024 * 1024
_BATCH_RECORDS = 200


class ClientGoneError(Exception):
    """The client closed its connection, or its sending side."""


async def while_connected(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """Run `work`, and cancel it as soon as the client disconnects.

    The request's body must have been read before.

    Raises:
        ClientGoneError: The client disconnected before `work` ended.
    """
    running = asyncio.create_task(work)
    gone = asyncio.create_task(_until_gone(receive))
    try:
        await asyncio.wait({running, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            raise ClientGoneError
        return running.result()
    finally:
        running.cancel()
        gone.cancel()
        await asyncio.gather(running, gone, return_exceptions=True)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def list_parts(
    listed: Callable[[], list[tuple[int, int]]], read_all: Callable[[Sequence[int]], list[tuple[Record, bytes]]]
) -> AsyncIterator[Parts]:
    """Yield the JSON of a list of records in parts, so that only a few MB are in memory at a time.

    Args:
        listed: Returns the key and the size of the manifest, in bytes, of each record.
        read_all: Returns the records with some of the keys, and their manifests.
    """
    left = await asyncio.to_thread(listed)
    yield [b"["]
    separator = b""
    while left:
        size, count = left[0][1], 1
        while count < min(len(left), _BATCH_RECORDS) and (size := size + left[count][1]) < _BATCH_BYTES:
            count += 1
        batch, left = left[:count], left[count:]
        for record, manifest in await asyncio.to_thread(read_all, [key for key, _ in batch]):
            yield [separator, *record.parts(manifest)]
            separator = b","
    yield [b"]"]


class PartsResponse(Response):
    """JSON in parts, which are sent one by one and never joined; with a Content-Length if the length is known."""

    def __init__(self, parts: AsyncIterator[Parts] | Parts, status_code: int = 200) -> None:
        super().__init__(status_code=status_code, media_type="application/json")
        self._parts = parts
        del self.headers["content-length"]
        if isinstance(parts, list):
            self.headers["content-length"] = str(sum(map(len, parts)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send the response."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if isinstance(self._parts, list):
            await _send_pieces(send, self._parts)
        else:
            async for parts in self._parts:
                await _send_pieces(send, parts)
        await send({"type": "http.response.body", "body": b""})


class BuildStream(Response):
    """A build as server-sent events: its log while it runs, then `result` or `error`.

    Args:
        work: Builds, passes each log event to its argument, and returns the JSON of the result.
        keepalive_seconds: The time between two keepalive comments.
        clock: The emulator's time.
    """

    def __init__(self, work: Callable[[Emit], Awaitable[Parts]], keepalive_seconds: float, clock: Clock) -> None:
        super().__init__(media_type="text/event-stream", headers={"cache-control": "no-cache"})
        del self.headers["content-length"]
        self.headers["content-type"] = "text/event-stream"
        self._work = work
        self._keepalive_seconds = keepalive_seconds
        self._clock = clock
        self._queue: asyncio.Queue[Parts | None] = asyncio.Queue()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Build and send the events. If the client disconnects, the build is cancelled."""
        with contextlib.suppress(ClientGoneError):
            await while_connected(receive, self._stream(send))

    async def _stream(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        tasks = [asyncio.create_task(self._produce()), asyncio.create_task(self._keep_alive())]
        try:
            while (parts := await self._queue.get()) is not None:
                await _send_pieces(send, parts)
            await tasks[0]
            await send({"type": "http.response.body", "body": b""})
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _produce(self) -> None:
        try:
            result = await self._work(lambda event: self._queue.put_nowait(_event("build_log", [_dumped(event)])))
            self._queue.put_nowait(_event("result", result))
        except (BuildError, SaveError, RequestError) as error:
            self._queue.put_nowait(_event("error", [_dumped({"error": str(error)})]))
        finally:
            self._queue.put_nowait(None)

    async def _keep_alive(self) -> None:
        while True:
            await self._clock.sleep(self._keepalive_seconds)
            self._queue.put_nowait([_KEEPALIVE])


def _event(name: str, data: Parts) -> Parts:
    return [f"event: {name}\ndata: ".encode(), *data, b"\n\n"]


def _dumped(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("utf-8", "replace")


async def _send_pieces(send: Send, parts: Iterable[bytes]) -> None:
    # Join small parts into one write, and cut large ones, so that no copy of the whole is made.
    held = b""
    for part in parts:
        held += part[:_PIECE]
        for start in range(_PIECE, len(part), _PIECE):
            await send({"type": "http.response.body", "body": held, "more_body": True})
            held = part[start : start + _PIECE]
    await send({"type": "http.response.body", "body": held, "more_body": True})
