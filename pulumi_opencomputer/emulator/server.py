"""Runs an emulator, or an app around one, on a real socket."""

from __future__ import annotations

import json
import logging
import socket
import sys
from collections.abc import Mapping
from types import FrameType

import uvicorn
from starlette.types import ASGIApp


def serve(app: ASGIApp, host: str, port: int, details: Mapping[str, object] | None = None) -> None:
    """Serve until SIGINT or SIGTERM, then end at once, open streams or not.

    Once the server listens, one line of JSON with its ``url`` goes to standard output.

    Args:
        app: What `create_app` returns, or an ASGI app that passes requests on to it.
        host: The address to listen on.
        port: The port, or 0 for a free one.
        details: What else the line of JSON shall hold.

    Raises:
        OSError: The address can't be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=512)
    # asyncio leaves it out for a socket that it did not make; without it each answer on a kept connection takes 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    shown_host = f"[{host}]" if ":" in host else host
    url = f"http://{shown_host}:{listener.getsockname()[1]}"
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        loop="asyncio",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=0,
        # A client's pool keeps connections for longer than the default 5 s, and a build can't be sent twice.
        timeout_keep_alive=75,
        # The emulator tells the time of its own clock.
        date_header=False,
    )
    _Server(config, json.dumps({"url": url, **(details or {})})).run(sockets=[listener])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, greeting: str) -> None:
        super().__init__(config)
        self._greeting = greeting

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        sys.stdout.write(self._greeting + "\n")
        sys.stdout.flush()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Streams that are open now are cut off, which is not worth a traceback each.
        logging.getLogger("uvicorn.error").disabled = True
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        # uvicorn would raise the signal once more at the end; a stop that was asked for ends with exit code 0.
        self.should_exit = True
