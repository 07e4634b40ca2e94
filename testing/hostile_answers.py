"""A server with seeded random responses: valid ones with something wrong in them, and nonsense."""

from __future__ import annotations

import json
import random
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from pulumi_opencomputer.content import content_hash

#: Sequences that a terminal or Pulumi's command line would act on. The next two mark unknown and secret values for
#: Pulumi.
NASTY = "\x1b]0;pwned\x07\x1b[2J\x9b31m<{%x%}>\u202e\r"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SECRET_MARK = "4dabf18193072939515e22adb298388d"

_JUNK: list[Any] = [
    *(None, True, False, 0, -1, 2**70, 1e308, 0.5, "", " ", "\0", NASTY, UNKNOWN, SECRET_MARK, "x" * 70_000, "\ud800"),
    *([], {}, [[]], [UNKNOWN], {"": None}, {SECRET_MARK: "1b47061264138c4ac30d75fd1eb44270", "value": "x"}),
    *("ready", "building", "failed", "archived", "2026-08-01T10:00:00Z", "2026-08-01T10:00:00+99:99", "9999-99-99"),
]
_STATUSES = (100, 204, 206, 301, 400, 401, 403, 404, 408, 409, 413, 418, 429, 500, 502, 503, 599)
_TIME = "2026-08-01T10:00:00Z"


class HostileServer(ThreadingHTTPServer):
    """The server, in its own thread.

    Attributes:
        url: Its address.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.random = random.Random(0)
        self.records: dict[str, Any] = {}
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def begin(self, seed: int) -> None:
        """Forget everything, and choose responses with this seed from now on."""
        self.random = random.Random(seed)
        self.records = {}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a client that disconnects."""

    def __enter__(self) -> HostileServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    """The handler of one request: it sends a response and closes the connection."""

    protocol_version = "HTTP/1.1"
    server: HostileServer

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        with self.server.lock:
            if self.path.endswith(("/snapshots", "/images")):
                listed = [self._wrong(_record(f"other-{number}", "0" * 64)) for number in range(3)]
                self._answer(200, self._wrong([*listed, *self.server.records.values()], 0.1))
            elif name in self.server.records:
                self._answer(200, self._wrong(self.server.records[name]))
            else:
                self._answer(404, self._wrong({"error": "snapshot not found"}))

    def do_DELETE(self) -> None:
        name = self.path.rpartition("/")[2]
        with self.server.lock:
            if self.server.records.pop(name, None):
                self._answer(204, None)
            else:
                self._answer(404, self._wrong({"error": f'snapshot "{name}" not found'}))

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with self.server.lock:
            record = _record(str(asked.get("name")), content_hash(asked["image"]))
            self.server.records[record["name"]] = record
            events = self._events(record)
            self._send(200 if self._chance(0.9) else self._choose(_STATUSES), "text/event-stream", events)

    def _events(self, record: dict[str, Any]) -> bytes:
        logs = [
            {"step": self._wrong(number, 0.2), "type": "run", "message": f"Step {number}/2: x"} for number in (1, 2)
        ]
        logs.append({"step": 1, "type": "run", "message": "Step 1/2 completed"})
        logs.append({"step": 1, "type": NASTY, "message": self._choose(("output", NASTY * 50, UNKNOWN, "y" * 100_000))})
        self.server.random.shuffle(logs)
        parts = [self._event("build_log", self._wrong(log)) for log in logs]
        if self._chance(0.3):
            failure = self._choose(
                ("step 0 (run) failed (exit 1): ", "step 99 (x) failed: ", "", "image build failed: ")
            )
            parts.append(self._event("error", self._wrong({"error": failure + NASTY})))
        if self._chance(0.8):
            parts.append(self._event("result", self._wrong(record)))
        for junk in (b": keepalive\n\n", b"data\n\n", b"event: \x00\n\n", b"\xff\xfe\n\n", b"id: 1\nretry: 0\n\n"):
            if self._chance(0.2):
                parts.insert(self.server.random.randrange(len(parts) + 1), junk)
        return (b"\xef\xbb\xbf" if self._chance(0.1) else b"") + b"".join(parts)

    def _event(self, name: str, value: Any) -> bytes:
        end = self._choose(("\n", "\r\n", "\r"))
        name = NASTY.replace("\r", "") if self._chance(0.03) else name
        return f"event: {name}{end}data: {json.dumps(value)}{end}{end}".encode()

    def _wrong(self, value: Any, chance: float = 0.5) -> Any:
        """Return the value, possibly with something wrong in it."""
        if not self._chance(chance):
            return value
        if isinstance(value, dict) and value and self._chance(0.9):
            key = self._choose(list(value))
            return (
                {**value, key: self._choose(_JUNK)}
                if self._chance(0.8)
                else {k: v for k, v in value.items() if k != key}
            )
        return self._choose(_JUNK)

    def _answer(self, status: int, value: Any) -> None:
        body = b"" if value is None else json.dumps(value).encode()
        self._send(status if self._chance(0.85) else self._choose(_STATUSES), "application/json", body)

    def _send(self, status: int, kind: str, body: bytes) -> None:
        if body and self._chance(0.15):
            cut = self.server.random.randrange(len(body))
            body = self._choose(
                (body[:cut], body[:cut] + b"\xff\x00" + body[cut:], b"\xef\xbb\xbf" + body, body + b"}")
            )
        length = len(body) + (self._choose((-1, 5)) if body and self._chance(0.1) else 0)
        self.send_response(status, "<{%x%}>")
        self.send_header("Content-Type", kind if self._chance(0.9) else NASTY.encode("ascii", "ignore").decode()[-5:-1])
        self.send_header("Content-Length", str(max(length, 0)))
        self.send_header("Retry-After", self._choose(("0", "-1", "x", "9" * 30)))
        self.send_header("Date", self._choose(("Sat, 01 Aug 2026 10:00:00 GMT", "x", "Mon, 99 Foo 0000 99:99:99 GMT")))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def _chance(self, chance: float) -> bool:
        return self.server.random.random() < chance

    def _choose(self, values: Any) -> Any:
        return self.server.random.choice(values)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Log nothing."""


def _record(name: str, hash_: str) -> dict[str, Any]:
    return {
        "id": f"id-{name}",
        "orgId": "org",
        "name": name,
        "contentHash": f"{hash_}:named:{name}",
        "checkpointId": "checkpoint",
        "manifest": {"base": "base", "steps": [{"type": "run", "args": {"commands": ["make"]}}]},
        "status": "ready",
        "createdAt": _TIME,
        "lastUsedAt": _TIME,
    }
