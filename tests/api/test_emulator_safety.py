"""Safety of an emulator on a laptop: who may change it, who may read its files, and how much data it accepts."""

from __future__ import annotations

import http.client
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from emulator_client import call, create, manifest
from emulator_process import Emulator, wait_until
from pulumi_opencomputer.emulator.access import Keys
from pulumi_opencomputer.emulator.guard import Guard

MB = 1024 * 1024
CHANGES = [
    ("DELETE", "requests"), ("DELETE", "records"), ("PATCH", "records"), ("DELETE", "checkpoints/x"), ("POST", "clock"),
    ("DELETE", "checkpoints/x/bytes"), ("POST", "edge"), ("POST", "faults"), ("PUT", "faults"), ("DELETE", "faults"),
    ("POST", "reset"),
]  # fmt: skip
READS = ["requests", "builds", "records", "clock", "faults", "page/page.js"]


def ask(emulator: Emulator, method: str, path: str, **headers: str) -> httpx.Response:
    return httpx.request(method, emulator.url + path, headers=headers, json={}, trust_env=False, verify=False)


@pytest.mark.parametrize(("method", "path"), CHANGES)
@pytest.mark.parametrize("headers", [{}, {"X-API-Key": "wrong"}], ids=["no key", "a wrong key"])
def test_changing_the_emulator_needs_its_key(emulator, method, path, headers):
    create(emulator, "a", manifest("x"))
    response = ask(emulator, method, f"/_emulator/{path}", **headers)
    assert response.status_code == 401
    assert "X-API-Key" in response.json()["error"]
    assert len(emulator.records()) == 2


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example", "", "192.0.2.1"]
)
def test_a_host_name_other_than_loopback_is_refused_even_with_the_key(emulator, host):
    for method, path in [*CHANGES, *(("GET", path) for path in READS)]:
        response = ask(emulator, method, f"/_emulator/{path}", **emulator.headers, Host=host)
        assert response.status_code == 403, path
        assert "--allowed-host" in response.json()["error"]


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:1", "127.0.0.1", "127.8.9.1:99", "[::1]", "[::1]:80", "LOCALHOST"]
)
def test_loopback_is_allowed_by_any_of_its_names(emulator, host):
    for path in READS:
        assert ask(emulator, "GET", f"/_emulator/{path}", Host=host).status_code == 200


def test_a_host_name_can_be_allowed(start_emulator):
    emulator = start_emulator(allowed_host="opencomputer")
    assert ask(emulator, "GET", "/_emulator/records", Host="opencomputer:8080").status_code == 200
    assert ask(emulator, "GET", "/_emulator/records", Host="other").status_code == 403


def test_0_0_0_0_is_refused_as_a_host_name(start_emulator):
    emulator = start_emulator(host="0.0.0.0")
    emulator.url = emulator.url.replace("0.0.0.0", "127.0.0.1")
    assert ask(emulator, "GET", "/_emulator/records", Host="0.0.0.0").status_code == 403
    assert ask(emulator, "GET", "/_emulator/records", Host="127.0.0.1").status_code == 200


def test_health_has_the_version_and_counts(emulator):
    create(emulator, "a", manifest("x"))
    call(emulator, "POST", "/api/sandboxes", json={"snapshot": "a"})
    health = ask(emulator, "GET", "/health").json()
    assert (health["status"], health["edge"]) == ("ok", False)
    assert health["version"]
    assert health["counts"] == {
        "snapshots": 1, "images": 1, "sandboxes": 1, "builds": 1, "runningBuilds": 0, "requests": 2, "faults": 0,
    }  # fmt: skip


def test_requests_for_the_emulator_itself_are_not_listed(emulator):
    emulator.forget_requests()
    ask(emulator, "GET", "/health")
    emulator.records()
    assert emulator.requests() == []


def test_other_users_cannot_read_its_files(start_emulator, tmp_path):
    emulator = start_emulator(edge=True)
    create(emulator, "a", manifest("secret"))
    files = list((emulator.log_path.parent / "data").iterdir())
    assert {file.name for file in files} >= {"records.sqlite", "index.sqlite"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_files_that_others_could_read_become_private(start_emulator):
    emulator = start_emulator()
    emulator.kill()
    database = emulator.log_path.parent / "data" / "records.sqlite"
    database.chmod(0o644)
    emulator.restart()
    assert stat.S_IMODE(database.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "where and set"),
        ({"where": {"name": "a"}, "set": {"nonsense": 1}}, "nonsense"),
        ({"where": {"x": "a"}, "set": {"status": "ready"}}, "x"),
        ([], ""),
    ],
)
def test_an_invalid_change_of_records_is_refused(emulator, body, says):
    response = call(emulator, "PATCH", "/_emulator/records", json=body)
    assert response.status_code == 400
    assert says in response.json()["error"]


def test_records_can_be_changed(emulator):
    create(emulator, "a", manifest("x"))
    before = emulator.get("/api/snapshots/a")
    emulator.change({"name": "a"}, status="building", age=3600, checkpointId=None)
    after = emulator.get("/api/snapshots/a")
    assert (after["status"], "checkpointId" in after) == ("building", False)
    assert after["createdAt"] < before["createdAt"]


@pytest.mark.parametrize("body", [{"advance": -1}, {"advance": "1"}, {"skew": None}, [1]])
def test_an_invalid_time_is_refused(emulator, body):
    assert call(emulator, "POST", "/_emulator/clock", json=body).status_code == 400


def test_a_missing_edge_cannot_be_changed(emulator):
    response = call(emulator, "POST", "/_emulator/edge", json={"lag": [0, 1]})
    assert (response.status_code, "--edge" in response.json()["error"]) == (404, True)


# Bodies


def send_large(emulator: Emulator, size: int, *, chunked: bool) -> tuple[int, int]:
    """Create a snapshot with a file of so many MB of base64; return the status and the response's size."""
    pieces = large_body(size)
    total = sum(map(len, large_body(size)))
    connection = http.client.HTTPConnection("127.0.0.1", int(emulator.url.rpartition(":")[2]), timeout=120)
    headers = {**emulator.headers, "Content-Type": "application/json", "Accept": "text/event-stream"}
    if not chunked:
        headers["Content-Length"] = str(total)
    connection.request("POST", "/api/snapshots", pieces, headers, encode_chunked=chunked)
    response = connection.getresponse()
    received = 0
    while piece := response.read(MB):
        received += len(piece)
    connection.close()
    return response.status, received


def large_body(size: int) -> Iterator[bytes]:
    yield b'{"name":"a","image":{"steps":[{"type":"add_file","args":{"path":"/f","content":"'
    for _ in range(size):
        yield b"QUJD" * (MB // 4)
    yield b'"}}]}}'


def peak_memory(emulator: Emulator) -> int:
    """The largest memory that its process ever had, in MB."""
    lines = Path(f"/proc/{emulator.process.pid}/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024


@pytest.mark.parametrize("chunked", [False, True], ids=["with a length", "in chunks"])
def test_a_body_above_the_limit_is_a_413_and_takes_no_memory(start_emulator, chunked):
    emulator = start_emulator(max_body_mb=16)
    before = peak_memory(emulator)
    status, _ = send_large(emulator, 200, chunked=chunked)
    assert status == 413
    assert peak_memory(emulator) - before < 30
    assert emulator.records() == []


@pytest.mark.parametrize("size", [64, pytest.param(255, marks=pytest.mark.full)])
def test_a_large_body_takes_limited_memory(start_emulator, size):
    emulator = start_emulator()
    before = peak_memory(emulator)
    status, received = send_large(emulator, size, chunked=False)
    assert (status, received > size * MB) == (200, True)
    assert peak_memory(emulator) - before < size * 4


def test_bodies_that_are_still_arriving_are_kept_on_disk(start_emulator):
    emulator = start_emulator()
    before = peak_memory(emulator)
    connections: list[Any] = []
    for _ in range(8):
        connection = http.client.HTTPConnection("127.0.0.1", int(emulator.url.rpartition(":")[2]), timeout=120)
        connection.putrequest("POST", "/api/snapshots")
        for name, value in {**emulator.headers, "Content-Length": str(64 * MB)}.items():
            connection.putheader(name, value)
        connection.endheaders()
        for _ in range(20):
            connection.send(b"x" * MB)
        connections.append(connection)
    wait_until(lambda: len(emulator.requests()) == 8)
    assert peak_memory(emulator) - before < 40
    for connection in connections:
        connection.close()


def test_requests_for_the_emulator_itself_may_only_have_small_bodies(emulator):
    assert call(emulator, "POST", "/_emulator/faults", content=b" " * (2 * MB)).status_code == 413


@pytest.mark.parametrize(
    ("client", "method", "path", "key", "status"),
    [
        ("192.0.2.7", "GET", "/_emulator/events", "", 401),
        ("192.0.2.7", "GET", "/_emulator/records", "wrong", 401),
        ("192.0.2.7", "GET", "/_emulator/records", "key", None),
        ("192.0.2.7", "GET", "/health", "", None),
        ("192.0.2.7", "GET", "/", "", None),
        ("192.0.2.7", "GET", "/_emulator/page/page.js", "", None),
        ("192.0.2.7", "GET", "/healthy", "", 401),
        ("::1", "GET", "/_emulator/events", "", None),
        ("127.0.0.1", "POST", "/_emulator/reset", "", 401),
        (None, "GET", "/_emulator/events", "", 401),
    ],
)
def test_reading_from_another_machine_needs_the_key(client, method, path, key, status):
    """Exceptions are the counts, and the page itself, which asks for the key."""
    guard = Guard(Keys(["key"]), [])
    headers = [(b"host", b"localhost:8080"), (b"x-api-key", key.encode())]
    scope = {"method": method, "path": path, "headers": headers, "client": client and (client, 1)}
    refusal = guard.refusal(scope)
    assert (refusal.status_code if refusal else None) == status
