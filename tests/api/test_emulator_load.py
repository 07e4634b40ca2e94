"""The emulator with many simultaneous clients."""

from __future__ import annotations

import resource
import selectors
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from emulator_client import STREAM, manifest, open_post
from emulator_process import DEADLINE, Emulator, wait_until

pytestmark = pytest.mark.long

STREAMS = 1000


@pytest.fixture
def many_files() -> Iterator[None]:
    """Raise the limit on open files to what the test itself needs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < STREAMS + 200:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, STREAMS + 1000), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def read_all(connections: list[socket.socket]) -> list[bytes]:
    """What each connection receives up to the end of its response."""
    said = dict.fromkeys(connections, b"")
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection, selectors.EVENT_READ, connection)
        while selector.get_map():
            ready = selector.select(DEADLINE)
            assert ready, f"{len(selector.get_map())} streams are silent"
            for key, _ in ready:
                connection = key.data
                data = connection.recv(1 << 16)
                said[connection] += data
                if not data or said[connection].endswith(b"0\r\n\r\n"):
                    selector.unregister(connection)
    return list(said.values())


@pytest.mark.usefixtures("many_files")
def test_a_thousand_builds_stream_simultaneously(start_emulator):
    """All are open before the first one ends, each ends with its own record, and other requests work meanwhile."""
    emulator: Emulator = start_emulator()
    with ExitStack() as stack:
        connections = [
            stack.enter_context(
                open_post(
                    emulator,
                    "/api/snapshots",
                    {"name": f"n{number}", "image": manifest(f"{number} SLEEP_BUILD_250")},
                    accept=STREAM["Accept"],
                )
            )
            for number in range(STREAMS)
        ]
        wait_until(lambda: emulator.get("/health")["counts"]["runningBuilds"] == STREAMS)
        assert emulator.snapshots() == []
        emulator.advance(250)
        answers = read_all(connections)
    for number, answer in enumerate(answers):
        assert f'"name":"n{number}"'.encode() in answer.partition(b"event: result")[2]
    assert len(emulator.records()) == 2 * STREAMS


def test_the_limit_of_open_files_is_raised(tmp_path):
    """Some systems, such as macOS, allow a process few open files until it asks for more."""
    program = (
        "import resource, sys\n"
        "hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))\n"
        "from pulumi_opencomputer.emulator.server import allow_many_connections\n"
        "allow_many_connections()\n"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= min(hard, 16384))\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "True"
