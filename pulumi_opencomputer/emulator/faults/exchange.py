"""A request on its way through the faults."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

TRANSPORT_SEND = "opencomputer.send"


@dataclass
class Exchange:
    """A request, and what lies behind the faults.

    Attributes:
        app: What answers.
        scope: The request.
        receive: Gives the request's body, and tells when its client is gone.
        send: Takes the answer.
    """

    app: ASGIApp
    scope: Scope
    receive: Receive
    send: Send

    async def pass_on(self) -> None:
        """Let the server answer."""
        await self.app(self.scope, self.receive, self.send)

    async def carry_out(self) -> list[Message]:
        """Let the server do all of it, whatever becomes of the client; return what it would have said."""
        said: list[Message] = []

        async def keep(message: Message) -> None:
            said.append(message)

        await self.app(self.scope, self.receive_alone, keep)
        return said

    async def receive_alone(self) -> Message:
        """Return the request's body, but never its client's end."""
        message = await self.receive()
        if message["type"] == "http.disconnect":
            await asyncio.Event().wait()
        return message

    async def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        """Answer in the server's stead."""
        names = {"content-type": "application/json", "content-length": str(len(body)), **headers}
        raw = [(name.encode(), value.encode()) for name, value in names.items()]
        await self.send({"type": "http.response.start", "status": status, "headers": raw})
        await self.send({"type": "http.response.body", "body": body})

    async def say(self, said: list[Message]) -> None:
        """Send an answer that was kept."""
        for message in said:
            await self.send(message)

    async def drop(self, *, flushed: bool = False) -> None:
        """Break the connection off; what was said before still arrives if it is to be flushed."""
        # ASGI has no word for this, so it is said to uvicorn's own object behind the outermost `send`.
        connection: Any = self.scope[TRANSPORT_SEND].__self__
        if flushed:
            connection.transport.close()
        else:
            connection.transport.abort()
        await self.until_gone()

    async def until_gone(self) -> None:
        """Wait for the client's end."""
        while (await self.receive())["type"] != "http.disconnect":
            pass
