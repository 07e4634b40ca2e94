"""A large upload over a slow connection, and what is shown meanwhile."""

from __future__ import annotations

import re
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from emulator_process import Emulator
from plugin_process import Plugin, urn

pytestmark = pytest.mark.long

#: The rate in bytes per second, and the size of the file; its request takes about three seconds.
RATE = 5_000_000
SIZE = 11_000_000
_PIECE = 128 * 1024


class _SlowConnections(socketserver.ThreadingTCPServer):
    """Forwards connections to a server: requests at a limited rate, responses at once."""

    daemon_threads = True

    def __init__(self, server: tuple[str, int]) -> None:
        super().__init__(("127.0.0.1", 0), _SlowConnection, bind_and_activate=False)
        # Otherwise the kernel would accept several MB at once.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _PIECE)
        self.server_bind()
        self.server_activate()
        self.upstream = server


class _SlowConnection(socketserver.BaseRequestHandler):
    server: _SlowConnections

    def handle(self) -> None:
        with socket.create_connection(self.server.upstream) as upstream:
            answers = threading.Thread(target=_pass_on, args=(upstream, self.request, 0.0))
            answers.start()
            _pass_on(self.request, upstream, _PIECE / RATE)
            answers.join()


def _pass_on(source: socket.socket, sink: socket.socket, pause: float) -> None:
    with suppress(OSError):
        while piece := source.recv(_PIECE):
            sink.sendall(piece)
            time.sleep(pause)
        sink.shutdown(socket.SHUT_WR)


@pytest.fixture
def slow(emulator: Emulator) -> Iterator[str]:
    """The address of a slow connection to the emulator."""
    address = urlsplit(emulator.url)
    with _SlowConnections((str(address.hostname), int(address.port or 0))) as connections:
        threading.Thread(target=connections.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{connections.server_address[1]}"
        connections.shutdown()


def test_an_upload_shows_its_percentage(
    start_plugin: Callable[..., Plugin], emulator: Emulator, slow: str, tmp_path: Path
) -> None:
    """It is shown after the third second; the duration stays in the log."""
    (tmp_path / "data.bin").write_bytes(b"x" * SIZE)
    plugin = start_plugin()
    plugin.configure(apiKey=emulator.api_key, apiUrl=slow)
    file = {"path": "/data.bin", "source": str(tmp_path / "data.bin")}
    plugin.up({"manifest": {"steps": [{"addFile": file}]}})
    lines = plugin.engine.of(urn())
    shown = [line for line in lines if line.startswith("uploading")]
    assert shown
    assert all(re.fullmatch(r"uploading \d\d %, \d+\.\d MB of 14\.7 MB · \d+ s", line) for line in shown)
    assert any(re.fullmatch(r"uploaded 14\.7 MB \(\d+\.\d s\)", line) for line in lines)
