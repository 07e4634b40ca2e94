"""The control plane's own responses: patches, checkpoints, organisations, its clock and its router."""

from __future__ import annotations

import json
import socket
import time
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from emulator_client import STREAM, call, create, manifest, stream
from emulator_process import Emulator, wait_until
from pulumi_opencomputer.content import content_hash

NOT_FOUND = {"message": "Not Found"}
PATCH = {"script": "echo hi", "description": "d"}


def answer(emulator: Emulator, method: str, path: str, **request: Any) -> tuple[int, Any]:
    response = call(emulator, method, path, **request)
    return response.status_code, response.json() if response.content else None


def as_other(emulator: Emulator, method: str, path: str, **request: Any) -> httpx.Response:
    """Make a request with the second key."""
    headers = {"X-API-Key": "second-key"}
    return httpx.request(method, emulator.url + path, headers=headers, trust_env=False, verify=False, **request)


# Router


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/elsewhere", (404, NOT_FOUND)),
        ("POST", "/elsewhere", (405, {"message": "Method Not Allowed"})),
        ("POST", "/", (405, {"message": "Method Not Allowed"})),
        ("POST", "/api/nothing", (404, NOT_FOUND)),
        ("PUT", "/api/snapshots/a", (404, NOT_FOUND)),
        ("GET", "/api/snapshots/a/b", (404, NOT_FOUND)),
        ("POST", "/api/snapshots/a/publish", (403, None)),
        ("POST", "/api/snapshots/a/unpublish", (403, None)),
    ],
)
def test_the_router_responds_to_unknown_paths_and_methods(emulator, method, path, expected):
    status, body = answer(emulator, method, path)
    assert status == expected[0]
    assert expected[1] is None or body == expected[1]


# Patches


def test_patches_are_added_listed_and_removed(emulator):
    made = create(emulator, "a", manifest("x")).json()
    status, body = answer(emulator, "POST", "/api/snapshots/a/patches", json=PATCH)
    patch = body["patch"]
    assert status == 201
    assert {key: patch[key] for key in ("checkpointId", "sequence", "script", "description")} == {
        "checkpointId": made["checkpointId"], "sequence": 1, **PATCH,
    }  # fmt: skip
    assert answer(emulator, "GET", "/api/snapshots/a/patches") == (200, [patch])
    assert answer(emulator, "DELETE", f"/api/snapshots/a/patches/{patch['id']}") == (204, None)
    assert answer(emulator, "GET", "/api/snapshots/a/patches") == (200, [])


def test_snapshots_of_one_content_share_patches_and_a_replacement_loses_them(emulator):
    for name in "ab":
        create(emulator, name, manifest("x"))
    call(emulator, "POST", "/api/snapshots/a/patches", json=PATCH)
    assert len(emulator.get("/api/snapshots/b/patches")) == 1
    call(emulator, "DELETE", "/api/snapshots/a")
    create(emulator, "a", manifest("y"))
    assert emulator.get("/api/snapshots/a/patches") == []


@pytest.mark.parametrize(
    ("method", "path", "status", "error"),
    [
        ("GET", "none/patches", 404, 'snapshot "none" not found'),
        ("GET", "building/patches", 404, 'snapshot "building" has no checkpoint'),
        ("POST", "none/patches", 404, 'snapshot "none" not found'),
        ("DELETE", "ready/patches/nonsense", 400, "invalid patch ID"),
        ("DELETE", "ready/patches/00000000-0000-0000-0000-000000000000", 404, "patch not found"),
        ("POST", "ready/patches", 400, "script is required"),
    ],
)
def test_invalid_requests_for_patches_are_refused(emulator, method, path, status, error):
    create(emulator, "ready", manifest("x"))
    create(emulator, "building", manifest("SLEEP_BUILD_250"), query="?async=1")
    assert answer(emulator, method, f"/api/snapshots/{path}", json={}) == (status, {"error": error})


def test_patches_of_an_unnamed_image_are_found_by_its_records_id(emulator):
    create(emulator, "a", manifest("x"))
    named, unnamed = emulator.images()
    for record in (named, unnamed):
        assert answer(emulator, "GET", f"/api/images/{record['id']}/patches") == (200, [])
    assert answer(emulator, "GET", "/api/images/none/patches") == (404, {"error": 'image "none" not found'})


# Checkpoints


def test_ready_without_checkpoint_is_not_ready(emulator):
    made = create(emulator, "a", manifest("x")).json()
    emulator.delete_checkpoint(made["checkpointId"])
    named, unnamed = emulator.images()
    assert ("checkpointId" in named, named["status"], unnamed["status"]) == (False, "ready", "ready")
    assert answer(emulator, "GET", "/api/snapshots/a/patches")[0] == 404
    assert call(emulator, "POST", "/api/sandboxes", json={"snapshot": "a"}).status_code == 400


def test_content_whose_checkpoint_was_deleted_is_never_cached_again(emulator):
    made = create(emulator, "a", manifest("x")).json()
    emulator.delete_checkpoint(made["checkpointId"])
    for name in "bc":
        assert "Creating checkpoint" in create(emulator, name, manifest("x"), **STREAM).text
    assert [("checkpointId" in record) for record in emulator.images()] == [True, True, False, False]


# Organisations


@pytest.fixture
def two(start_emulator: Any) -> Emulator:
    emulator: Emulator = start_emulator(
        more_arguments=["--api-key", "test-key-of-the-emulator", "--api-key", "second-key"]
    )
    return emulator


def test_each_key_has_an_organisation_that_others_cannot_see(two):
    mine = create(two, "a", manifest("x")).json()
    assert as_other(two, "GET", "/api/images").json() == []
    for method, path in [
        ("GET", "/api/snapshots/a"),
        ("DELETE", "/api/snapshots/a"),
        ("GET", f"/api/images/{mine['id']}/patches"),
    ]:
        assert as_other(two, method, path).status_code == 404
    assert as_other(two, "POST", "/api/sandboxes", json={"snapshot": "a"}).status_code == 400
    theirs = as_other(two, "POST", "/api/snapshots", json={"name": "a", "image": manifest("x")})
    assert (theirs.status_code, theirs.json()["contentHash"]) == (201, mine["contentHash"])
    assert theirs.json()["orgId"] != mine["orgId"]
    assert len(two.builds()) == 2, "what one organisation built is not in the other's cache"
    assert {record["orgId"] for record in two.images()} == {mine["orgId"]}


def test_a_sandbox_belongs_to_its_organisation(two):
    sandbox = call(two, "POST", "/api/sandboxes", json={}).json()["sandboxID"]
    assert as_other(two, "DELETE", f"/api/sandboxes/{sandbox}").status_code == 404
    assert call(two, "DELETE", f"/api/sandboxes/{sandbox}").status_code == 204


# Whole numbers


@pytest.mark.parametrize(
    ("number", "status"),
    [("2048", 201), ("2048.0", 500), ("2e3", 500), ("2048.5", 500), ('"2048"', 500), ("true", 500)],
)
@pytest.mark.parametrize("name", ["builderMemoryMB", "runtimeMemoryMB"])
def test_a_memory_size_must_be_a_whole_json_integer(emulator, name, number, status):
    body = b'{"name":"a","image":{"%s":%s}}' % (name.encode(), number.encode())
    response = call(emulator, "POST", "/api/snapshots", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == status


# The clock


@pytest.mark.parametrize("skew", [-86_400, 0, 1200])
def test_the_date_header_and_the_records_have_the_servers_time(emulator, skew):
    emulator.skew(skew)
    response = create(emulator, "a", manifest("x"))
    date = parsedate_to_datetime(response.headers["Date"]).timestamp()
    assert abs(date - time.time() - skew) < 5
    assert response.json()["createdAt"][:13] == time.strftime("%Y-%m-%dT%H", time.gmtime(date))
    assert len(response.headers.get_list("Date")) == 1


def test_advancing_the_clock_ends_a_wait(start_emulator):
    emulator = start_emulator(wait_seconds=120)
    emulator.fail({"kind": "build", "outcome": "blocked"})
    create(emulator, "a", manifest("x"), query="?async=1")
    wait_until(emulator.builds)
    emulator.advance(119)
    assert emulator.get("/api/snapshots/a")["status"] == "building"
    emulator.advance(2)
    wait_until(lambda: emulator.get("/api/snapshots/a")["status"] == "failed")


def test_a_command_may_run_300_seconds(emulator):
    create(emulator, "a", manifest("SLEEP_BUILD_301"), query="?async=1")
    wait_until(emulator.builds)
    emulator.advance(301)
    wait_until(lambda: emulator.get("/api/snapshots/a")["status"] == "failed")


# Handling of a POST


def post_all_but_the_last_byte(emulator: Emulator, name: str, image: Any) -> tuple[socket.socket, bytes]:
    body = json.dumps({"name": name, "image": image}).encode()
    host, port = emulator.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), 30)
    head = (
        f"POST /api/snapshots HTTP/1.1\r\nHost: x\r\nX-API-Key: {emulator.api_key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    connection.sendall(head.encode() + body[:-1])
    return connection, body[-1:]


@pytest.mark.parametrize("options", [{}, {"edge": True}], ids=["control plane", "edge"])
def test_a_post_reads_its_whole_body_before_it_checks_the_name(start_emulator, options):
    emulator = start_emulator(**options)
    create(emulator, "a", manifest("x"))
    connection, last = post_all_but_the_last_byte(emulator, "a", manifest("y"))
    with connection:
        wait_until(lambda: {"method": "POST", "path": "/api/snapshots", "status": None} in emulator.requests())
        assert call(emulator, "DELETE", "/api/snapshots/a").status_code == 204
        connection.sendall(last)
        assert connection.recv(12) == b"HTTP/1.1 201"
    assert emulator.records()[0]["content_hash"] == f"{content_hash(manifest('y'))}:named:a"


def test_a_large_body_takes_time_on_the_servers_clock(start_emulator):
    emulator = start_emulator(seconds_per_mb=100)
    body = {"name": "a", "image": manifest("x" * 1_000_000)}
    host, port = emulator.url.removeprefix("http://").split(":")
    raw = json.dumps(body).encode()
    with socket.create_connection((host, int(port)), 30) as connection:
        head = f"POST /api/snapshots HTTP/1.1\r\nHost: x\r\nX-API-Key: {emulator.api_key}\r\n"
        connection.sendall(f"{head}Content-Type: application/json\r\nContent-Length: {len(raw)}\r\n\r\n".encode() + raw)
        connection.settimeout(0.5)
        with pytest.raises(TimeoutError):
            connection.recv(12)
        emulator.advance(101)
        connection.settimeout(30)
        assert connection.recv(12) == b"HTTP/1.1 201"


def test_keepalives_follow_the_emulators_clock(start_emulator):
    emulator = start_emulator(keepalive_seconds=0.05)
    log = stream(emulator, "/api/snapshots", {"name": "a", "image": manifest("SLEEP_BUILD_0.3")})
    assert (": keepalive", None) in log
