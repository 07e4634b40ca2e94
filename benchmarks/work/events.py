"""The result event of a build."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

_ROW = {
    "id": "1",
    "orgId": "organization",
    "name": "daily",
    "status": "ready",
    "contentHash": "0" * 64,
    "checkpointId": "c",
    "createdAt": "2026-01-01T00:00:00Z",
    "lastUsedAt": "2026-01-01T00:00:00Z",
}


def event_ours(size: str) -> Callable[[], object]:
    """Read a build's stream with a result event of that many bytes, up to the record in it."""
    from pulumi_opencomputer.api.event_stream import read_build  # noqa: PLC0415
    from pulumi_opencomputer.api.records import parse_json, parse_record  # noqa: PLC0415

    def read(count: int) -> None:
        ending = read_build(_stream(count), lambda _: None, str, limit=2 * count + 1_000_000)
        if ending is None or parse_record(parse_json(ending.data, "result", str), "result").status != "ready":
            raise RuntimeError("the stream has no result")

    read(100_000)
    return lambda: read(int(size))


def event_plain(size: str) -> Callable[[], object]:
    """Read only the bytes of the same stream."""

    def read() -> None:
        held = bytearray()
        for chunk in _stream(int(size)):
            held += chunk

    return read


def _stream(size: int) -> Iterator[bytes]:
    """Yield the stream in chunks of 64 KB without allocating memory for them."""
    step = {"type": "add_file", "args": {"path": "/data", "encoding": "base64", "content": "@"}}
    head, _, tail = json.dumps({**_ROW, "manifest": {"base": "base", "steps": [step]}}).partition("@")
    yield b"event: result\ndata: " + head.encode()
    block = b"QUJD" * (16 * 1024)
    for _ in range(size // len(block)):
        yield block
    yield tail.encode() + b"\n\n"
