"""A plain HTTP client for tests of the emulator, with access to raw bytes and events."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx

from emulator_process import DEADLINE, Emulator

STREAM = {"Accept": "text/event-stream"}


def manifest(*commands: str, **more: Any) -> dict[str, Any]:
    """Return a manifest with one run step."""
    return {"base": "base", "steps": [{"type": "run", "args": {"commands": list(commands)}}], **more}


def client(emulator: Emulator) -> httpx.Client:
    """Return an HTTP client with the emulator's key."""
    return httpx.Client(
        base_url=emulator.url, headers=emulator.headers, timeout=DEADLINE, trust_env=False, verify=False
    )


def call(emulator: Emulator, method: str, path: str, **request: Any) -> httpx.Response:
    """Send one request."""
    with client(emulator) as http:
        return http.request(method, path, **request)


def create(emulator: Emulator, name: str, image: Any, *, query: str = "", **headers: str) -> httpx.Response:
    """Create a snapshot. The response is plain JSON unless `Accept` or the query ask for a stream."""
    with client(emulator) as http:
        return http.post(f"/api/snapshots{query}", json={"name": name, "image": image}, headers=headers)


def stream(emulator: Emulator, path: str, body: Any) -> list[tuple[str, Any]]:
    """Send a body and return the events of the response."""
    with client(emulator) as http:
        response = http.post(path, json=body, headers=STREAM)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "text/event-stream"
    return list(events(response.text))


def events(text: str) -> Iterator[tuple[str, Any]]:
    """Yield the events of a stream. A comment counts as an event too."""
    for block in filter(None, text.split("\n\n")):
        if block.startswith(":"):
            yield block, None
        else:
            first, second = block.split("\n")
            yield first.removeprefix("event: "), json.loads(second.removeprefix("data: "))


def open_post(emulator: Emulator, path: str, value: Any, *, accept: str = "*/*") -> socket.socket:
    """Send a body over a new socket, and return the open socket without reading from it."""
    body = json.dumps(value).encode()
    host, port = emulator.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), DEADLINE)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nX-API-Key: {emulator.api_key}\r\nContent-Type: application/json\r\n"
        f"Accept: {accept}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    connection.sendall(head.encode() + body)
    return connection
