"""An emulator whose answers fail on demand: ``python testing/faulty_emulator.py`` takes the emulator's own options.

``PUT /_faults`` with a list of rules arms them, and forgets the ones before; ``GET /_faults`` tells how often each
was applied. A rule is a JSON object:

==================  ====================================================================================
``method, path``    Which requests: the method, and a regular expression for the whole path.
``nth, count``      From the how manieth of them on, and how many of them (1 and 1 unless told).
``kind``            ``drop``, ``status``, ``delay``, ``hang``, ``truncate``, ``malformed`` or ``stale``.
``when``            ``before`` the emulator sees the request (the default), or ``after`` it has carried it out.
``event``           In place of ``when``: at the how manieth event of a build stream.
``cut``             With ``event``: ``before``, ``in`` or ``after`` that event.
``unseen``          With ``event``: the build goes on, as if the client had not gone away.
``status``          The status to answer with.
``headers, body``   What goes with it.
``seconds``         How long a ``delay`` is.
==================  ====================================================================================

``stale`` repeats the last answer that the path had, as a mirror does which lags.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from dataclasses import dataclass, field
from os import environ
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pulumi_opencomputer.emulator.__main__ import add_options, options_from
from pulumi_opencomputer.emulator.app import create_app
from pulumi_opencomputer.emulator.server import serve

OWN_PATH = "/_faults"
_NOT_JSON = b'{"id": "half a ro'
_BAD_RESULT = b"event: result\ndata: " + _NOT_JSON + b"\n\n"


@dataclass
class Rule:
    """One fault, and how often it was met and applied."""

    method: str
    path: str
    kind: str
    nth: int = 1
    count: int = 1
    when: str = "before"
    event: int = 0
    cut: str = "before"
    unseen: bool = False
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: str = '{"error": "a fault"}'
    seconds: float = 0.0
    met: int = 0
    applied: int = 0

    def matches(self, method: str, path: str) -> bool:
        """Whether this request is to fail; counts it."""
        if method != self.method or not re.fullmatch(self.path, path):
            return False
        self.met += 1
        due = self.nth <= self.met < self.nth + self.count
        self.applied += due
        return due


@dataclass
class Exchange:
    """A request on its way through."""

    app: ASGIApp
    scope: Scope
    receive: Receive
    send: Send

    async def pass_on(self) -> None:
        """Let the emulator answer."""
        await self.app(self.scope, self.receive, self.send)

    async def carry_out(self) -> list[Message]:
        """Let the emulator do all of it, whatever becomes of the client; return what it would have said."""
        said: list[Message] = []

        async def keep(message: Message) -> None:
            said.append(message)

        await self.app(self.scope, self.receive_alone, keep)
        return said

    async def receive_alone(self) -> Message:
        """The request's body, but not its client's end."""
        message = await self.receive()
        if message["type"] == "http.disconnect":
            await asyncio.Event().wait()
        return message

    async def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        """Answer in the emulator's stead."""
        names = {"content-type": "application/json", "content-length": str(len(body)), **headers}
        raw = [(name.encode(), value.encode()) for name, value in names.items()]
        await self.send({"type": "http.response.start", "status": status, "headers": raw})
        await self.send({"type": "http.response.body", "body": body})

    async def drop(self, *, flushed: bool = False) -> None:
        """Break the connection off; what was said before still arrives if it is to be flushed."""
        # ASGI has no word for this, so it is said to uvicorn's own object behind `send`.
        transport = self.send.__self__.transport  # type: ignore[attr-defined]
        transport.close() if flushed else transport.abort()
        await self.until_gone()

    async def until_gone(self) -> None:
        """Wait for the client's end."""
        while (await self.receive())["type"] != "http.disconnect":
            pass


class Faults:
    """The middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._rules: list[Rule] = []
        self._last: dict[str, list[Message]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(self._app, scope, receive, send)
        if scope["type"] != "http":
            await exchange.pass_on()
            return
        path = scope["raw_path"].decode()
        if path == OWN_PATH:
            await self._control(exchange)
            return
        # All rules count, though only one is applied.
        due = [rule for rule in self._rules if rule.matches(scope["method"], path)]
        if due:
            await self._apply(due[0], exchange, path)
        elif scope["method"] == "GET" and path.startswith("/api/"):
            self._last[path] = said = await exchange.carry_out()
            await _say(said, send)
        else:
            await exchange.pass_on()

    async def _control(self, exchange: Exchange) -> None:
        if exchange.scope["method"] == "PUT":
            body, more = b"", True
            while more:
                message = await exchange.receive()
                body, more = body + message["body"], message.get("more_body", False)
            self._rules = [Rule(**rule) for rule in json.loads(body)]
            self._last = {} if not self._rules else self._last
        counts = [{"met": rule.met, "applied": rule.applied} for rule in self._rules]
        await exchange.answer(200, json.dumps(counts).encode(), {})

    async def _apply(self, rule: Rule, exchange: Exchange, path: str) -> None:
        if rule.kind == "stale":
            await (_say(self._last[path], exchange.send) if path in self._last else exchange.pass_on())
        elif rule.kind == "delay":
            await asyncio.sleep(rule.seconds)
            await exchange.pass_on()
        elif rule.kind in ("truncate", "malformed"):
            await _spoil(rule, exchange, await exchange.carry_out())
        elif rule.event:
            await _at_event(rule, exchange)
        else:
            if rule.when == "after":
                await exchange.carry_out()
            await _end(rule, exchange)


async def _end(rule: Rule, exchange: Exchange) -> None:
    if rule.kind == "status":
        await exchange.answer(rule.status, rule.body.encode(), rule.headers)
    elif rule.kind == "hang":
        await exchange.until_gone()
    else:
        await exchange.drop()


async def _spoil(rule: Rule, exchange: Exchange, said: list[Message]) -> None:
    if rule.kind == "malformed":
        await _say(_malformed(said), exchange.send)
        return
    bodies = [message for message in said if message.get("body")]
    await exchange.send(said[0])
    for message in bodies[:-1]:
        await exchange.send({**message, "more_body": True})
    if bodies:
        last = bodies[-1]["body"]
        await exchange.send({**bodies[-1], "body": last[: len(last) // 2], "more_body": True})
    await exchange.drop(flushed=True)


def _malformed(said: list[Message]) -> list[Message]:
    headers = [(name, value) for name, value in said[0]["headers"] if name != b"content-length"]
    start = {**said[0], "headers": headers}
    if (b"content-type", b"text/event-stream") not in headers:
        return [start, {"type": "http.response.body", "body": _NOT_JSON if said[0]["status"] == 200 else b""}]
    return [
        start,
        *({**message, "body": _BAD_RESULT} if _is_event(message, b"result") else message for message in said[1:]),
    ]


async def _at_event(rule: Rule, exchange: Exchange) -> None:
    """Pass a stream on up to an event; there, do what the rule says."""
    reached = asyncio.Event()
    events = 0

    async def send(message: Message) -> None:
        nonlocal events
        events += _is_event(message, b"")
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
            # The build must not get further before it sees that its client is gone.
            await asyncio.Event().wait()

    receive = exchange.receive_alone if rule.unseen else _gone_once(reached, exchange)
    work = asyncio.ensure_future(exchange.app(exchange.scope, receive, send))
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


def _is_event(message: Message, name: bytes) -> bool:
    return bool(message.get("body", b"").startswith(b"event: " + name))


async def _say(said: list[Message], send: Send) -> None:
    for message in said:
        await send(message)


def main() -> None:
    """Serve the emulator with faults in front of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    add_options(parser)
    given = parser.parse_args()
    app: Any = Faults(create_app(options_from(given, environ["OPENCOMPUTER_API_KEY"])))
    serve(app, "127.0.0.1", given.port)


if __name__ == "__main__":
    main()
