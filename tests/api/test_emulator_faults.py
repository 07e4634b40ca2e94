"""Faults that are switched on by request: each row of the emulator's table of faults, over real sockets."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from typing import Any

import httpx
import pytest

from emulator_client import STREAM, call, client, create, events, manifest, open_post, stream
from emulator_process import API_KEY, DEADLINE, Emulator, wait_until
from pulumi_opencomputer.emulator.faults.rules import KINDS, NAMED, Rule

COMMAND = [sys.executable, "-m", "pulumi_opencomputer.emulator"]
BODY = {"name": "a", "image": manifest("x")}
POST = {"method": "POST", "path": "/api/snapshots"}


@pytest.fixture
def faulty(emulator: Emulator) -> Any:
    """The shared emulator; its faults are switched off at the end."""
    yield emulator
    emulator.fail()


def raw_answer(emulator: Emulator, image: Any = BODY["image"]) -> bytes:
    """Create a snapshot over a socket; return all bytes until the response or the connection ends."""
    with open_post(emulator, "/api/snapshots", {"name": "a", "image": image}, accept=STREAM["Accept"]) as connection:
        connection.settimeout(DEADLINE)
        received = b""
        try:
            while b"0\r\n\r\n" not in received and (piece := connection.recv(65536)):
                received += piece
        except ConnectionError:
            pass
        return received


def content(received: bytes) -> bytes:
    """The content of a chunked response, as far as it was received."""
    _, _, rest = received.partition(b"\r\n\r\n")
    whole = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        whole += rest[: int(size, 16)]
        rest = rest[int(size, 16) + 2 :]
    return whole


# Which requests have a fault


def test_a_fault_starts_at_the_nth_request_and_applies_count_times(faulty):
    faulty.fail({"kind": "status", "method": "GET", "path": "/api/images", "nth": 2, "count": 2, "status": 502})
    assert [call(faulty, "GET", "/api/images").status_code for _ in range(5)] == [200, 502, 502, 200, 200]
    assert faulty.applied() == [2]
    assert call(faulty, "GET", "/api/snapshots").status_code == 200


def test_a_count_of_zero_applies_to_all_further_requests(faulty):
    faulty.fail({"kind": "status", "count": 0})
    assert {call(faulty, "GET", "/api/images").status_code for _ in range(5)} == {500}


def test_faults_can_be_added_replaced_listed_and_switched_off(faulty):
    url, headers = f"{faulty.url}/_emulator/faults", faulty.headers
    with httpx.Client(trust_env=False, verify=False, headers=headers) as http:
        http.put(url, json=[{"kind": "hang"}])
        http.post(url, json={"kind": "delay", "seconds": 1})
        assert [rule["kind"] for rule in http.get(url).json()] == ["hang", "delay"]
        assert http.get(url).json()[1] == {"kind": "delay", "seconds": 1, "met": 0, "applied": 0}
        http.put(url, json="no-cell")
        assert [rule["kind"] for rule in http.get(url).json()] == ["status"]
        http.delete(url)
        assert http.get(url).json() == []


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("nonsense", "there is no fault named 'nonsense'"),
        ({"kind": "nonsense"}, "whose kind is one of"),
        (5, "a fault must be a JSON object"),
        ({"kind": "drop", "evnt": 1}, "no field 'evnt'"),
        ({"kind": "drop", "nth": "1"}, "'nth' has an invalid value"),
        ({"kind": "drop", "when": "later"}, "'when' has an invalid value"),
        ({"kind": "drop", "path": "("}, "'path' has an invalid value"),
        ({"kind": "record", "set": []}, "'set' has an invalid value"),
        ({"kind": "status", "headers": {"a": 1}}, "'headers' has an invalid value"),
        ({"kind": "status", "met": 1}, "no field 'met'"),
    ],
)
def test_a_rule_that_cannot_be_read_is_refused_with_the_reason(faulty, rule, says):
    response = call(faulty, "POST", "/_emulator/faults", json=rule)
    assert response.status_code == 400
    assert says in response.json()["error"]
    assert faulty.applied() == []


# Effects


def test_a_delay_follows_the_emulators_clock(faulty):
    faulty.fail({"kind": "delay", "method": "POST", "seconds": 1000})
    with open_post(faulty, "/api/snapshots", BODY) as connection:
        wait_until(lambda: faulty.applied() == [1])
        assert faulty.records() == []
        faulty.advance(1000)
        connection.settimeout(DEADLINE)
        assert connection.recv(12) == b"HTTP/1.1 201"


@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 2)])
@pytest.mark.parametrize("kind", ["status", "drop"])
def test_a_fault_applies_before_or_after_the_request_is_processed(faulty, kind, when, made):
    faulty.fail({**POST, "kind": kind, "when": when})
    try:
        create(faulty, "a", manifest("x"))
    except httpx.TransportError:
        assert kind == "drop"
    assert len(faulty.records()) == made


def test_a_status_fault_has_the_given_body_and_headers(faulty):
    faulty.fail({"kind": "status", "status": 429, "body": "<%wait%>", "headers": {"Retry-After": "7"}})
    response = call(faulty, "GET", "/api/images")
    assert (response.status_code, response.text, response.headers["Retry-After"]) == (429, "<%wait%>", "7")
    assert "Date" in response.headers


@pytest.mark.parametrize("byte", [0, 1, 50, 105, 200, 390])
def test_a_stream_is_cut_at_any_byte(faulty, byte):
    whole = content(raw_answer(faulty))
    assert whole.endswith(b"\n\n")
    faulty.clear()
    faulty.fail({**POST, "kind": "drop", "byte": byte})
    received = content(raw_answer(faulty))
    assert len(received) == byte
    assert received.startswith(b"event: build_log"[:byte])


def test_a_connection_cut_beyond_its_last_byte_is_complete(faulty):
    faulty.fail({**POST, "kind": "drop", "byte": 1_000_000})
    assert b"event: result" in raw_answer(faulty)


@pytest.mark.parametrize("cut", ["before", "in", "after"])
@pytest.mark.parametrize(("unseen", "outcome"), [(True, "ready"), (False, "cancelled")])
def test_a_stream_is_cut_at_an_event_and_the_build_may_notice_it(faulty, cut, unseen, outcome):
    faulty.fail({**POST, "kind": "drop", "event": 2, "cut": cut, "unseen": unseen})
    received = content(raw_answer(faulty, manifest("SLEEP_BUILD_50")))
    assert received.count(b"event: ") == (1 if cut == "before" else 2)
    assert received.endswith(b"\n\n") == (cut != "in")
    faulty.advance(50)
    wait_until(lambda: [build["outcome"] for build in faulty.builds()] == [outcome])
    # The request ends with its record, which would take the name in the next test.
    wait_until(lambda: [record["name"] for record in faulty.snapshots()] == (["a"] if outcome == "ready" else []))


# Unusual responses

ODD = {
    "status": "archived", "id": 7, "createdAt": "2026-01-01T00:00:00+02:00", "name": "<{%x%}>", "orgId": "\x1b[31m\0",
    "lastUsedAt": None, "checkpointId": ["\ud800"], "new": {"deep": 1},
}  # fmt: skip


@pytest.mark.parametrize("path", ["/api/snapshots/b", "/api/snapshots", "/api/images"])
def test_fields_of_records_are_changed_in_every_response(faulty, path):
    for name in "ab":
        create(faulty, name, manifest("x"))
    before = faulty.get(path)
    faulty.fail({"kind": "record", "where": {"name": "b"}, "set": ODD, "remove": ["contentHash"], "count": 0})
    after = json.loads(call(faulty, "GET", path).content)
    changed = [{**record, **ODD} if record.get("name") == "b" else record for record in as_list(before)]
    for record in changed:
        if record["id"] == 7:
            del record["contentHash"]
    assert as_list(after) == changed


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("headers", [STREAM, {}], ids=["stream", "plain"])
def test_the_record_that_a_create_returns_is_changed_too(faulty, headers):
    faulty.fail({**POST, "kind": "record", "set": {"name": "other"}})
    response = create(faulty, "a", manifest("x"), **headers)
    record = list(events(response.text))[-1][1] if headers else response.json()
    assert record["name"] == "other"
    assert "contentHash" in record


# Unusual streams


def test_a_byte_order_mark_comes_before_the_stream(faulty):
    whole = content(raw_answer(faulty))
    faulty.clear()
    faulty.fail({**POST, "kind": "stream", "bom": True})
    marked = content(raw_answer(faulty))
    assert marked.startswith(b"\xef\xbb\xbfevent: build_log\n")
    assert marked.count(b"\n\n") == whole.count(b"\n\n")


def test_a_stream_may_lack_its_last_empty_line(faulty):
    faulty.fail({**POST, "kind": "stream", "unterminated": True})
    received = content(raw_answer(faulty))
    assert received.endswith(b'"}\n')
    assert received.count(b"\n\n") == received.count(b"event: ") - 1


def test_any_lines_can_be_inserted_into_a_stream(faulty):
    lines = [{"step": 1, "type": "stdout", "message": "Get:1 http://…"}, "event: surprise\ndata: ?\n\n", ": c\n\n"]
    faulty.fail({**POST, "kind": "stream", "event": 2, "lines": lines, "repeat": 2})
    received = content(raw_answer(faulty)).decode()
    inserted = f"event: build_log\ndata: {json.dumps(lines[0])}\n\n{lines[1]}{lines[2]}"
    first, _, rest = received.partition(inserted * 2)
    assert first.count("event: ") == 1
    assert "event: result" in rest


def test_a_stream_may_end_with_an_error_event_of_any_size(faulty):
    faulty.fail({**POST, "kind": "stream", "event": 3, "error": 'E: "no"', "error_bytes": 3_000_000})
    with client(faulty) as http:
        text = http.post("/api/snapshots", json=BODY, headers=STREAM).text
    kind, error = list(events(text))[-1]
    assert (kind, len(error["error"])) == ("error", 3_000_000)
    assert error["error"].startswith('E: "no"x')
    assert text.count("event: ") == 3


# Builds


def test_a_build_fails_at_the_given_step_with_the_given_error(faulty):
    image = {"steps": [*manifest("a")["steps"], *manifest("b")["steps"], *manifest("c")["steps"]]}
    faulty.fail({"kind": "build", "outcome": "fail", "step": 2, "exit": 100, "stderr": "E: no such package"})
    log = stream(faulty, "/api/snapshots", {"name": "a", "image": image})
    error = "image build failed: image build failed: step 1 (run) failed (exit 100): E: no such package"
    assert log[-1] == ("error", {"error": error})


def test_a_build_without_steps_fails_too(faulty):
    faulty.fail("failing-builds")
    assert create(faulty, "a", {}).status_code == 500


def test_a_fault_may_apply_only_to_manifests_that_contain_a_text(faulty):
    faulty.fail({"kind": "build", "outcome": "fail", "contains": "second", "count": 0})
    assert [create(faulty, name, manifest(name)).status_code for name in ("first", "second")] == [201, 500]


def test_a_blocked_build_times_out_and_leaves_its_record_building(start_emulator):
    emulator = start_emulator(wait_seconds=120, fault="blocked-builds")
    with open_post(emulator, "/api/snapshots", BODY) as connection:
        wait_until(emulator.builds)
        assert [record["status"] for record in emulator.records()] == ["building"]
        emulator.advance(120)
        connection.settimeout(DEADLINE)
        assert connection.recv(12) == b"HTTP/1.1 500"
    assert [record["status"] for record in emulator.records()] == ["building"]


def test_a_slow_build_takes_the_given_time_longer(faulty):
    faulty.fail({"kind": "build", "seconds": 100})
    create(faulty, "a", manifest("x"), query="?async=1")
    wait_until(faulty.builds)
    faulty.advance(99)
    assert faulty.get("/api/snapshots/a")["status"] == "building"
    faulty.advance(2)
    wait_until(lambda: faulty.get("/api/snapshots/a")["status"] == "ready")


def test_commands_output_is_shown_between_a_steps_lines(faulty):
    faulty.fail({"kind": "build", "output": ["Reading package lists...", "\x1b[31mDone"]})
    log = [event for kind, event in stream(faulty, "/api/snapshots", BODY) if kind == "build_log"]
    assert log[2:4] == [
        {"step": 1, "type": "output", "message": message} for message in ("Reading package lists...", "\x1b[31mDone")
    ]


# Named faults


@pytest.mark.parametrize(
    ("name", "method", "path", "status", "text"),
    [
        ("read-only-database", "DELETE", "/api/snapshots/a", 404, "SQLSTATE 25006"),
        ("database-down", "GET", "/api/images", 403, "invalid API key"),
        ("no-cell", "POST", "/api/snapshots", 503, "no cell available"),
        ("edge-timeout", "POST", "/api/snapshots", 524, "524"),
        ("too-large", "POST", "/api/snapshots", 413, "Request Entity Too Large"),
    ],
)
def test_a_named_fault_has_its_response(faulty, name, method, path, status, text):
    create(faulty, "a", manifest("x"))
    faulty.fail(name)
    response = call(faulty, method, path, json={"name": "b", "image": manifest("y")} if method == "POST" else None)
    assert response.status_code == status
    assert text in response.text
    assert [record["name"] for record in faulty.records() if record["name"] == "a"] == ["a"], "nothing was deleted"
    assert ("b" in [record["name"] for record in faulty.records()]) == (name == "edge-timeout")


# The command line


def test_faults_are_switched_on_by_the_command_line(start_emulator):
    emulator = start_emulator(
        more_arguments=["--fault", "failing-builds", "--fault", '{"kind":"status","path":"/api/images"}']
    )
    assert create(emulator, "a", manifest("x")).status_code == 500
    assert call(emulator, "GET", "/api/images").status_code == 500


@pytest.mark.parametrize("rule", ["nonsense", "{", '{"kind": "drop", "x": 1}'])
def test_a_fault_that_cannot_be_read_ends_the_command_line(rule):
    result = subprocess.run(
        [*COMMAND, "--api-key", API_KEY, "--fault", rule], capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert "--fault" in result.stderr


def test_help_lists_every_kind_and_every_name_of_a_fault():
    result = subprocess.run([*COMMAND, "--help-faults"], capture_output=True, text=True, check=True)
    fields = [name for name in Rule.__dataclass_fields__ if name not in ("met", "applied")]
    for word in (*KINDS, *NAMED, *fields):
        assert word in result.stdout, word


def test_a_fault_on_a_socket_that_is_closed_at_once_does_no_harm(faulty):
    faulty.fail({**POST, "kind": "hang"})
    with open_post(faulty, "/api/snapshots", BODY) as connection:
        connection.shutdown(socket.SHUT_WR)
    assert call(faulty, "GET", "/api/images").status_code == 200
