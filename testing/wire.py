"""A raw TCP server in a thread that plays scripted responses byte by byte, and records the requests.

Scripts are functions that take a connection. The n-th connection runs the n-th script; further connections run the
last one. The module also has a body, a clock and a client factory for the client's tests.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from pulumi_opencomputer.api.client import BuildEvent, Client, Record
from pulumi_opencomputer.config import Settings

DEADLINE = 20.0
HASH = "ab" * 32
KEY = "osb_1234567890"
BODY = b'{"image":{"base":"base","steps":[]},"name":"tools"}'


@dataclass
class Request:
    """A received request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass
class Connection:
    """The server's side of one connection."""

    socket: socket.socket
    wire: Wire
    buffer: bytearray = field(default_factory=bytearray)

    def head(self) -> Request:
        """Read a request's line and headers, but not its body."""
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        head, _, rest = bytes(self.buffer).partition(b"\r\n\r\n")
        self.buffer[:] = rest
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        request = Request(method, path, headers)
        self.wire.requests.append(request)
        return request

    def request(self) -> Request:
        """Read a complete request."""
        request = self.head()
        request.body = self.read(int(request.headers.get("content-length", "0")))
        return request

    def read(self, size: int) -> bytes:
        """Read exactly that many bytes."""
        while len(self.buffer) < size:
            self._more()
        data = bytes(self.buffer[:size])
        del self.buffer[:size]
        return data

    def send(self, *parts: bytes) -> None:
        """Send bytes."""
        for part in parts:
            self.socket.sendall(part)

    def open_stream(self) -> None:
        """Read a build request and open its event stream."""
        self.request()
        self.send(head(200, "text/event-stream"))

    def wait_closed(self) -> bool:
        """Return whether the client closes before the deadline."""
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionError:
            return True
        except OSError:
            return False
        return True

    def is_open(self) -> bool:
        """Return, without waiting, whether the client's side of the connection is open."""
        self.socket.setblocking(False)
        try:
            # Call the base class's method, because an SSLSocket can't peek.
            return bool(socket.socket.recv(self.socket, 1, socket.MSG_PEEK))
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        finally:
            self.socket.settimeout(DEADLINE)

    def reset(self) -> None:
        """Break the connection with a TCP reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _more(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the client closed in the middle of a request")
        self.buffer += data


Script = Callable[[Connection], None]


class Wire:
    """The server. A context manager.

    Attributes:
        url: The server's address.
        requests: All requests read so far.
        connections: The number of connections accepted so far.
    """

    def __init__(self, *scripts: Script, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self._tls = tls
        self.requests: list[Request] = []
        self.connections = 0
        self._scripts = scripts
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", port), backlog=256)
        self._listener.setblocking(False)
        self._end, self._ended = socket.socketpair()
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Wire:
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.close()
        self._acceptor.join(DEADLINE)
        self._listener.close()
        self._ended.close()
        for thread in self._threads:
            thread.join(DEADLINE)
            assert not thread.is_alive(), "a script of the server did not end"

    def _accept(self) -> None:
        over = False
        while not over:
            over = self._ended in select.select([self._listener, self._ended], [], [])[0]
            # Accept at the end too: a client that is already done may still wait in the queue.
            with contextlib.suppress(BlockingIOError):
                while True:
                    self._serve(self._listener.accept()[0])

    def _serve(self, accepted: socket.socket) -> None:
        script = self._scripts[min(self.connections, len(self._scripts) - 1)]
        self.connections += 1
        thread = threading.Thread(target=self._play, args=(script, accepted), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _play(self, script: Script, accepted: socket.socket) -> None:
        accepted.settimeout(DEADLINE)
        with accepted, contextlib.suppress(OSError):
            if self._tls:
                with self._tls.wrap_socket(accepted, server_side=True) as wrapped:
                    script(Connection(wrapped, self))
            else:
                script(Connection(accepted, self))


def head(status: int, kind: str, *extra: str) -> bytes:
    """Return a response's head. Unless `extra` has a length, the body ends with the connection."""
    lines = (f"HTTP/1.1 {status} X", f"Content-Type: {kind}", "Connection: close", *extra)
    return "\r\n".join((*lines, "", "")).encode("latin-1")


def answer(status: int, value: Any, *extra: str, kind: str = "application/json") -> bytes:
    """Return a complete response. Bytes are sent as they are, anything else as JSON."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return head(status, kind, f"Content-Length: {len(body)}", *extra) + body


def event(name: str, value: Any) -> bytes:
    """Return an event of a build stream. Bytes are sent as they are, anything else as JSON."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"


def log(step: int, kind: str, message: str) -> bytes:
    """Return a log event."""
    return event("build_log", {"step": step, "type": kind, "message": message})


def record(**changes: Any) -> dict[str, Any]:
    """Return a ready named record as the server sends it, with changes."""
    plain = {
        "id": "record-1",
        "orgId": "org-1",
        "name": "tools",
        "contentHash": f"{HASH}:named:tools",
        "checkpointId": "checkpoint-1",
        "manifest": {"base": "base", "steps": []},
        "status": "ready",
        "createdAt": "2026-08-01T10:00:00.123456Z",
        "lastUsedAt": "2026-08-01T10:00:00Z",
    }
    return plain | changes


def plays(*answers: bytes) -> Script:
    """Return a script that reads a request and sends these bytes."""

    def script(connection: Connection) -> None:
        connection.request()
        connection.send(*answers)

    return script


def streams(*events: bytes) -> Script:
    """Return a script that reads a build request and streams these events."""

    def script(connection: Connection) -> None:
        connection.open_stream()
        connection.send(*events)

    return script


def refused_url() -> str:
    """Return an address at which nothing listens."""
    with Wire() as server:
        return server.url


def hang_up(connection: Connection) -> None:
    """Close the connection after the request. A script."""
    connection.request()


def reset(connection: Connection) -> None:
    """Reset the connection after the request. A script."""
    connection.request()
    connection.reset()


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, or fail after the deadline."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, "the condition did not come true in time"
        time.sleep(0.01)


@dataclass
class Body:
    """A build request's body from memory rather than from files."""

    chunks: tuple[bytes, ...] = (BODY,)
    name: str = "tools"
    content_hash: str = HASH
    fails: Exception | None = None

    @property
    def size(self) -> int:
        return sum(map(len, self.chunks))

    def __iter__(self) -> Iterator[bytes]:
        yield from self.chunks[:-1]
        if self.fails:
            raise self.fails
        yield self.chunks[-1]


@dataclass
class Clock:
    """A clock that advances only when something sleeps."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@contextlib.contextmanager
def connecting(clock: Clock) -> Iterator[Callable[..., Client]]:
    """Yield a function that creates a client for a server or an address. The client's waits take no time."""
    with contextlib.ExitStack() as stack:

        def make(server: Wire | str, **options: Any) -> Client:
            url = server if isinstance(server, str) else server.url
            all_options: dict[str, Any] = {"sleep": clock.sleep, "clock": clock, **options}
            return stack.enter_context(Client(Settings(url, KEY, "1.1.0"), **all_options))

        yield make


def build(client: Client, body: Any = None, **options: Any) -> tuple[Record, list[BuildEvent]]:
    """Run a build; return the record and the events."""
    events: list[BuildEvent] = []
    all_options: dict[str, Any] = {"timeout": 1800.0, "on_event": events.append, **options}
    return client.create_snapshot(body or Body(), **all_options).record, events


RESULT = event("result", record())
"""The event that ends a successful build."""
