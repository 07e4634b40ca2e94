"""The emulator's API: records, the three forms of create, errors, sandboxes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from emulator_client import STREAM, call, client, create, manifest, stream
from emulator_process import Emulator, wait_until
from pulumi_opencomputer.content.hashing import content_hash
from pulumi_opencomputer.emulator.go_decoding import parse_json

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "content_hash.json").read_text("utf-8"))["cases"]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,5}[1-9])?Z")


def test_a_stream_has_each_step_and_ends_with_the_record(emulator):
    image = {
        "base": "base",
        "steps": [
            {"type": "apt_install", "args": {"packages": ["curl", "git"]}},
            {"type": "run", "args": {"commands": ["a", "b"]}},
        ],
    }
    *log, (last, record) = stream(emulator, "/api/snapshots", {"name": "toolchain", "image": image})
    assert [name for name, _ in log] == ["build_log"] * 6
    assert [(entry["step"], entry["type"]) for _, entry in log] == [
        (0, "build"), (1, "apt_install"), (1, "apt_install"), (2, "run"), (2, "run"), (3, "checkpoint"),
    ]  # fmt: skip
    messages = [entry["message"] for _, entry in log]
    assert re.fullmatch(r"Building image with 2 steps \(sandbox=sb-build-[0-9a-f]{8}\)", messages[0])
    assert messages[1:] == [
        "Step 1/2: apt-get install curl git", "Step 1/2 completed", "Step 2/2: a && b", "Step 2/2 completed",
        "Creating checkpoint...",
    ]  # fmt: skip
    assert (last, record["name"], record["status"]) == ("result", "toolchain", "ready")


def test_one_content_gives_an_unnamed_record_and_a_named_one(emulator):
    record = create(emulator, "a", manifest("x")).json()
    named, unnamed = emulator.images()
    digest = content_hash(manifest("x"))
    assert named == record
    assert record["contentHash"] == f"{digest}:named:a"
    assert unnamed["contentHash"] == digest
    assert "name" not in unnamed
    assert record["checkpointId"] == unnamed["checkpointId"]
    assert emulator.snapshots() == [record]
    assert TIME.fullmatch(record["createdAt"])
    assert TIME.fullmatch(unnamed["lastUsedAt"])


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["case"])
def test_the_hash_is_that_of_the_server(emulator, vector):
    body = b'{"name":"v","image":' + vector["json"].encode() + b"}"
    with client(emulator) as http:
        http.post("/api/snapshots", content=body, headers={"Content-Type": "application/json"})
    assert vector["hash"] in [build["contentHash"] for build in emulator.builds()]


def test_the_second_create_of_a_content_comes_from_the_cache(emulator):
    create(emulator, "a", manifest("x"))
    (kind, entry), (last, record) = stream(emulator, "/api/snapshots", {"name": "b", "image": manifest("x", extra=1)})
    digest = content_hash(manifest("x"))
    assert (kind, entry["type"], entry["step"]) == ("build_log", "cache_hit", 0)
    assert entry["message"] == f"Image found in cache (hash={digest[:12]})"
    assert (last, record["name"]) == ("result", "b")
    assert len(emulator.builds()) == 1


def test_the_manifest_is_returned_complete_and_get_sorts_its_keys(emulator):
    image = manifest("<&> \u2028 é", zz=1, mark="m", steps=[{"type": "run", "args": {"commands": [], "b": 2.5}}])
    sent = create(emulator, "a", image)
    got = call(emulator, "GET", "/api/snapshots/a")
    assert sent.json()["manifest"] == got.json()["manifest"] == image
    assert list(sent.json()["manifest"]) == ["base", "steps", "zz", "mark"]
    assert list(got.json()["manifest"]) == ["zz", "base", "mark", "steps"]
    assert list(got.json()["manifest"]["steps"][0]) == ["args", "type"]


def test_lists_are_newest_first_and_have_records_of_any_status(emulator):
    for name in "abc":
        create(emulator, name, manifest("x"))
    create(emulator, "d", manifest("FAIL_BUILD"), query="?async=1")
    wait_until(lambda: emulator.get("/api/snapshots/d")["status"] == "failed")
    assert [record["name"] for record in emulator.snapshots()] == ["d", "c", "b", "a"]


def test_an_async_create_returns_at_once_and_can_be_polled(start_emulator):
    emulator = start_emulator(step_seconds=0.3)
    response = create(emulator, "a", manifest("x"), query="?async=1")
    assert response.status_code == 202
    assert response.json()["status"] == "building"
    assert "checkpointId" not in response.json()
    wait_until(lambda: emulator.get("/api/snapshots/a")["status"] == "ready")
    assert emulator.get("/api/snapshots/a")["checkpointId"]


def test_async_is_ignored_for_a_stream(emulator):
    response = create(emulator, "a", manifest("x"), query="?async=1", **STREAM)
    assert response.status_code == 200
    assert "event: result" in response.text


def test_a_stream_requires_the_exact_accept_header(emulator):
    response = create(emulator, "a", manifest("x"), Accept="text/event-stream, */*")
    assert (response.status_code, response.json()["name"]) == (201, "a")


@pytest.mark.parametrize("form", ["stream", "plain"])
def test_a_failed_build_leaves_only_an_unnamed_failed_record(emulator, form):
    image = {"steps": [*manifest("a")["steps"], *manifest("FAIL_BUILD " + "s" * 600)["steps"]]}
    if form == "stream":
        (kind, answer) = stream(emulator, "/api/snapshots", {"name": "f", "image": image})[-1]
        assert kind == "error"
    else:
        response = create(emulator, "f", image)
        answer = response.json()
        assert response.status_code == 500
    head = "image build failed: image build failed: step 1 (run) failed (exit 1): E: "
    assert answer["error"].startswith(head)
    assert len(answer["error"].removeprefix(head)) == 500 - len("E: ") + len("...")
    assert [(record.get("name"), record["status"]) for record in emulator.images()] == [(None, "failed")]


def test_descriptions_are_cut(emulator):
    log = stream(emulator, "/api/snapshots", {"name": "a", "image": manifest("x" * 300)})
    assert log[1][1]["message"] == "Step 1/1: " + "x" * 120 + "..."


def test_keepalives_are_sent_while_a_command_sleeps(start_emulator):
    emulator = start_emulator(keepalive_seconds=0.05)
    log = stream(emulator, "/api/snapshots", {"name": "a", "image": manifest("SLEEP_BUILD_0.4")})
    assert len([kind for kind, _ in log if kind == ": keepalive"]) >= 3
    assert log[-1][0] == "result"


def test_events_are_sent_when_they_happen(start_emulator):
    emulator = start_emulator()
    request = {"name": "a", "image": manifest("SLEEP_BUILD_20")}
    with client(emulator) as http, http.stream("POST", "/api/snapshots", json=request, headers=STREAM) as response:
        assert "Building image" in next(response.iter_text())


# Refusals


@pytest.mark.parametrize("headers", [{}, STREAM], ids=["plain", "stream"])
@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (b"{", 400, "invalid request body: "),
        (b"[]", 400, "invalid request body: "),
        (b'{"name": NaN}', 400, "invalid request body: "),
        (b'{"name": 5, "image": {}}', 400, "invalid request body: "),
        (b"", 400, "name is required"),
        (b'{"name": "", "image": {}}', 400, "name is required"),
        (b'{"name": "a"}', 400, "image is required"),
        (b'{"name": "taken", "image": {}}', 409, "snapshot name already exists"),
    ],
)
def test_a_bad_request_is_refused_in_plain_json(emulator, headers, body, status, error):
    create(emulator, "taken", manifest("x"))
    with client(emulator) as http:
        response = http.post("/api/snapshots", content=body, headers={**headers, "Content-Type": "application/json"})
    assert response.status_code == status
    assert response.json()["error"].startswith(error)
    assert len(emulator.images()) == 2


@pytest.mark.parametrize(
    ("headers", "status", "error"),
    [({}, 401, "missing API key"), ({"X-API-Key": "wrong"}, 403, "invalid API key")],
)
def test_requests_without_the_key_are_refused(emulator, headers, status, error):
    for method, path in [("GET", "/api/snapshots"), ("POST", "/api/snapshots"), ("DELETE", "/api/snapshots/a")]:
        response = httpx.request(method, emulator.url + path, headers=headers, trust_env=False, verify=False)
        assert (response.status_code, response.json()) == (status, {"error": error})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/nothing"),
        ("PUT", "/api/snapshots"),
        ("GET", "/api/snapshots/"),
        ("GET", "/"),
        ("PATCH", "/api/images"),
    ],
)
def test_another_path_or_method_is_not_found(emulator, method, path):
    response = call(emulator, method, path)
    assert (response.status_code, response.json()) == (404, {"message": "Not Found"})


@pytest.mark.parametrize(
    ("method", "error"), [("GET", "snapshot not found"), ("DELETE", 'snapshot "unknown" not found')]
)
def test_unknown_names_are_not_found(emulator, method, error):
    response = call(emulator, method, "/api/snapshots/unknown")
    assert (response.status_code, response.json()) == (404, {"error": error})


def test_delete_removes_the_named_record_and_the_build_stays_cached(emulator):
    create(emulator, "a", manifest("x"))
    assert call(emulator, "DELETE", "/api/snapshots/a").status_code == 204
    assert emulator.snapshots() == []
    assert stream(emulator, "/api/snapshots", {"name": "a", "image": manifest("x")})[0][1]["type"] == "cache_hit"


# Step checks

GOOD = {"path": "/f", "content": "aGk="}
ENTRY = {"relativePath": "a/b", "content": "aGk="}


@pytest.mark.parametrize(
    ("kind", "args", "reason"),
    [
        ("conda", {}, "unknown step type: conda"),
        ("apt_install", {}, "missing packages"),
        ("pip_install", {"packages": "x"}, "expected array"),
        ("run", {}, "missing commands"),
        ("run", {"commands": ["a", 1]}, "expected string at index 1"),
        ("env", {}, "missing vars"),
        ("env", {"vars": []}, "vars must be a map"),
        ("workdir", {}, "missing path"),
        ("add_file", {"content": "aGk="}, "missing path"),
        ("add_file", {**GOOD, "path": "f"}, "must be absolute"),
        ("add_file", {**GOOD, "content": "aGk"}, "valid base64"),
        ("add_file", {**GOOD, "content": "a-k="}, "valid base64"),
        ("add_file", {**GOOD, "encoding": "utf-8"}, "unsupported encoding"),
        ("add_dir", {"path": "/d"}, "missing files"),
        ("add_dir", {"path": "/d", "files": [{**ENTRY, "relativePath": "/a"}]}, "must be relative"),
        ("add_dir", {"path": "/d", "files": [ENTRY, {**ENTRY, "relativePath": "../a"}]}, "file 1"),
        ("add_dir", {"path": "/d", "files": [{**ENTRY, "relativePath": "./"}]}, "must name a file"),
        ("add_dir", {"path": "/d", "files": [{**ENTRY, "content": "%"}]}, "valid base64"),
    ],
)
def test_a_bad_step_fails_when_it_is_reached(emulator, kind, args, reason):
    image = {"steps": [*manifest("before")["steps"], {"type": kind, "args": args}]}
    log = stream(emulator, "/api/snapshots", {"name": "a", "image": image})
    assert "Step 1/2 completed" in [entry["message"] for name, entry in log if name == "build_log"]
    assert log[-1][0] == "error"
    assert f"step 1 ({kind})" in log[-1][1]["error"]
    assert reason in log[-1][1]["error"]


@pytest.mark.parametrize(
    ("kind", "args"),
    [
        ("add_file", {**GOOD, "encoding": "", "content": ""}),
        ("add_file", {**GOOD, "encoding": "base64", "content": "aG\r\nk="}),
        ("add_dir", {"path": "/d", "files": []}),
        ("add_dir", {"path": "/d", "files": [{**ENTRY, "relativePath": "a/../b"}]}),
        ("env", {"vars": {"A": 1}}),
        ("run", {"commands": []}),
    ],
)
def test_unusual_valid_steps_are_built(emulator, kind, args):
    assert create(emulator, "a", {"steps": [{"type": kind, "args": args}]}).status_code == 201


# Sandboxes


def test_a_sandbox_of_an_image_is_built_and_can_be_deleted_twice(emulator):
    response = call(emulator, "POST", "/api/sandboxes", json={"image": manifest("x")})
    sandbox = response.json()
    assert (response.status_code, sandbox["status"]) == (201, "running")
    path = f"/api/sandboxes/{sandbox['sandboxID']}"
    assert [call(emulator, "DELETE", path).status_code for _ in range(2)] == [204, 204]
    assert call(emulator, "GET", path).json()["status"] == "stopped"
    assert call(emulator, "DELETE", "/api/sandboxes/sb-none").status_code == 404
    assert [record.get("name") for record in emulator.images()] == [None]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"snapshot": "none"}, 'snapshot "none" not found'),
        ({"snapshot": "failed"}, 'snapshot "failed" is not ready (status: failed)'),
        ({"image": manifest("FAIL_BUILD")}, "image build failed: step 0 (run) failed (exit 1): "),
    ],
)
def test_a_sandbox_without_a_checkpoint_is_refused(emulator, body: dict[str, Any], error):
    create(emulator, "failed", manifest("FAIL_BUILD first"), query="?async=1")
    wait_until(lambda: emulator.get("/api/snapshots/failed")["status"] == "failed")
    response = call(emulator, "POST", "/api/sandboxes", json=body)
    assert response.status_code == 400
    assert response.json()["error"].startswith(error)
    kind, answer = stream(emulator, "/api/sandboxes", body)[-1]
    assert kind == "error"
    assert answer["error"].startswith(error)


@pytest.mark.emulator(no_workers=True)
def test_without_workers_nothing_is_built_and_no_sandbox_started(emulator):
    response = create(emulator, "b", manifest("y"))
    assert response.status_code == 500
    assert "no workers available" in response.json()["error"]
    assert "no workers available" in stream(emulator, "/api/snapshots", {"name": "b", "image": {}})[-1][1]["error"]
    assert call(emulator, "POST", "/api/sandboxes", json={"templateID": "base"}).status_code == 503


# The emulator itself


def test_requests_are_counted_and_logged_without_the_key(emulator):
    emulator.forget_requests()
    call(emulator, "GET", "/api/snapshots/a%20b?key=secret")
    assert emulator.requests() == [{"method": "GET", "path": "/api/snapshots/a%20b", "status": 404}]
    assert "GET /api/snapshots/a%20b 404" in emulator.log()
    assert emulator.api_key not in emulator.log()


def test_invalid_manifests_fail_in_the_build(emulator):
    error = create(emulator, "a", {"base": 5}).json()["error"]
    assert error.startswith("image build failed: invalid image manifest: ")
    assert emulator.images() == []


def test_a_null_image_is_an_empty_manifest(emulator):
    assert create(emulator, "a", None).json()["contentHash"] == content_hash(parse_json("null")) + ":named:a"


def test_other_emulators_share_nothing(start_emulator):
    first: Emulator = start_emulator()
    second: Emulator = start_emulator()
    create(first, "a", manifest("x"))
    assert second.images() == []
