"""Serve an emulator, or an app around one, on a socket."""

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
    """Raise the limit of open files, up to 16,384: on some systems the default allows only few connections."""
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
    # asyncio does not set this for a socket that it did not create. Without it each response on a connection that is
    # kept open takes 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def serve(app: ASGIApp, listener: socket.socket, announce: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM, then end immediately, even if streams are open.

    Args:
        app: The result of `create_app`, or an ASGI app that passes requests on to it.
        listener: A socket that listens.
        announce: Called with the address once requests are answered.
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
        # Longer than the default of 5 s, because clients keep connections in pools for longer. A build that is sent on
        # a connection that the server is just closing could not be sent again.
        timeout_keep_alive=75,
        # The emulator sets this header itself, from its own clock.
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
        # Open streams are cut off; don't log a traceback for each.
        logging.getLogger("uvicorn.error").disabled = True
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        # uvicorn would raise the signal again at the end. A requested stop should end with exit code 0.
        self.should_exit = True
