"""Runs an emulator, or an app around one, on a real socket."""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

_CONNECTIONS = 16_384


def allow_many_connections() -> None:
    """Let the process have as many open connections as its user may; by default they are few on some systems."""
    try:
        import resource  # noqa: PLC0415
    except ImportError:
        return  # Windows has no such limit.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _CONNECTIONS if hard == resource.RLIM_INFINITY else min(_CONNECTIONS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Args:
        host: The address to listen on.
        port: The port, or 0 for a free one.

    Raises:
        OSError: The address can't be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=1024)
    # asyncio leaves it out for a socket that it did not make; without it each answer on a kept connection takes 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def serve(app: ASGIApp, listener: socket.socket, announce: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM, then end at once, open streams or not.

    Args:
        app: What `create_app` returns, or an ASGI app that passes requests on to it.
        listener: A socket that listens.
        announce: Is told the address once requests are answered.
    """
    host, port = listener.getsockname()[:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
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
    _Server(config, lambda: announce(url)).run(sockets=[listener])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._announce()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Streams that are open now are cut off, which is not worth a traceback each.
        logging.getLogger("uvicorn.error").disabled = True
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        # uvicorn would raise the signal once more at the end; a stop that was asked for ends with exit code 0.
        self.should_exit = True
