"""The stream's guard: a build survives the process that requested it, and nothing else is kept open."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import ssl
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

import wire
from pulumi_opencomputer import errors
from pulumi_opencomputer.api.client import Client
from pulumi_opencomputer.api.stream_guard import Guard, GuardProcess
from wire import (
    BODY,
    Body,
    Clock,
    Connection,
    Wire,
    answer,
    build,
    connecting,
    event,
    head,
    log,
    record,
    streams,
    until,
)

pytestmark = [pytest.mark.long, pytest.mark.skipif(os.name != "posix", reason="a guard needs POSIX processes")]

RESULT = event("result", record())
PROVIDER = textwrap.dedent("""
    import sys
    from wire import KEY, build
    from pulumi_opencomputer.api.client import Client
    from pulumi_opencomputer.config import Settings

    with Client(Settings(sys.argv[1], KEY)) as client:
        build(client, on_event=lambda _: print("building", flush=True))
""")


@pytest.fixture
def connect() -> Iterator[Callable[..., Client]]:
    with connecting(Clock()) as make:
        yield make


@pytest.fixture(params=["plain", "tls"])
def tls(request, tmp_path, monkeypatch) -> dict[str, ssl.SSLContext]:
    """Return the server's options for each kind of connection; the client trusts its certificate."""
    if request.param == "plain":
        return {}
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return {"tls": context}


class Provider:
    """A process that runs a build, in its own session, as the engine starts it."""

    def __init__(self, url: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROVIDER, url],
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(Path(wire.__file__).parent)},
            start_new_session=True,
        )

    def wait_for_log(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"building\n"

    def kill(self, number: int) -> None:
        """Kill the process group, and wait until the last process that holds its output is gone."""
        os.killpg(self.process.pid, number)
        assert self.process.stdout is not None
        self.process.stdout.read()
        self.process.stdout.close()
        self.process.wait()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_build_survives_its_killed_provider(tls, number):
    """The connection of a killed provider stays open, and is read until the server ends the stream."""
    killed, checked = threading.Event(), threading.Event()
    found: list[bool] = []

    def script(connection: Connection) -> None:
        connection.open_stream()
        connection.send(log(1, "run", "Step 1/1: sleep"))
        killed.wait(20)
        # This is more than the buffers of the sockets hold, so it only arrives if somebody reads it.
        connection.send(b": keepalive\n\n" * 2_000_000)
        found.append(connection.is_open())
        checked.set()

    with Wire(script, **tls) as server:
        provider = Provider(server.url)
        provider.wait_for_log()
        provider.kill(number)
        killed.set()
        assert checked.wait(20)
    assert found == [True]


def test_a_provider_killed_before_the_response_has_a_guard_too():
    """The guard is attached before the last byte is sent, not only when the server responds."""
    arrived, killed = threading.Event(), threading.Event()
    found: list[bool] = []

    def script(connection: Connection) -> None:
        connection.request()
        arrived.set()
        killed.wait(20)
        connection.send(head(200, "text/event-stream"))
        found.append(connection.is_open())

    with Wire(script) as server:
        provider = Provider(server.url)
        assert arrived.wait(20)
        provider.kill(signal.SIGKILL)
        killed.set()
    assert found == [True]


def closing(*parts: bytes) -> tuple[Callable[[Connection], None], list[bool]]:
    """Return a script that records whether the client closes after the parts, and the record."""
    closed: list[bool] = []

    def script(connection: Connection) -> None:
        connection.request()
        connection.send(*parts)
        closed.append(connection.wait_closed())

    return script, closed


@pytest.mark.parametrize(
    "parts",
    [
        (head(200, "text/event-stream"), RESULT),
        (head(200, "text/event-stream"), event("error", {"error": "image build failed"})),
        (head(200, "text/event-stream"), event("result", record(name="other"))),
        (answer(409, {"error": "snapshot name already exists"}),),
        (answer(200, b"<html>", kind="text/html"),),
        (b"SSH-2.0-OpenSSH\r\n\r\n",),
    ],
    ids=["result", "error", "wrong record", "refusal", "no stream", "no HTTP"],
)
def test_a_finished_call_leaves_no_connection_open(connect, tls, parts):
    """Once there is nothing more to build, the server sees the connection close."""
    script, closed = closing(*parts)
    with Wire(script, **tls) as server, contextlib.suppress(errors.APIError):
        build(connect(server))
    assert closed == [True]


class StopError(Exception):
    """Raised by a callback."""


def stop(*_: object) -> None:
    raise StopError


def test_a_build_continues_when_its_caller_stops(connect, tls):
    """After a time limit or an interrupt in this process, the guard keeps the connection."""
    given_up, checked = threading.Event(), threading.Event()
    found: list[bool] = []

    def script(connection: Connection) -> None:
        connection.open_stream()
        connection.send(log(1, "run", "Step 1/1: sleep"))
        given_up.wait(20)
        connection.send(b": keepalive\n\n" * 2_000_000)
        found.append(connection.is_open())
        checked.set()

    with Wire(script, **tls) as server:
        with pytest.raises(StopError):
            build(connect(server), on_event=stop)
        given_up.set()
        assert checked.wait(20)
    assert found == [True]


def test_without_a_guard_a_build_still_works(connect, monkeypatch):
    """If no process can be started, builds run without a guard."""
    guards: list[Guard] = []

    def unstartable() -> Guard:
        guards.append(Guard(GuardProcess()))
        return guards[-1]

    monkeypatch.setattr("pulumi_opencomputer.api.build_call.Guard", unstartable)
    for executable in ("/nowhere/python", "/bin/false", "", None):
        monkeypatch.setattr(sys, "executable", executable)
        with Wire(streams(RESULT)) as server:
            assert build(connect(server))[0].name == "tools"
    assert [guard.attached for guard in guards] == [False] * 4


def test_an_interpreter_that_hangs_delays_only_one_build(connect, monkeypatch, tmp_path):
    """Starting the guard has a time limit; after it was exceeded, later builds don't wait."""
    hanging = tmp_path / "python"
    hanging.write_text("#!/bin/sh\nexec sleep 600\n")
    hanging.chmod(0o755)
    process = GuardProcess(start=0.5)
    monkeypatch.setattr(sys, "executable", str(hanging))
    monkeypatch.setattr("pulumi_opencomputer.api.build_call.Guard", lambda: Guard(process))
    begun = time.monotonic()
    with Wire(streams(RESULT)) as server:
        for _ in range(10):
            assert build(connect(server))[0].name == "tools"
    assert 0.5 < time.monotonic() - begun < 4


@pytest.mark.parametrize(("silence", "limit"), [(0.2, 60.0), (60.0, 0.2)])
def test_a_guard_ends_after_silence_or_its_time_limit(silence, limit):
    """A guard whose client is gone ends if the server is silent for too long, or after the longest time of a build."""
    near, far = socket.socketpair()
    with near, far:
        process = GuardProcess(silence=silence, limit=limit)
        guard = Guard(process)
        guard.attach(near)
        assert guard.attached
        guard.leave()
        near.close()
        far.settimeout(20)
        begun = time.monotonic()
        assert far.recv(1) == b""
        assert time.monotonic() - begun < 10
        process.close()


def test_a_dismissed_guard_closes_the_connection():
    """Once it is dismissed, its copy of the socket is closed at once."""
    near, far = socket.socketpair()
    with near, far:
        guard = Guard()
        guard.attach(near)
        guard.dismiss()
        guard.dismiss()
        assert not guard.attached
        near.close()
        far.settimeout(20)
        assert far.recv(1) == b""


def test_a_guard_keeps_no_other_connections_open():
    """Its process inherits no other socket, not even an inheritable one."""
    near, far = socket.socketpair()
    other_near, other_far = socket.socketpair()
    other_near.set_inheritable(True)
    with near, far, other_near, other_far:
        process = GuardProcess()
        guard = Guard(process)
        guard.attach(near)
        assert guard.attached
        other_near.close()
        other_far.settimeout(20)
        assert other_far.recv(1) == b""
        guard.dismiss()
        process.close()


def test_a_guard_that_was_killed_is_started_again(tmp_path, monkeypatch):
    """The next stream gets a new process."""
    record = tmp_path / "processes"
    program = tmp_path / "guard_process.py"
    program.write_text(
        f"import os, sys\nif not os.fork():\n open({str(record)!r}, 'a').write(f'{{os.getpid()}}\\n')\n"
        " import time\n time.sleep(60)\n"
    )
    monkeypatch.setattr("pulumi_opencomputer.api.stream_guard._PROGRAM", program)
    process = GuardProcess()
    near, far = socket.socketpair()
    with near, far:
        assert process.take(near)
        until(lambda: record.exists() and record.read_text().endswith("\n"))
        os.kill(int(record.read_text()), signal.SIGKILL)
        monkeypatch.undo()
        until(lambda: process.take(near) is not None)
    process.close()


def test_streams_that_were_not_dismissed_survive_their_process():
    """The guard reads them until the server closes them, and then ends."""
    near, far = socket.socketpair()
    with near, far:
        process = GuardProcess()
        dismissed, kept = Guard(process), Guard(process)
        second_near, second_far = socket.socketpair()
        with second_near, second_far:
            dismissed.attach(second_near)
            kept.attach(near)
            dismissed.dismiss()
            second_near.close()
            second_far.settimeout(20)
            assert second_far.recv(1) == b""
        process.close()
        near.close()
        far.settimeout(20)
        far.sendall(b"x" * 3_000_000)
        far.shutdown(socket.SHUT_WR)
        assert far.recv(1) == b""


def test_many_guards_do_not_keep_each_others_connections_open(connect):
    """With simultaneous builds, each connection is closed when its own build ends."""
    script, closed = closing(head(200, "text/event-stream"), RESULT)
    with Wire(script) as server:
        client = connect(server)
        threads = [threading.Thread(target=build, args=(client,)) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        until(lambda: len(closed) == 16)
    assert closed == [True] * 16


def test_a_certificate_of_an_unknown_authority_is_an_error(connect, tmp_path):
    """TLS certificates are verified; the error says how to set one's own authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with (
        Wire(streams(RESULT), tls=context) as server,
        pytest.raises(errors.UnavailableError, match="SSL_CERT_FILE"),
    ):
        connect(server).list_images()
    assert server.requests == []
    # Repeating the request would not help.
    assert server.connections == 1


@pytest.mark.parametrize("status", [401, 413])
def test_an_early_response_is_read_over_tls_too(connect, tls, status):
    """A refusal during the upload is reported as such."""

    def refuse(connection: Connection) -> None:
        connection.head()
        connection.send(answer(status, {"error": "no"}))

    with Wire(refuse, **tls) as server, pytest.raises(errors.APIError) as caught:
        build(connect(server), Body((BODY[:10], b"x" * 30_000_000, BODY[10:])))
    assert caught.value.status == status
