"""Faults as an ASGI middleware in front of the server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..clock import Clock
from .exchange import Exchange
from .rules import Rule
from .streams import StreamEdit, at_byte, at_event, is_event

_NOT_JSON = b'{"id": "half a ro'
_BAD_RESULT = b"event: result\ndata: " + _NOT_JSON + b"\n\n"
_DATA = b"\ndata: "
_REMEMBERED_BYTES = 1024 * 1024
_REMEMBERED_PATHS = 64


class Faults:
    """The active faults, and the middleware that applies them.

    Args:
        rules: The faults that are active at the start.
        clock: The emulator's time, which measures delays.
    """

    def __init__(self, rules: Iterable[Rule], clock: Clock) -> None:
        self.app: ASGIApp
        self._first = list(rules)
        self._rules = list(self._first)
        self._clock = clock
        self._last: dict[str, list[Message]] = {}

    @property
    def rules(self) -> list[Rule]:
        """The active rules."""
        return self._rules

    def arm(self, rules: Iterable[Rule], *, more: bool = False) -> None:
        """Activate rules.

        Args:
            rules: The rules.
            more: Whether the active rules stay active; otherwise they are replaced.
        """
        self._rules = [*self._rules, *rules] if more else list(rules)
        self._last = self._last if self._rules else {}

    def reset(self) -> None:
        """Activate only the rules that were active at the start, with their counters at 0."""
        self.arm(replace(rule, met=0, applied=0) for rule in self._first)

    def of_build(self, read_manifest: Callable[[], bytes]) -> Rule | None:
        """Return the rule that changes the build of a manifest, or None."""
        due = [rule for rule in self._rules if rule.matches_build(read_manifest)]
        return due[0] if due else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, changed by the first rule that applies to it, if any."""
        exchange = Exchange(self.app, scope, receive, send)
        path = scope["path"]
        # Every rule counts the request, though only one is applied.
        due = [rule for rule in self._rules if rule.matches(scope["method"], path)]
        if due:
            await self._apply(due[0], exchange, path)
        elif scope["method"] == "GET":
            await self._pass_on_and_remember(exchange, path)
        else:
            await exchange.pass_on()

    async def _pass_on_and_remember(self, exchange: Exchange, path: str) -> None:
        said: list[Message] = []
        size = 0

        async def send(message: Message) -> None:
            nonlocal size
            size += len(message.get("body", b""))
            if size <= _REMEMBERED_BYTES:
                said.append(message)
            await exchange.send(message)

        await exchange.app(exchange.scope, exchange.receive, send)
        self._last.pop(path, None)
        if size <= _REMEMBERED_BYTES:
            self._last[path] = said
            while len(self._last) > _REMEMBERED_PATHS:
                del self._last[next(iter(self._last))]

    async def _apply(self, rule: Rule, exchange: Exchange, path: str) -> None:
        if rule.kind == "stale":
            await (exchange.say(self._last[path]) if path in self._last else exchange.pass_on())
        elif rule.kind == "delay":
            await self._clock.sleep(rule.seconds)
            await exchange.pass_on()
        elif rule.kind in ("truncate", "malformed"):
            await _spoil(rule, exchange, await exchange.carry_out())
        elif rule.kind == "record":
            await exchange.say(_edited(rule, await _answered(exchange)))
        elif rule.kind == "stream":
            await StreamEdit(rule, exchange).run()
        elif rule.event:
            await at_event(rule, exchange)
        elif rule.byte is not None:
            await at_byte(rule, exchange)
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
        await exchange.say(_malformed(said))
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
    start = _without_length(said[0])
    if (b"content-type", b"text/event-stream") not in start["headers"]:
        return [start, {"type": "http.response.body", "body": _NOT_JSON if said[0]["status"] == 200 else b""}]
    return [
        start,
        *({**message, "body": _BAD_RESULT} if is_event(message, b"result") else message for message in said[1:]),
    ]


def _without_length(start: Message) -> Message:
    return {**start, "headers": [(name, value) for name, value in start["headers"] if name != b"content-length"]}


async def _answered(exchange: Exchange) -> list[Message]:
    # Unlike `carry_out`, this lets the server notice that the client disconnects.
    said: list[Message] = []

    async def keep(message: Message) -> None:
        said.append(message)

    await exchange.app(exchange.scope, exchange.receive, keep)
    return said


def _edited(rule: Rule, said: list[Message]) -> list[Message]:
    if not said:
        return said
    body = b"".join(message.get("body", b"") for message in said[1:])
    if (b"content-type", b"text/event-stream") in said[0]["headers"]:
        before, mark, result = body.partition(b"event: result" + _DATA)
        changed = before + mark + (_edited_json(rule, result.rstrip()) + b"\n\n" if mark else b"")
    else:
        changed = _edited_json(rule, body)
    return [_without_length(said[0]), {"type": "http.response.body", "body": changed}]


def _edited_json(rule: Rule, body: bytes) -> bytes:
    try:
        value = json.loads(body)
    except ValueError:
        return body
    for record in value if isinstance(value, list) else [value]:
        _edit(rule, record)
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode()


def _edit(rule: Rule, record: Any) -> None:
    if not isinstance(record, dict) or any(record.get(name) != value for name, value in rule.where.items()):
        return
    record.update(rule.set)
    for name in rule.remove:
        record.pop(name, None)
