"""The emulator's edge: each test, and each row of its table, states one known property of the public endpoint."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from emulator_client import STREAM, call, create, manifest, stream
from emulator_process import Emulator, wait_until

LAG = 30.0
WHOLE_SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z")
NOT_IN_THE_INDEX = (404, {"error": "snapshot not found"})
PATCH = {"script": "echo hi"}


@pytest.fixture(scope="module")
def _shared_edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with Emulator(tmp_path_factory.mktemp("edge"), edge_lag=LAG, wait_seconds=120) as emulator:
        yield emulator


@pytest.fixture
def edge(_shared_edge: Emulator) -> Emulator:
    """An emulator with an edge whose index is 30 s behind, without records."""
    _shared_edge.clear()
    _shared_edge.fail()
    _shared_edge.set_edge(lag=[LAG, LAG])
    return _shared_edge


def answer(emulator: Emulator, method: str, path: str, **request: Any) -> tuple[int, Any]:
    response = call(emulator, method, path, **request)
    return response.status_code, response.json() if response.content else None


def names(emulator: Emulator, path: str = "/api/snapshots") -> list[str | None]:
    return [record.get("name") for record in emulator.get(path)]


def in_time(edge: Emulator) -> dict[str, Any]:
    """Create a snapshot that the index already shows."""
    made = create(edge, "a", manifest("x")).json()
    edge.advance(LAG)
    return made


# A record that the index does not show yet


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param("GET", "/api/snapshots/a", None, id="GET does not find it"),
        pytest.param("DELETE", "/api/snapshots/a", None, id="DELETE does not reach it"),
        pytest.param("GET", "/api/snapshots/a/patches", None, id="patches can't be listed"),
        pytest.param("POST", "/api/snapshots/a/patches", PATCH, id="patches can't be added"),
        pytest.param("DELETE", "/api/snapshots/a/patches/0", None, id="patches can't be removed"),
    ],
)
def test_a_record_that_the_index_does_not_show_is_not_found(edge, method, path, body):
    create(edge, "a", manifest("x"))
    assert answer(edge, method, path, json=body) == NOT_IN_THE_INDEX
    assert "a" in [record["name"] for record in edge.records()], "nothing was deleted"


def test_a_name_that_the_index_does_not_show_is_taken_nevertheless(edge):
    create(edge, "a", manifest("x"))
    assert answer(edge, "DELETE", "/api/snapshots/a") == NOT_IN_THE_INDEX
    assert create(edge, "a", manifest("y")).status_code == 409


@pytest.mark.parametrize("seconds", [0.3, 1.0, 8.0, 90.0])
def test_a_record_shows_when_the_lag_is_over_and_not_before(edge, seconds):
    edge.set_edge(lag=[seconds + 5, seconds + 5])
    create(edge, "a", manifest("x"))
    edge.advance(seconds)
    assert names(edge) == []
    edge.advance(5)
    assert names(edge) == ["a"]


def test_a_deleted_record_shows_until_the_lag_is_over_and_is_deleted_once(edge):
    in_time(edge)
    assert answer(edge, "DELETE", "/api/snapshots/a") == (204, None)
    assert answer(edge, "GET", "/api/snapshots/a")[0] == 200
    assert answer(edge, "DELETE", "/api/snapshots/a") == (404, {"error": 'snapshot "a" not found'})
    edge.advance(LAG)
    assert answer(edge, "GET", "/api/snapshots/a") == NOT_IN_THE_INDEX


def test_with_uneven_lags_a_later_record_may_appear_first(edge):
    for seconds, name in ((60, "late"), (1, "soon")):
        edge.set_edge(lag=[seconds, seconds])
        create(edge, name, manifest(name))
    edge.advance(2)
    assert names(edge) == ["soon"]
    edge.advance(60)
    assert sorted(filter(None, names(edge))) == ["late", "soon"]


def test_each_event_has_its_own_lag(edge):
    edge.set_edge(lag=[0, 10_000])
    for number in range(10):
        create(edge, f"n{number}", manifest("x"))
    shown = []
    for _ in range(20):
        edge.advance(500)
        shown.append(len(names(edge)))
    assert shown[-1] == 10
    assert len(set(shown)) > 3


# The content of reads


def test_reads_have_whole_seconds_and_the_cell_but_creates_do_not(edge):
    made = in_time(edge)
    got = edge.get("/api/snapshots/a")
    assert edge.get("/api/snapshots") == [got]
    assert "cellId" not in made
    assert not WHOLE_SECONDS.fullmatch(made["createdAt"])
    assert got["cellId"]
    assert WHOLE_SECONDS.fullmatch(got["createdAt"])
    assert WHOLE_SECONDS.fullmatch(got["lastUsedAt"])
    assert got["createdAt"][:19] == made["createdAt"][:19]
    times = ("createdAt", "lastUsedAt", "cellId")
    assert {key: got[key] for key in got if key not in times} == {key: made[key] for key in made if key not in times}


def test_images_include_the_named_records(edge):
    in_time(edge)
    assert sorted(names(edge, "/api/images"), key=str) == [None, "a"]


def test_a_running_build_is_never_shown(edge):
    create(edge, "a", manifest("SLEEP_BUILD_200"), query="?async=1")
    wait_until(edge.builds)
    edge.advance(LAG + 1)
    assert edge.get("/api/images") == []
    assert answer(edge, "GET", "/api/snapshots/a") == NOT_IN_THE_INDEX
    edge.advance(200)
    wait_until(lambda: {record["status"] for record in edge.records()} == {"ready"})
    edge.advance(LAG)
    assert [record["status"] for record in edge.get("/api/images")] == ["ready", "ready"]


@pytest.mark.parametrize(
    ("query", "shown"), [("?async=1", ["failed"]), ("", [])], ids=["an async one shows", "any other does not"]
)
def test_only_failed_async_builds_are_shown(edge, query, shown):
    create(edge, "a", manifest("FAIL_BUILD"), query=query)
    wait_until(lambda: "building" not in {record["status"] for record in edge.records()})
    edge.advance(LAG)
    assert [record["status"] for record in edge.get("/api/images")] == shown


def test_a_manifest_above_2_mb_is_never_shown_while_sandboxes_start_from_it(edge):
    create(edge, "big", manifest("x" * 2_000_001))
    edge.advance(100 * LAG)
    for method, path in [("GET", ""), ("DELETE", ""), ("GET", "/patches")]:
        assert answer(edge, method, f"/api/snapshots/big{path}") == NOT_IN_THE_INDEX
    assert edge.get("/api/images") == []
    assert call(edge, "POST", "/api/sandboxes", json={"snapshot": "big"}).status_code == 201


def test_lists_have_the_newest_200_records(edge):
    edge.set_edge(lag=[0, 0])
    for number in range(205):
        create(edge, f"n{number}", manifest("x"))
        if number == 100:
            edge.advance(1)
    edge.advance(1)
    create(edge, "newest", manifest("x"))
    for path in ("/api/snapshots", "/api/images"):
        shown = edge.get(path)
        assert len(shown) == 200
        assert shown[0]["name"] == "newest"
        assert [record["createdAt"] for record in shown] == sorted((r["createdAt"] for r in shown), reverse=True)


@pytest.mark.parametrize(
    "happens",
    [
        pytest.param(lambda edge, made: edge.delete_checkpoint(made["checkpointId"]), id="a deleted checkpoint"),
        pytest.param(lambda edge, made: edge.lose_checkpoint(made["checkpointId"]), id="bytes that are missing"),
        pytest.param(
            lambda edge, made: (edge.advance(5), call(edge, "POST", "/api/sandboxes", json={"snapshot": "a"})),
            id="the last use",
        ),
    ],
)
def test_the_index_does_not_learn_of(edge, happens: Callable[[Emulator, dict[str, Any]], None]):
    made = in_time(edge)
    before = edge.get("/api/images")
    happens(edge, made)
    edge.advance(LAG)
    assert edge.get("/api/images") == before


def test_a_cached_record_without_its_bytes_is_rebuilt_and_still_shown(edge):
    in_time(edge)
    unnamed = next(record for record in edge.get("/api/images") if "name" not in record)
    edge.lose_checkpoint(unnamed["checkpointId"])
    assert "Creating checkpoint" in create(edge, "b", manifest("x"), **STREAM).text
    edge.advance(LAG)
    assert unnamed["id"] not in [record["id"] for record in edge.records()]
    assert unnamed["id"] in [record["id"] for record in edge.get("/api/images")]


# Requests that are forwarded to a cell


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/api/snapshots", {"name": "b", "image": manifest("x")}, 201),
        ("POST", "/api/sandboxes", {"snapshot": "a"}, 201),
        ("GET", "/api/snapshots/a/patches", None, 200),
        ("POST", "/api/snapshots/a/patches", PATCH, 201),
        ("POST", "/api/snapshots/a/publish", None, 403),
        ("POST", "/api/snapshots/unseen/publish", None, 403),
        ("GET", "/api/nothing", None, 404),
        ("DELETE", "/api/snapshots/a", None, 204),
    ],
)
def test_a_request_is_forwarded_to_a_cell_and_is_503_without_one(edge, method, path, body, status):
    in_time(edge)
    edge.set_edge(hasCell=False)
    assert answer(edge, method, path, json=body) == (503, {"error": "no cell available to serve request"})
    edge.set_edge(hasCell=True)
    assert answer(edge, method, path, json=body)[0] == status


@pytest.mark.parametrize("path", ["/api/snapshots", "/api/snapshots/a", "/api/images"])
def test_reads_need_no_cell(edge, path):
    in_time(edge)
    edge.set_edge(hasCell=False)
    assert answer(edge, "GET", path)[0] == 200


def test_patches_of_an_unnamed_image_need_no_index(edge):
    create(edge, "a", manifest("x"))
    unnamed = edge.records()[1]
    assert answer(edge, "GET", f"/api/images/{unnamed['id']}/patches") == (200, [])


def test_streams_are_forwarded_unchanged(edge):
    log = stream(edge, "/api/snapshots", {"name": "a", "image": manifest("x")})
    assert (log[-1][0], log[-1][1]["name"]) == ("result", "a")


# The edge's own texts and statuses


@pytest.mark.parametrize("headers", [{}, {"X-API-Key": "wrong"}], ids=["missing", "wrong"])
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/snapshots"), ("POST", "/api/snapshots"), ("DELETE", "/api/snapshots/a"), ("GET", "/api/nothing")],
)
def test_a_key_that_is_missing_or_wrong_is_a_401(edge, headers, method, path):
    response = httpx.request(method, edge.url + path, headers=headers, trust_env=False, verify=False)
    assert (response.status_code, response.json()) == (401, {"error": "missing or invalid API key"})


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/api/snapshots"), ("POST", "/api/snapshots/a"), ("PATCH", "/api/images"), ("POST", "/api/images")],
)
def test_another_method_is_a_405(edge, method, path):
    assert answer(edge, method, path) == (405, {"error": "method not allowed"})


@pytest.mark.parametrize("path", ["a%3Ab", "a:b", "a%3ab"])
def test_a_name_is_found_by_any_percent_encoding(edge, path):
    create(edge, "a:b", manifest("x"))
    edge.advance(LAG)
    assert answer(edge, "GET", f"/api/snapshots/{path}")[0] == 200


# The index is persistent


def test_the_index_and_pending_events_survive_a_kill(start_emulator):
    emulator = start_emulator(edge_lag=LAG)
    create(emulator, "shown", manifest("x"))
    emulator.advance(LAG)
    assert names(emulator) == ["shown"]
    create(emulator, "on its way", manifest("x"))
    emulator.kill()
    emulator.restart()
    assert names(emulator) == ["shown"]
    emulator.advance(LAG + 1)
    assert sorted(filter(None, names(emulator))) == ["on its way", "shown"]


def test_without_a_lag_a_record_shows_at_once(start_emulator):
    emulator = start_emulator(edge=True)
    create(emulator, "a", manifest("x"))
    assert names(emulator) == ["a"]
