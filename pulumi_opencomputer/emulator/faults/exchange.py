"""One request and its response, as the faults see it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

TRANSPORT_SEND = "opencomputer.send"


@dataclass
class Exchange:
    """A request, and the app behind the faults.

    Attributes:
        app: The app that answers.
        scope: The request.
        receive: Returns the request's body, and reports when the client has disconnected.
        send: Sends the response.
    """

    app: ASGIApp
    scope: Scope
    receive: Receive
    send: Send

    async def pass_on(self) -> None:
        """Let the server answer."""
        await self.app(self.scope, self.receive, self.send)

    async def carry_out(self) -> list[Message]:
        """Let the server handle the request completely, even if the client disconnects; return the unsent response."""
        said: list[Message] = []

        async def keep(message: Message) -> None:
            said.append(message)

        await self.app(self.scope, self.receive_alone, keep)
        return said

    async def receive_alone(self) -> Message:
        """Like `receive`, but never report that the client has disconnected."""
        message = await self.receive()
        if message["type"] == "http.disconnect":
            await asyncio.Event().wait()
        return message

    async def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        """Send a response in place of the server's."""
        names = {"content-type": "application/json", "content-length": str(len(body)), **headers}
        raw = [(name.encode(), value.encode()) for name, value in names.items()]
        await self.send({"type": "http.response.start", "status": status, "headers": raw})
        await self.send({"type": "http.response.body", "body": body})

    async def say(self, said: list[Message]) -> None:
        """Send a response that `carry_out` returned."""
        for message in said:
            await self.send(message)

    async def drop(self, *, flushed: bool = False) -> None:
        """Break the connection.

        Args:
            flushed: Whether what was sent before should still arrive.
        """
        # ASGI can't express this, so use the connection of uvicorn, the object of the outermost `send`.
        connection: Any = self.scope[TRANSPORT_SEND].__self__
        if flushed:
            connection.transport.close()
        else:
            connection.transport.abort()
        await self.until_gone()

    async def until_gone(self) -> None:
        """Wait until the client has disconnected."""
        while (await self.receive())["type"] != "http.disconnect":
            pass
