"""A slow link: ``python -m benchmarks.throttle URL MBIT`` prints an address, and forwards connections to URL."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

from . import ROOT

_PIECE = 16 * 1024


@contextmanager
def throttled(url: str, megabits: float) -> Iterator[str]:
    """Run a slow link to an address in a separate process; yield the link's address.

    Args:
        url: The address that the link forwards to.
        megabits: The upload limit in megabits a second, for all connections together. Responses are not slowed down.
    """
    command = [sys.executable, "-m", "benchmarks.throttle", url, str(megabits)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as link:
        try:
            assert link.stdout
            yield link.stdout.readline().strip()
        finally:
            link.kill()


_Wait = Callable[[int], Awaitable[None]]


class _Link:
    def __init__(self, host: str, port: int, bytes_per_second: float) -> None:
        self._host, self._port, self._pace = host, port, bytes_per_second
        self._free_at = 0.0

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward both directions of a connection until it ends."""
        there, back = await asyncio.open_connection(self._host, self._port, limit=_PIECE)
        await asyncio.gather(self._pass(reader, back, self._wait), self._pass(there, writer, _no_wait))

    async def _pass(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, wait: _Wait) -> None:
        with suppress(ConnectionError):
            while piece := await source.read(_PIECE):
                await wait(len(piece))
                target.write(piece)
                await target.drain()
        target.close()

    async def _wait(self, count: int) -> None:
        self._free_at = max(self._free_at, time.monotonic()) + count / self._pace
        await asyncio.sleep(self._free_at - time.monotonic())


async def _no_wait(_count: int) -> None:
    pass


async def _serve(url: str, megabits: float) -> None:
    host, _, port = url.removeprefix("http://").partition(":")
    link = _Link(host, int(port), megabits * 1e6 / 8)
    # Keep the buffer small: for the sender, the bytes in it have already arrived.
    server = await asyncio.start_server(link.connect, "127.0.0.1", 0, limit=_PIECE)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], float(sys.argv[2])))
