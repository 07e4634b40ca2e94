"""An emulator with a gate that blocks all changes after a request that the test chooses.

Takes the emulator's arguments, and ``--gate FILE``. FILE contains a method and a path, such as
``DELETE /api/snapshots/daily``. Once such a request was answered, every further POST and DELETE is blocked until FILE
is deleted. When the first one is blocked, a file of the same name with the suffix ``.held`` appears.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pulumi_opencomputer.emulator.app import create_app
from pulumi_opencomputer.emulator.arguments import add_options, options_from
from pulumi_opencomputer.emulator.server import listen, serve


class Gate:
    """An ASGI middleware that blocks changes."""

    def __init__(self, app: ASGIApp, file: Path) -> None:
        self._app = app
        self._file = file
        self._closed = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] in ("POST", "DELETE"):
            await self._hold()

        async def send_watched(message: Message) -> None:
            # Close the gate before sending the response: the client's next request may follow immediately.
            self._closed = self._closed or f"{scope['method']} {scope['path']}" == self._wanted()
            await send(message)

        await self._app(scope, receive, send_watched)

    async def _hold(self) -> None:
        while self._closed and self._file.exists():
            self._file.with_suffix(".held").touch()
            await asyncio.sleep(0.01)
        self._closed = False

    def _wanted(self) -> str | None:
        try:
            return self._file.read_text()
        except FileNotFoundError:
            return None


def announce(url: str) -> None:
    """Print the line of JSON that the parent process reads."""
    sys.stdout.write(json.dumps({"url": url}) + "\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--gate", type=Path, required=True)
    add_options(parser)
    given = parser.parse_args()
    app = create_app(options_from(given))
    serve(Gate(app, given.gate), listen("127.0.0.1", given.port), announce)


if __name__ == "__main__":
    main()
