"""Text chosen by the server, or by other users of it, has no effect on the terminal or the command line."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from adapters import DYNAMIC, Adapter, mostly
from project import Project, Ran
from pulumi_opencomputer.content import content_hash

KEY = "osb_1234567890"
NASTY = "\x1b]0;pwned\x07\x1b[2J\x9b31m<{%x%}><{%fg 1%}>\u202e\r TOLD"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
TIME = "2026-08-01T10:00:00Z"

FIELDS = ("id", "name", "contentHash", "checkpointId", "status", "createdAt", "lastUsedAt", "orgId", "cellId")
TEXTS: Mapping[str, Callable[[], bytes]] = {
    "lines": lambda: b"".join(
        (
            _log(0, "build", f"Building image with 1 steps {NASTY}"),
            _log(1, NASTY, f"Step 1/1: {NASTY}"),
            _log(1, "run", f"output {NASTY}"),
            _event(NASTY.replace("\r", "").encode(), b"words of a later server"),
            _event(b"warning", NASTY.replace("\r", "").encode()),
            _log(1, "run", "Step 1/1 completed"),
            _log(2, "checkpoint", f"Creating checkpoint {NASTY}"),
        )
    ),
    "error-text": lambda: _error(f"image build failed: image build failed: step 0 (run) failed (exit 1): {NASTY}"),
    "error-type": lambda: _error(f"image build failed: image build failed: step 0 ({NASTY}) failed (exit 1): E"),
    "error-other": lambda: _error(NASTY),
    "error-odd": lambda: _event(b"error", NASTY.replace("\r", "").encode()),
    **{f"field-{field}": lambda: b"" for field in FIELDS},
    **{f"mark-{field}": lambda: b"" for field in FIELDS},
}
STATUSES = (302, 400, 401, 404, 413, 418, 500)


def _event(name: bytes, data: bytes) -> bytes:
    return b"event: " + name + b"\ndata: " + data + b"\n\n"


def _log(step: int, kind: str, message: str) -> bytes:
    return _event(b"build_log", json.dumps({"step": step, "type": kind, "message": message}).encode())


def _error(text: str) -> bytes:
    return _event(b"error", json.dumps({"error": text}).encode())


def _record(name: str, hash_: str) -> dict[str, Any]:
    record = {
        "id": f"id-{name}",
        "orgId": "org",
        "name": name,
        "contentHash": f"{hash_}:named:{name}",
        "checkpointId": "checkpoint",
        "manifest": {"base": "base", "steps": []},
        "status": "ready",
        "createdAt": TIME,
        "lastUsedAt": TIME,
    }
    kind, _, field = name.partition("-")
    if kind in ("field", "mark"):
        record[field] = NASTY if kind == "field" else UNKNOWN
    return record


class _Handler(BaseHTTPRequestHandler):
    """The server's responses; to a build, they depend on the requested name."""

    protocol_version = "HTTP/1.1"
    records: dict[str, dict[str, Any]]

    def do_GET(self) -> None:
        listed = [_record(f"field-{field}", "0" * 64) for field in FIELDS]
        listed += [_record(f"mark-{field}", "0" * 64) for field in FIELDS]
        found = self.records.get(self.path.rpartition("/")[2])
        if self.path in ("/api/snapshots", "/api/images"):
            self._answer(200, [*listed, _record("plain", "0" * 64)])
        elif found:
            self._answer(200, found)
        else:
            self._answer(404, {"error": "snapshot not found"})

    def do_DELETE(self) -> None:
        name = self.path.rpartition("/")[2]
        if self.records.pop(name, None):
            self._answer(204, None)
        else:
            self._answer(404, {"error": f'snapshot "{name}" not found'})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        name = asked["name"]
        if name.startswith("status-"):
            self._answer(int(name.partition("-")[2]), {"error": NASTY})
            return
        record = _record(name, content_hash(asked["image"]))
        stream = TEXTS[name]()
        if b"event: error" not in stream:
            stream += _event(b"result", json.dumps(record).encode())
            self.records[name] = record
        self._send(200, "text/event-stream", stream)

    def _answer(self, status: int, value: Any) -> None:
        self._send(status, "application/json", b"" if value is None else json.dumps(value).encode())

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status, "<{%x%}>")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Location", "https://elsewhere.example/<{%x%}>TOLD")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Log nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    """The server's address."""
    handler = type("Handler", (_Handler,), {"records": {}})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{made.server_address[1]}"
        made.shutdown()


PROGRAM = """
    for name in NAMES:
        Snapshot(name, Manifest.base().run_commands(name), name=name)
"""
LISTS = {
    DYNAMIC.name: """
    import dataclasses, pulumi_opencomputer
    pulumi.export("list", [dataclasses.asdict(each) for each in pulumi_opencomputer.list_snapshots()])
""",
    "plugin": """
    pulumi.export("list", pulumi.runtime.invoke("opencomputer:index:getSnapshots", {}).value)
""",
}


@mostly(DYNAMIC)
def test_no_text_of_a_server_is_obeyed(
    tmp_path: Path, server: str, tools: str, pulumi_home: Path, adapter: Adapter
) -> None:
    """Lines, errors, fields and names appear as plain text or not at all, in coloured output too."""
    settings = {"OPENCOMPUTER_API_URL": server, "OPENCOMPUTER_API_KEY": KEY}
    project = Project(tmp_path, settings, tools, pulumi_home, adapter)
    project.color = "always"
    names = [*TEXTS, *(f"status-{status}" for status in STATUSES)]
    project.program(PROGRAM.replace("NAMES", repr(names)) + LISTS[adapter.name])
    ran = project.up("--continue-on-error", fails=True)
    _require_plain(ran)
    assert "create" in ran.operations("lines")
    for told in ("output", "words of a later server", "The build failed at step 1"):
        assert told in ran.text
    assert ran.text.count("TOLD") >= 6
    listed = json.dumps(project.outputs()["list"])
    assert "id-plain" in listed
    assert [each for each in ("\\u001b", "<{%", "\\u009b", "\\u202e", UNKNOWN) if each in listed] == []
    project.program(PROGRAM.replace("NAMES", repr(["lines"])) + LISTS[adapter.name])
    # The stack is not locked, and the created resources work as usual.
    for step in (project.up, project.refresh, project.destroy):
        _require_plain(step())


def _require_plain(ran: Ran) -> None:
    assert "panic" not in ran.text
    assert "pwned" not in ran.text
    assert [each for each in ("<{%", "\x1b]", "\x1b[2J", "\x9b", "\u202e", "\x07") if each in ran.text] == []
