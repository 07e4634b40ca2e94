"""The real server's traps in the emulator, and its behaviour with --ideal, which has none of them."""

from __future__ import annotations

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from emulator_client import STREAM, call, create, manifest, open_post, stream
from emulator_process import Emulator, wait_until
from pulumi_opencomputer.content.hashing import content_hash

pytestmark = pytest.mark.long

SLOW = manifest("SLEEP_BUILD_2")
HASH = content_hash(SLOW)
TIMED_OUT = f"timed out waiting for image build (hash={HASH[:12]})"
blocking = pytest.mark.emulator(wait_seconds=0.3)
ideal = pytest.mark.emulator(ideal=True)


def outcomes(emulator):
    return [build["outcome"] for build in emulator.builds()]


def unnamed(emulator):
    return [record["status"] for record in emulator.images() if "name" not in record]


def leave_in_mid_build(emulator, path="/api/snapshots", accept="*/*", *, half=False):
    """Start a build of SLOW, and disconnect once it runs."""
    with open_post(emulator, path, {"name": "gone", "image": SLOW}, accept=accept) as connection:
        wait_until(lambda: outcomes(emulator) == ["running"])
        if half:
            connection.shutdown(socket.SHUT_WR)
            wait_until(lambda: outcomes(emulator) != ["running"])


@blocking
@pytest.mark.parametrize("half", [False, True], ids=["close", "half-close"])
@pytest.mark.parametrize(
    ("path", "accept"),
    [
        ("/api/snapshots", "*/*"),
        ("/api/snapshots", "text/event-stream"),
        ("/api/sandboxes", "*/*"),
        ("/api/sandboxes", "text/event-stream"),
    ],
)
def test_a_client_that_leaves_blocks_the_content(emulator, path, accept, half):
    leave_in_mid_build(emulator, path, accept, half=half)
    wait_until(lambda: outcomes(emulator) == ["cancelled"])
    start = time.monotonic()
    response = create(emulator, "later", SLOW)
    assert (response.status_code, response.json()) == (500, {"error": f"image build failed: {TIMED_OUT}"})
    assert time.monotonic() - start >= 0.3
    assert unnamed(emulator) == ["building"]


@blocking
def test_blocked_content_fails_in_every_form_and_after_a_restart(emulator):
    leave_in_mid_build(emulator)
    wait_until(lambda: outcomes(emulator) == ["cancelled"])
    emulator.stop()
    emulator.restart()
    kind, answer = stream(emulator, "/api/snapshots", {"name": "s", "image": SLOW})[-1]
    assert (kind, answer["error"]) == ("error", f"image build failed: {TIMED_OUT}")
    response = call(emulator, "POST", "/api/sandboxes", json={"image": SLOW})
    assert (response.status_code, response.json()) == (400, {"error": TIMED_OUT})
    assert create(emulator, "a", SLOW, query="?async=1").status_code == 202
    wait_until(lambda: emulator.get("/api/snapshots/a")["status"] == "failed")


@blocking
def test_an_unknown_key_makes_blocked_content_buildable(emulator):
    leave_in_mid_build(emulator)
    wait_until(lambda: outcomes(emulator) == ["cancelled"])
    variant = {"base": "base", "steps": [{"type": "run", "args": {**SLOW["steps"][0]["args"], "rebuild": 1}}]}
    assert create(emulator, "a", variant).status_code == 201


@blocking
def test_an_async_build_survives_its_client(emulator):
    with open_post(emulator, "/api/snapshots?async=1", {"name": "a", "image": SLOW}) as connection:
        assert b" 202 " in connection.recv(1000)
    wait_until(lambda: emulator.get("/api/snapshots/a")["status"] == "ready")
    assert outcomes(emulator) == ["ready"]


@pytest.mark.emulator(wait_seconds=3.0)
def test_of_concurrent_creates_one_builds_and_the_others_time_out(emulator):
    with ThreadPoolExecutor(3) as pool:
        answers = [pool.submit(create, emulator, name, SLOW) for name in "abc"]
        statuses = sorted(answer.result().status_code for answer in answers)
    assert statuses == [201, 500, 500]
    assert outcomes(emulator) == ["ready"]
    assert stream(emulator, "/api/snapshots", {"name": "d", "image": SLOW})[0][1]["type"] == "cache_hit"


def test_after_a_failed_build_the_content_is_never_cached_again(tmp_path):
    with Emulator(tmp_path, no_workers=True) as emulator:
        assert create(emulator, "a", SLOW).status_code == 500
    with Emulator(tmp_path) as emulator:
        assert [create(emulator, name, SLOW).status_code for name in "ab"] == [201, 201]
        assert [record["status"] for record in emulator.snapshots()] == ["ready", "ready"]
        assert outcomes(emulator) == ["ready", "ready"]
        assert unnamed(emulator) == ["failed"]


def test_a_failed_async_record_keeps_its_name_until_it_is_deleted(emulator):
    create(emulator, "a", manifest("FAIL_BUILD"), query="?async=1")
    wait_until(lambda: emulator.get("/api/snapshots/a")["status"] == "failed")
    assert create(emulator, "a", manifest("x")).status_code == 409
    assert call(emulator, "DELETE", "/api/snapshots/a").status_code == 204
    assert create(emulator, "a", manifest("x")).status_code == 201


def test_a_record_deleted_during_its_build_does_not_come_back(emulator):
    create(emulator, "a", manifest("SLEEP_BUILD_0.5"), query="?async=1")
    wait_until(lambda: outcomes(emulator) == ["running"])
    assert call(emulator, "DELETE", "/api/snapshots/a").status_code == 204
    wait_until(lambda: outcomes(emulator) == ["ready"])
    assert emulator.snapshots() == []
    wait_until(lambda: unnamed(emulator) == ["ready"])


@pytest.mark.parametrize("accept", ["*/*", "text/event-stream"])
def test_the_loser_of_a_race_for_a_name_fails_after_its_build(emulator, accept):
    with ThreadPoolExecutor(1) as pool:
        loser = pool.submit(create, emulator, "name", manifest("SLEEP_BUILD_0.7"), Accept=accept)
        wait_until(lambda: outcomes(emulator) == ["running"])
        assert create(emulator, "name", manifest("quick")).status_code == 201
        response = loser.result()
    assert response.status_code == (200 if accept == STREAM["Accept"] else 500)
    assert "failed to save snapshot: " in response.text
    assert "duplicate key value violates unique constraint" in response.text
    assert outcomes(emulator) == ["ready", "ready"]


def test_a_name_in_the_manifest_overrides_the_requested_name(emulator):
    record = create(emulator, "asked", manifest("x", name="inner")).json()
    assert (record["name"], record["contentHash"]) == ("inner", content_hash(manifest("x")))
    assert [record["name"] for record in emulator.snapshots()] == ["inner"]


@pytest.mark.parametrize(
    ("name", "path", "status"),
    [
        ("a b", "a%20b", 200),
        ("$&+,:;=@~", "$&+,:;=@~", 200),
        ("a:b", "a%3Ab", 404),
        ("é", "%C3%A9", 200),
        ("é", "%c3%a9", 404),
        ("a%2Fb", "a%252Fb", 200),
        ("a/b", "a/b", 404),
        ("a/b", "a%2Fb", 404),
    ],
)
def test_a_name_is_found_under_only_one_percent_encoding(emulator, name, path, status):
    assert create(emulator, name, manifest("x")).status_code == 201
    # httpx would normalise the path.
    host, port = emulator.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        head = f"GET /api/snapshots/{path} HTTP/1.1\r\nHost: x\r\nX-API-Key: {emulator.api_key}\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(100).split()[1] == str(status).encode()


@pytest.mark.parametrize("name", ["a\0b", "x" * 2700])
@pytest.mark.parametrize("query", ["", "?async=1"])
def test_a_name_that_cannot_be_saved_is_a_500(emulator, name, query):
    assert create(emulator, name, manifest("x"), query=query).status_code == 500
    assert emulator.snapshots() == []


@pytest.mark.parametrize("text", [r'"\u0000"', r'"\ud800"', b'"\xff"'], ids=["NUL", "lone surrogate", "not UTF-8"])
def test_content_that_cannot_be_saved_is_built_first(emulator, text):
    text = text if isinstance(text, bytes) else text.encode()
    body = b'{"name":"a","image":{"steps":[{"type":"run","args":{"commands":[' + text + b"]}}]}}"
    response = call(
        emulator, "POST", "/api/snapshots", content=body, headers={"Content-Type": "application/json", **STREAM}
    )
    assert "Creating checkpoint" in response.text
    assert "failed to save snapshot: " in response.text
    assert outcomes(emulator) == ["ready"]
    assert emulator.images() == []


@pytest.mark.emulator(mirror_lag_seconds=1.0)
def test_a_mirror_lags_behind_creates_and_deletes(emulator):
    create(emulator, "a", manifest("x"))
    assert call(emulator, "GET", "/api/snapshots/a").status_code == 404
    assert create(emulator, "a", manifest("x")).status_code == 409
    wait_until(lambda: [record["name"] for record in emulator.snapshots()] == ["a"])
    call(emulator, "DELETE", "/api/snapshots/a")
    assert call(emulator, "GET", "/api/snapshots/a").status_code == 200
    wait_until(lambda: emulator.snapshots() == [])


# Without the traps


@ideal
def test_ideally_a_build_survives_its_client(emulator):
    leave_in_mid_build(emulator)
    assert create(emulator, "a", SLOW).status_code == 201
    assert outcomes(emulator) == ["ready"]


@ideal
def test_ideally_concurrent_creates_share_one_build(emulator):
    with ThreadPoolExecutor(3) as pool:
        answers = [pool.submit(create, emulator, name, SLOW) for name in "abc"]
        assert [answer.result().status_code for answer in answers] == [201, 201, 201]
    assert outcomes(emulator) == ["ready"]


@ideal
def test_ideally_a_failed_record_frees_its_name_and_invalid_requests_are_refused(emulator):
    create(emulator, "a", manifest("FAIL_BUILD"), query="?async=1")
    wait_until(lambda: emulator.get("/api/snapshots/a")["status"] == "failed")
    assert create(emulator, "a", manifest("x", name="inner")).json()["name"] == "a"
    for name in ("a/b", "..", "a\0", "x" * 2700):
        assert create(emulator, name, manifest("x")).status_code == 400
    assert create(emulator, "b", manifest("\0")).status_code == 400


@ideal
def test_ideally_an_interrupted_build_leaves_only_a_failed_named_record(emulator):
    create(emulator, "a", manifest("SLEEP_BUILD_20"), query="?async=1")
    wait_until(lambda: outcomes(emulator) == ["running"])
    emulator.kill()
    emulator.restart()
    assert [(record["name"], record["status"]) for record in emulator.images()] == [("a", "failed")]


def test_the_body_of_a_request_is_kept_complete(emulator):
    image = manifest("x", big=["y" * 100_000, {"é": 1}])
    assert json.loads(create(emulator, "a", image).content)["manifest"] == image


def test_ideally_a_later_build_replaces_a_failed_one(tmp_path):
    with Emulator(tmp_path, no_workers=True, ideal=True) as emulator:
        assert create(emulator, "a", SLOW).status_code == 500
    with Emulator(tmp_path, ideal=True) as emulator:
        assert [create(emulator, name, SLOW).status_code for name in "ab"] == [201, 201]
        assert outcomes(emulator) == ["ready"]
        assert unnamed(emulator) == ["ready"]
