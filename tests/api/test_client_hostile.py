"""Hostile and broken responses: each gives a clear error, within limited memory and time."""

from __future__ import annotations

import errno
import gzip
import json
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import wire
from pulumi_opencomputer import errors
from pulumi_opencomputer.api.client import Client, Timing
from pulumi_opencomputer.config import Settings
from wire import (
    KEY,
    Connection,
    Wire,
    answer,
    build,
    event,
    head,
    log,
    plays,
    record,
    streams,
)

CALLS: dict[str, Callable[[Client], Any]] = {
    "get": lambda client: client.get_snapshot("tools"),
    "list": lambda client: client.list_images(),
    "delete": lambda client: client.delete_snapshot("tools"),
    "create": build,
}
calls = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
readers = pytest.mark.parametrize("call", [CALLS["get"], CALLS["list"], CALLS["create"]], ids=["get", "list", "create"])


def forever(
    before: bytes, piece: bytes, pause: float = 0.0, until: threading.Event | None = None
) -> Callable[[Connection], None]:
    """Return a script that sends a piece repeatedly, until the event is set or the client closes."""
    done = until or threading.Event()

    def script(connection: Connection) -> None:
        connection.request()
        connection.send(before)
        while not done.wait(pause):
            connection.send(piece)

    return script


# No valid HTTP


@calls
@pytest.mark.parametrize(
    "garbage", [b"SSH-2.0-OpenSSH\r\n\r\n", b"\x15\x03\x01\x00\x02\x02\x28", b"HTTP/1.1 abc\r\n\r\n"]
)
def test_a_server_without_http_is_reported_as_a_wrong_address(connect, call, garbage):
    """The error names the setting, and is raised at once."""
    with Wire(plays(garbage)) as server, pytest.raises(errors.ProtocolError, match="opencomputer:apiUrl"):
        call(connect(server))
    assert server.connections == 1


@calls
@pytest.mark.parametrize(
    ("before", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X-Filler: " + b"x" * 1000 + b"\r\n"),
        (b"HTTP/1.1 200 OK\r\nX-Filler: ", b"x" * 1000),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["headers", "header", "interim answers"],
)
def test_endless_heads_end(connect, call, before, piece):
    """Headers without an end, and interim responses without an end, stop at the time limit."""
    begun = time.monotonic()
    with Wire(forever(before, piece)) as server:
        client = connect(server, timing=Timing(call=0.3, silence=0.3, attempts=1))
        with pytest.raises((errors.ProtocolError, errors.TimedOutError)):
            call(client) if call is not build else build(client, timeout=0.3)
    assert time.monotonic() - begun < 10


@calls
def test_dripping_heads_end(connect, call):
    """The time limit holds even if each single byte arrives in time."""
    begun, done = time.monotonic(), threading.Event()
    with Wire(forever(b"HTTP/1.1 200 OK\r\nX-Filler: ", b"x", 0.05, done)) as server:
        client = connect(server, timing=Timing(call=0.3, silence=5, attempts=1))
        with pytest.raises(errors.TimedOutError):
            call(client) if call is not build else build(client, timeout=0.3)
        # The guard may still hold a build's connection.
        done.set()
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("length", ["", "Content-Length: 1000000"])
def test_dripping_bodies_end(connect, length):
    """A slow body ends too, even one that ends only with the connection."""
    before = head(200, "application/json", *filter(None, [length])) + b"["
    with Wire(forever(before, b" ", 0.05)) as server:
        client = connect(server, timing=Timing(call=0.3, silence=0.2, attempts=1))
        with pytest.raises(errors.TimedOutError):
            client.list_images()


def test_a_dripping_stream_ends(connect):
    """A build stream ends at its time limit, whatever keeps arriving."""
    done = threading.Event()
    with Wire(forever(head(200, "text/event-stream"), b": \n\n", 0.02, done)) as server:
        with pytest.raises(errors.TimedOutError):
            build(connect(server, clock=time.monotonic), timeout=0.3)
        done.set()


def test_a_stream_with_an_endless_chunk_header_ends(connect):
    """The time limit also holds for bytes that never become part of the body."""
    before = head(200, "text/event-stream", "Transfer-Encoding: chunked") + b"5;x="
    with Wire(forever(before, b"x", 0.02)) as server, pytest.raises(errors.TimedOutError):
        build(connect(server, clock=time.monotonic, timing=Timing(silence=0.2)), timeout=0.3)


# Bodies


@readers
@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
def test_compressed_answers_are_refused(connect, call, coding):
    """Nothing is decompressed, so a small response can't become a large one."""
    bomb = gzip.compress(b"[" * 1_000_000)
    kind = "text/event-stream" if call is build else "application/json"
    with (
        Wire(plays(answer(200, bomb, f"Content-Encoding: {coding}", kind=kind))) as server,
        pytest.raises(errors.ProtocolError, match="compressed"),
    ):
        call(connect(server))


@readers
@pytest.mark.parametrize("kind", ["text/html", "text/plain", "application/octet-stream", "x", "multipart/mixed; a=b"])
def test_answers_of_another_type_are_refused(connect, call, kind):
    """The page of a proxy or a login is not taken for a response of the API."""
    with (
        Wire(plays(answer(200, b"<html>", kind=kind))) as server,
        pytest.raises(errors.ProtocolError, match="opencomputer:apiUrl"),
    ):
        call(connect(server))
    assert server.connections == 1


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[1]", b"[[]]", b'["\xff"]', b"[" * 10_000, b"{}"])
@pytest.mark.parametrize("call", [CALLS["get"], CALLS["list"]], ids=["get", "list"])
def test_broken_bodies_are_refused(connect, call, body):
    """Anything but a record, or a list of records, is an error at once."""
    with Wire(plays(answer(200, body))) as server, pytest.raises(errors.ProtocolError):
        call(connect(server))
    assert server.connections == 1


@pytest.mark.parametrize(
    "data", [b"", b"{", b"null", b"[]", b'"record"', b"{}", json.dumps(record()).encode()[:-1], b'{"id": "\xff"}']
)
def test_broken_results_are_refused(connect, data):
    """A result that is not a record is an error, and the build is not repeated."""
    with Wire(streams(event("result", data))) as server, pytest.raises(errors.ProtocolError):
        build(connect(server))
    assert server.connections == 1


def test_reading_stops_at_a_list_beyond_the_limit(connect):
    """The client does not read more than its limit."""
    with (
        Wire(forever(head(200, "application/json") + b"[", b" " * 65536)) as server,
        pytest.raises(errors.AnswerTooLargeError, match="larger than 1,000,000 bytes"),
    ):
        connect(server).list_images(limit=1_000_000)
    assert server.connections == 1


@pytest.mark.parametrize(("before", "piece"), [(b"data: ", b"x" * 65536), (b"", b"data: x\n"), (b"", b": comment\n")])
def test_reading_stops_at_an_event_beyond_the_limit(connect, monkeypatch, before, piece):
    """Of an event without an end, only the limit is read."""
    monkeypatch.setattr("pulumi_opencomputer.api.build_call.LARGEST_ANSWER", 1_000_000)
    with (
        Wire(forever(head(200, "text/event-stream") + before, piece * 100)) as server,
        pytest.raises(errors.AnswerTooLargeError, match="larger than"),
    ):
        build(connect(server))


def test_reading_stops_at_an_endless_refusal(connect):
    """Of an error's body, 64 KiB are read."""
    with (
        Wire(forever(head(400, "text/html"), b"<b>no</b>" * 1000)) as server,
        pytest.raises(errors.InvalidRequestError) as caught,
    ):
        connect(server).list_images()
    assert len(caught.value.text) <= 200


@calls
def test_an_incomplete_refusal_is_still_reported(connect, call):
    """The status of the response counts, even if its body is incomplete."""

    def cut(connection: Connection) -> None:
        connection.request()
        connection.send(answer(403, {"error": "invalid API key"})[:-8])

    with Wire(cut) as server, pytest.raises(errors.AuthenticationError):
        call(connect(server))


# Texts


@calls
@pytest.mark.parametrize("status", [302, 400, 401, 404, 409, 418, 500])
def test_no_error_shows_the_key_or_a_control_sequence(connect, call, status):
    """A server that repeats the key, or sends control sequences, can't get them onto the screen."""
    if status == 404 and call is CALLS["delete"]:
        return  # For a delete, a missing record is not an error.
    said = f"key {KEY} \x1b[31m\x9b2J<{{%fg 1%}}>\u202e"
    body = json.dumps({"error": said}).encode()
    with (
        Wire(plays(answer(status, body, f"Location: https://x/{KEY}?{KEY}"))) as server,
        pytest.raises(errors.APIError) as caught,
    ):
        call(connect(server, timing=Timing(attempts=1)))
    shown = f"{caught.value} {caught.value!r}"
    assert KEY not in shown
    assert not {"\x1b", "\x9b", "\u202e"} & set(str(caught.value))
    assert "<{%" not in shown


@pytest.mark.parametrize(
    ("key", "said", "shown"),
    [
        ("local", "/usr/local/bin localhost local-x", "/usr/local/bin localhost local-x"),
        ("local", "key local", "key [API key]"),
        ("local", "key=local; \"local\" ('local'): local.", "key=[API key]; \"[API key]\" ('[API key]'): [API key]."),
        ("12345678", "/usr/12345678/bin", "/usr/[API key]/bin"),
    ],
)
def test_a_short_key_is_redacted_only_as_a_word_of_its_own(key, said, shown):
    """It may be part of other words, and redacting it there would reveal it."""
    with (
        Wire(plays(answer(400, {"error": said}))) as server,
        Client(Settings(server.url, key)) as client,
        pytest.raises(errors.InvalidRequestError) as caught,
    ):
        client.list_images()
    assert caught.value.text == shown


def test_a_build_without_file_descriptors_says_what_to_do(monkeypatch):
    """The limit is one of this machine, not a fault of the server."""

    def none(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    with Client(Settings("http://127.0.0.1:9", KEY), timing=Timing(attempts=1)) as client:
        monkeypatch.setattr("socket.create_connection", none)
        with pytest.raises(errors.UnavailableError, match="ulimit -n"):
            build(client)
    monkeypatch.setattr("httpx.create_ssl_context", none)
    with pytest.raises(errors.ConfigurationError, match="ulimit -n"):
        Client(Settings("http://127.0.0.1:9", KEY))


def test_no_log_line_shows_the_key_or_a_control_sequence(connect):
    """The key and control sequences are removed from a build's log and its error."""
    said = f"\x1b[31mkey {KEY} <{{%fg 1%}}>\x00"
    failure = f"image build failed: image build failed: step 0 (run) failed (exit 1): {said}"
    seen: list[Any] = []
    with (
        Wire(streams(log(1, "run", said), event("error", {"error": failure}))) as server,
        pytest.raises(errors.BuildFailedError) as caught,
    ):
        build(connect(server), on_event=seen.append)
    assert seen[0].message == caught.value.text == "key [API key] <{ %fg 1%}>"


# Memory

SCRIPT = textwrap.dedent("""
    import re, resource, sys
    from pathlib import Path
    from wire import KEY, Body, build
    from pulumi_opencomputer.api.client import Client
    from pulumi_opencomputer.config import Settings

    def peak():
        # On Linux, ru_maxrss starts with the value of the parent process.
        status = Path("/proc/self/status")
        if status.exists():
            return int(re.search(r"VmHWM:\\s*(\\d+)", status.read_text())[1]) * 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with Client(Settings(sys.argv[1], KEY)) as client:
        build(client)
        before = peak()
        record, _ = build(client)
        assert len(record.manifest["text"]) == int(sys.argv[2])
        print(peak() - before)
""")


@pytest.mark.parametrize("letter", ["x", "\u2013", "👩"])
def test_a_large_result_takes_at_most_four_times_its_size(letter):
    """Peak memory for a record of 64 MB is at most four times that, even with characters that are not ASCII."""
    content = "x" * 64_000_000 if letter == "x" else letter + "x" * 1_000_000
    rest = "" if letter == "x" else "x" * 63_000_000
    large = event("result", record(manifest={"text": content, "rest": rest}))
    with Wire(streams(event("result", record())), streams(large)) as server:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, server.url, str(len(content))],
            check=True,
            capture_output=True,
            text=True,
            env=os.environ | {"PYTHONPATH": str(Path(wire.__file__).parent)},
        )
    assert int(done.stdout) <= 4 * len(large), int(done.stdout) / len(large)
