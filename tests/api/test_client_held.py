"""A build request that is held before its last byte, and the spool that allows it to be sent again."""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from pulumi_opencomputer import errors
from pulumi_opencomputer.api.client import Timing
from pulumi_opencomputer.api.spool import IN_MEMORY, SpooledBody
from wire import BODY, RESULT, Body, Connection, Wire, answer, build, head, streams, until

LARGE = Body((BODY[:10], b" " * 20_000_000, BODY[10:]))


@pytest.fixture(params=["plain", "tls"])
def tls(request, tmp_path, monkeypatch) -> dict[str, ssl.SSLContext]:
    """Return the server's options for each kind of connection; the client trusts its certificate."""
    if request.param == "plain":
        return {}
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return {"tls": context}


def all_but_the_last_byte(connection: Connection) -> int:
    size = int(connection.head().headers["content-length"])
    connection.read(size - 1)
    return size


@pytest.mark.parametrize("body", [Body(), LARGE], ids=["small", "large"])
def test_the_callback_comes_between_the_upload_and_the_last_byte(connect, tls, body):
    """At that moment the server has everything but the last byte, which is sent after the callback."""
    seen: list[str] = []
    arrived = threading.Event()

    def script(connection: Connection) -> None:
        all_but_the_last_byte(connection)
        seen.append("upload")
        arrived.set()
        connection.read(1)
        seen.append("last byte")
        connection.send(head(200, "text/event-stream"), RESULT)

    def callback(seconds: float) -> None:
        assert seconds == 10
        assert arrived.wait(20)
        seen.append("callback")

    with Wire(script, **tls) as server:
        build(connect(server), body, before_last_byte=callback)
    assert seen == ["upload", "callback", "last byte"]


def test_an_error_of_the_callback_leaves_the_last_byte_unsent(connect, tls):
    """If it is an error of the API, it belongs to another request, so this request is not repeated because of it."""
    closed: list[bool] = []

    def script(connection: Connection) -> None:
        all_but_the_last_byte(connection)
        closed.append(connection.wait_closed())

    def refuse(_: float) -> None:
        raise errors.UnavailableError("The delete failed.", status=503, retry_after=1)

    with Wire(script, **tls) as server:
        with pytest.raises(errors.UnavailableError, match=r"The delete failed\."):
            build(connect(server), before_last_byte=refuse)
        until(lambda: bool(closed))
    assert closed == [True]
    assert server.connections == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (409, errors.ConflictError),
        (413, errors.InvalidRequestError),
        (401, errors.AuthenticationError),
        (500, errors.UnavailableError),
        (200, errors.ProtocolError),
    ],
)
def test_an_early_response_is_read_before_the_callback(connect, tls, status, kind):
    """The server refused the build, so the callback must not delete anything for it."""

    def script(connection: Connection) -> None:
        size = int(connection.head().headers["content-length"])
        connection.send(answer(status, {"error": "no"}))
        connection.read(size - 1)
        connection.wait_closed()

    with Wire(script, **tls) as server, pytest.raises(kind) as caught:
        build(connect(server), LARGE, before_last_byte=lambda _: pytest.fail("called"))
    assert type(caught.value) is kind
    assert server.connections == 1
    assert status in (200, caught.value.status)


def test_a_server_that_closes_before_the_callback_gets_the_request_again(connect, tls):
    """Nothing is deleted before any attempt; the last one raises the error of a lost connection."""

    def script(connection: Connection) -> None:
        size = int(connection.head().headers["content-length"])
        # The plain class's method, because that of an SSLSocket also drops TLS.
        socket.socket.shutdown(connection.socket, socket.SHUT_WR)
        connection.read(size - 1)

    with Wire(script, **tls) as server, pytest.raises(errors.StreamLostError) as caught:
        build(connect(server, timing=Timing(attempts=3)), LARGE, before_last_byte=lambda _: pytest.fail("called"))
    assert caught.value.sent is False
    assert server.connections == 3


def test_a_server_that_closes_during_the_callback_gets_the_request_again(connect, tls):
    """It never got the last byte, so it builds nothing. The callback is called again."""
    called: list[float] = []
    gone = threading.Event()

    def hang_up(connection: Connection) -> None:
        all_but_the_last_byte(connection)
        until(lambda: bool(called))
        connection.socket.close()
        gone.set()

    def callback(seconds: float) -> None:
        called.append(seconds)
        assert gone.wait(20)

    with Wire(hang_up, streams(RESULT), **tls) as server:
        assert build(connect(server), before_last_byte=callback)[0].id == "record-1"
    assert len(called) == 2


def test_content_that_changed_is_found_before_the_callback(connect):
    """The hash is checked while the request is held."""

    def script(connection: Connection) -> None:
        connection.head()
        connection.wait_closed()

    changed = Body((BODY[:20], BODY[20:]), fails=errors.ContentChangedError("A file changed."))
    with Wire(script) as server, pytest.raises(errors.ContentChangedError):
        build(connect(server), changed, before_last_byte=lambda _: pytest.fail("called"))


def test_holding_a_request_is_fast(connect):
    """It doesn't make a swap slower."""
    begun = time.monotonic()
    with Wire(streams(RESULT)) as server:
        build(connect(server), before_last_byte=lambda _: None)
    assert time.monotonic() - begun < 5


class Source:
    """A body that counts how often it is read, and can fail."""

    def __init__(self, size: int) -> None:
        self.reads = 0
        self.error: Exception | None = None
        self.name, self.size, self.content_hash = "tools", size, "ab" * 32

    def __iter__(self) -> Iterator[bytes]:
        self.reads += 1
        for start in range(0, self.size, 1_000_000):
            yield bytes([start // 1_000_000 % 251]) * min(1_000_000, self.size - start)
            if self.error:
                raise self.error


@pytest.mark.parametrize("size", [0, 10, 3_000_000, IN_MEMORY + 3_000_000])
def test_a_spooled_body_is_read_once_and_can_be_sent_again(size):
    """The files may change after the first time: the bytes come from memory or from a temporary file."""
    source = Source(size)
    expected = b"".join(source)
    source.reads = 0
    with SpooledBody(source) as body:
        assert b"".join(body) == expected
        source.error = errors.ContentChangedError("A file changed.")
        assert b"".join(body) == expected
        assert b"".join(body) == expected
        assert (body.name, body.size, body.content_hash) == (source.name, source.size, source.content_hash)
    assert source.reads == 1


def test_an_incomplete_body_is_read_again():
    """This holds if reading stopped halfway, and if the content changed meanwhile."""
    source = Source(3_000_000)
    with SpooledBody(source) as body:
        next(iter(body))
        source.error = errors.ContentChangedError("A file changed.")
        with pytest.raises(errors.ContentChangedError):
            b"".join(body)
        source.error = None
        assert b"".join(body) == b"".join(source)


def test_the_spool_file_is_private_and_has_no_name(tmp_path, monkeypatch):
    """No other user can read it, and nothing of it is left behind."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    modes = []
    real = os.open

    def opened(path: str, flags: int, mode: int = 0o777, **more: int) -> int:
        if str(path).startswith(str(tmp_path)):
            modes.append(mode)
        return real(path, flags, mode, **more)

    monkeypatch.setattr(os, "open", opened)
    with SpooledBody(Source(IN_MEMORY + 1)) as body:
        b"".join(body)
        assert list(tmp_path.iterdir()) == []
    assert modes
    assert set(modes) == {0o600}


def test_a_full_disk_is_an_error_with_advice(monkeypatch, tmp_path):
    """The error names the setting of the folder. The request was not sent completely."""
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no full device")
    monkeypatch.setattr("tempfile.TemporaryFile", lambda *_, **__: full.open("r+b", buffering=0))
    with (
        SpooledBody(Source(IN_MEMORY + 2_000_000)) as body,
        pytest.raises(errors.LocalFileError, match=r"No space left on device.*TMPDIR"),
    ):
        b"".join(body)


def test_a_spooled_body_is_sent_again_after_a_broken_upload(connect):
    """A retry after the callback does not need the files any more."""
    source = Source(3_000_000)
    called: list[float] = []
    gone = threading.Event()

    def hang_up(connection: Connection) -> None:
        all_but_the_last_byte(connection)
        until(lambda: bool(called))
        connection.socket.close()
        gone.set()

    def callback(seconds: float) -> None:
        called.append(seconds)
        source.error = errors.ContentChangedError("A file changed.")
        assert gone.wait(20)

    with Wire(hang_up, streams(RESULT)) as server, SpooledBody(source) as body:
        build(connect(server), body, before_last_byte=callback)
    assert source.reads == 1
    assert len(server.requests[1].body) == 3_000_000
