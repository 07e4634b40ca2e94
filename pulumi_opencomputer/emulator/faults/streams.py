"""Faults in the middle of a response: at an event of a build's stream, or at a byte."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

from starlette.types import Message, Receive

from .exchange import Exchange
from .rules import Rule

_PIECE = 64 * 1024


def is_event(message: Message, name: bytes = b"") -> bool:
    """Tell whether a message begins an event with this name, or with any name."""
    return bool(message.get("body", b"").startswith(b"event: " + name))


async def at_event(rule: Rule, exchange: Exchange) -> None:
    """Pass a stream on up to an event, then do what the rule says."""
    reached = asyncio.Event()
    events = 0

    async def send(message: Message) -> None:
        nonlocal events
        events += is_event(message)
        if reached.is_set():
            return
        if events < rule.event:
            await exchange.send(message)
            return
        body = message.get("body", b"")
        part = {"before": b"", "in": body[: len(body) // 2], "after": body}[rule.cut]
        if part:
            await exchange.send({**message, "body": part})
        reached.set()
        if not rule.unseen:
            # Stop the build here until it notices that its client has disconnected.
            await asyncio.Event().wait()

    await _until(rule, exchange, reached, send)


async def at_byte(rule: Rule, exchange: Exchange) -> None:
    """Pass a response on up to a byte, then break the connection."""
    reached = asyncio.Event()
    left = rule.byte or 0

    async def send(message: Message) -> None:
        nonlocal left
        if reached.is_set():
            return
        body = message.get("body", b"")
        if message["type"] == "http.response.start" or len(body) < left:
            left -= len(body)
            await exchange.send(message)
            return
        if left:
            await exchange.send({**message, "body": body[:left], "more_body": True})
        reached.set()
        if not rule.unseen:
            await asyncio.Event().wait()

    await _until(rule, exchange, reached, send)


async def _until(rule: Rule, exchange: Exchange, reached: asyncio.Event, send: object) -> None:
    receive = exchange.receive_alone if rule.unseen else _gone_once(reached, exchange)
    work = asyncio.ensure_future(exchange.app(exchange.scope, receive, send))  # type: ignore[arg-type]
    waiting = asyncio.ensure_future(reached.wait())
    await asyncio.wait({work, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if reached.is_set():
        await (exchange.until_gone() if rule.kind == "hang" else exchange.drop(flushed=True))
    waiting.cancel()
    await work


def _gone_once(reached: asyncio.Event, exchange: Exchange) -> Receive:
    async def receive() -> Message:
        message = await exchange.receive_alone() if not reached.is_set() else None
        return message or {"type": "http.disconnect"}

    async def receive_until() -> Message:
        body = asyncio.ensure_future(receive())
        end = asyncio.ensure_future(reached.wait())
        try:
            await asyncio.wait({body, end}, return_when=asyncio.FIRST_COMPLETED)
            return body.result() if body.done() else {"type": "http.disconnect"}
        finally:
            body.cancel()
            end.cancel()

    return receive_until


class StreamEdit:
    """Changes the stream of a build while it is sent."""

    def __init__(self, rule: Rule, exchange: Exchange) -> None:
        self._rule = rule
        self._exchange = exchange
        self._events = 0
        self._started = False
        self._over = False
        self._held = b""

    async def run(self) -> None:
        """Send the changed response."""
        await self._exchange.app(self._exchange.scope, self._exchange.receive, self._send)

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [(name, value) for name, value in message["headers"] if name != b"content-length"]
            await self._exchange.send({**message, "headers": headers})
            return
        if is_event(message):
            self._events += 1
            if self._events == max(self._rule.event, 1):
                await self._insert()
        if not self._over:
            await self._write(message.get("body", b""))
        if not message.get("more_body", False):
            await self._end()

    async def _insert(self) -> None:
        for _ in range(self._rule.repeat):
            for line in self._rule.lines:
                await self._write(line.encode("utf-8", "surrogatepass") if isinstance(line, str) else _log_event(line))
        if self._rule.error is not None or self._rule.error_bytes:
            for piece in _error_event(self._rule.error or "", self._rule.error_bytes):
                await self._write(piece)
            self._over = True

    async def _write(self, data: bytes) -> None:
        if not self._started and data:
            self._started = True
            data = b"\xef\xbb\xbf" + data if self._rule.bom else data
        if self._rule.unterminated:
            # Hold line ends back until something follows them, so that the final empty line can be left out.
            whole = self._held + data
            data = whole.rstrip(b"\n") if data else b""
            self._held = whole[len(data) :]
        if data:
            await self._exchange.send({"type": "http.response.body", "body": data, "more_body": True})

    async def _end(self) -> None:
        await self._exchange.send({"type": "http.response.body", "body": self._held[:1]})


def _log_event(entry: object) -> bytes:
    return b"event: build_log\ndata: " + json.dumps(entry).encode() + b"\n\n"


def _error_event(text: str, size: int) -> Iterator[bytes]:
    yield b'event: error\ndata: {"error":"'
    yield json.dumps(text)[1:-1].encode()
    left = size - len(text)
    while left > 0:
        yield b"x" * min(left, _PIECE)
        left -= _PIECE
    yield b'"}\n\n'
