"""Builds against a real socket: their streams, how they end, which requests are repeated, and lost streams."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from pulumi_opencomputer import errors
from pulumi_opencomputer.api.client import BuildEvent, Client, Timing
from pulumi_opencomputer.api.events import BuildStarted, OtherLine, StepStarted
from pulumi_opencomputer.config import Settings
from wire import (
    BODY,
    HASH,
    KEY,
    RESULT,
    Body,
    Clock,
    Connection,
    Wire,
    answer,
    build,
    event,
    hang_up,
    head,
    log,
    plays,
    record,
    refused_url,
    reset,
    streams,
    until,
)

# Builds


def test_a_build_streams_its_log_and_returns_its_record(connect):
    """Events come in order, including repeated ones; the client does not wait for anything after the result."""
    stream = (
        b": keepalive\n\n",
        log(0, "build", "Building image with 1 steps"),
        event("news", b"?"),
        log(1, "run", "Step 1/1: ls"),
        log(1, "run", "Step 1/1: ls"),
        RESULT,
        event("error", {"error": "late"}),
    )
    with Wire(streams(*stream)) as server:
        built, events = build(connect(server))
    assert (built.name, built.content_hash, built.id) == ("tools", HASH, "record-1")
    assert events == [
        BuildStarted(0, "build", "Building image with 1 steps"),
        OtherLine(None, "news", "?"),
        StepStarted(1, "run", "Step 1/1: ls", 1, 1, "ls"),
        StepStarted(1, "run", "Step 1/1: ls", 1, 1, "ls"),
    ]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"name": "other"}, "not about the snapshot 'tools'"),
        ({"name": None}, "not about the snapshot 'tools'"),
        ({"contentHash": "cd" * 32}, "has the content hash cdcdcd"),
        ({"status": "building"}, "building, not ready"),
        ({"status": "failed"}, "failed, not ready"),
        ({"id": -7}, "whose id is"),
        ({"checkpointId": None}, "ready without an image, not ready"),
    ],
)
def test_a_result_must_match_the_request(connect, changes, told):
    """A result with another name, content or status is an error, and the build is not repeated."""
    with Wire(streams(event("result", record(**changes)))) as server, pytest.raises(errors.ProtocolError, match=told):
        build(connect(server))
    assert server.connections == 1


def test_a_result_that_lacks_its_last_blank_line_is_read(connect):
    """A complete result counts; an incomplete one is a lost stream (tested below)."""
    with Wire(streams(b"\xef\xbb\xbf", RESULT.rstrip(b"\n"))) as server:
        assert build(connect(server))[0].id == "record-1"


@pytest.mark.parametrize(
    ("line", "from_cache"),
    [(log(0, "cache_hit", "Image found in cache (hash=abababababab)"), True), (log(1, "run", "Step 1/1: ls"), False)],
)
def test_the_outcome_shows_whether_the_content_was_cached(connect, line, from_cache):
    """Callers need not search the log for it."""
    with Wire(streams(line, RESULT)) as server:
        outcome = connect(server).create_snapshot(Body(), timeout=1800.0, on_event=lambda _: None)
    assert outcome.from_cache is from_cache


@pytest.mark.parametrize(
    ("lines", "has_begun", "from_cache"),
    [
        ((), False, False),
        ((log(1, "run", "Step 1/1: ls"),), True, False),
        ((log(0, "cache_hit", "Image found in cache (hash=abababababab)"),), True, True),
    ],
)
def test_a_lost_stream_error_has_what_was_received(connect, lines, has_begun, from_cache):
    """The error says whether the build had begun and came from the cache, although the result is lost."""
    with Wire(streams(*lines)) as server, pytest.raises(errors.StreamLostError) as caught:
        build(connect(server))
    assert (caught.value.has_begun, caught.value.from_cache) == (has_begun, from_cache)


def test_a_failed_build_names_its_step(connect):
    """The error has the step's number as in the log, its type, exit code and text."""
    text = "image build failed: image build failed: step 1 (run) failed (exit 1): E: broken"
    with (
        Wire(streams(log(2, "run", "Step 2/2: false"), event("error", {"error": text}))) as server,
        pytest.raises(errors.BuildFailedError) as caught,
    ):
        build(connect(server))
    assert str(caught.value) == (
        "The build of the image failed: step 2 (run) ended with exit code 1. (OC1111) The server said: E: broken"
    )
    assert server.connections == 1


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("timed out waiting for image build (hash=abababababab)", errors.BuildBlockedError),
        ("no workers available", errors.UnavailableError),
        ("failed to save snapshot: duplicate key value", errors.ConflictError),
    ],
)
def test_other_errors_in_a_stream_are_not_repeated(connect, text, kind):
    """The caller decides what to do about blocked content or a lost race for a name."""
    with Wire(streams(event("error", {"error": text}))) as server, pytest.raises(kind):
        build(connect(server))
    assert server.connections == 1


@pytest.mark.parametrize("status", [400, 401, 403, 409, 413, 500, 502, 504])
def test_a_refused_build_is_not_repeated(connect, status):
    """A response that leaves open whether a build began ends the call."""
    with Wire(plays(answer(status, {"error": "no"}))) as server, pytest.raises(errors.APIError) as caught:
        build(connect(server))
    assert caught.value.status == status
    assert server.connections == 1


LARGE = Body((BODY[:10], b"x" * 30_000_000, BODY[10:]))


@pytest.mark.parametrize("status", [401, 409, 413])
def test_an_early_response_is_read_while_the_body_is_being_sent(connect, status):
    """If the server refuses and closes before it has read the body, its error is raised, not a broken pipe."""

    def refuse(connection: Connection) -> None:
        connection.head()
        connection.send(answer(status, {"error": "no"}))

    with Wire(refuse) as server, pytest.raises(errors.APIError) as caught:
        build(connect(server), LARGE)
    assert caught.value.status == status
    assert server.connections == 1


@pytest.mark.parametrize(
    "fault",
    [
        plays(answer(429, {"error": "slow down"})),
        plays(answer(503, {"error": "starting"}, "Retry-After: 1")),
    ],
)
def test_a_build_that_did_not_begin_is_requested_again(connect, fault):
    """A 429, or a 503 with Retry-After, shows that nothing was begun."""
    with Wire(fault, streams(RESULT)) as server:
        assert build(connect(server))[0].name == "tools"
    assert [request.body for request in server.requests] == [BODY, BODY]


def test_a_503_without_a_time_may_hide_a_build(connect):
    """A proxy also sends 503 if it lost the connection to a server that was already building."""
    with Wire(plays(answer(503, {"error": "upstream reset"}))) as server, pytest.raises(errors.UnavailableError):
        build(connect(server))
    assert server.connections == 1


def test_a_build_whose_upload_broke_off_is_requested_again(connect):
    """If the connection breaks during the upload, no build has begun."""

    def cut(connection: Connection) -> None:
        connection.head()
        connection.read(100_000)
        connection.reset()

    with Wire(cut, streams(RESULT)) as server:
        assert build(connect(server), LARGE)[0].name == "tools"
    assert server.connections == 2


def test_an_unreachable_server_ends_a_build_with_the_reason(connect, clock):
    """The number of attempts is that of any request, and the error is about the connection."""
    with pytest.raises(errors.UnavailableError, match="Can't connect"):
        build(connect(refused_url()))
    assert len(clock.slept) == 9


def test_a_server_that_is_away_for_half_a_minute_fails_no_build(connect, clock):
    """While nothing listens no build can have begun, so the request is repeated until the server is back."""
    url = refused_url()
    back: list[Wire] = []

    with contextlib.ExitStack() as stack:

        def sleep(seconds: float) -> None:
            clock.sleep(seconds)
            if clock.now > 1030 and not back:
                server = Wire(streams(RESULT), port=int(url.rpartition(":")[2]))
                back.append(stack.enter_context(server))

        assert build(connect(url, sleep=sleep))[0].name == "tools"
    assert back[0].connections == 1


def drop_after(*events: bytes, how: str = "close") -> Callable[[Connection], None]:
    def script(connection: Connection) -> None:
        connection.open_stream()
        connection.send(*events)
        if how == "reset":
            connection.reset()

    return script


@pytest.mark.parametrize(
    "fault",
    [
        hang_up,
        reset,
        drop_after(),
        drop_after(how="reset"),
        drop_after(log(1, "run", "Step 1/1: ls")),
        drop_after(log(1, "run", "Step 1/1: ls"), RESULT[:-10]),
        drop_after(log(1, "run", "Step 1/1: ls"), how="reset"),
        plays(head(200, "text/event-stream", "Content-Length: 1000") + b": keepalive\n\n"),
        plays(head(200, "text/event-stream", "Transfer-Encoding: chunked") + b"d\r\n: keepalive\n\n\r\n"),
    ],
)
def test_a_lost_stream_is_an_error_and_never_repeated(connect, fault):
    """Once the request was sent completely, nobody knows whether the server builds."""
    with Wire(fault) as server, pytest.raises(errors.StreamLostError) as caught:
        build(connect(server))
    assert caught.value.sent is True
    assert server.connections == 1


def test_a_silent_stream_is_lost(connect):
    """A server that sends no keepalives any more may be gone."""
    done = threading.Event()

    def hold(connection: Connection) -> None:
        connection.open_stream()
        done.wait(20)

    with Wire(hold) as server:
        with pytest.raises(errors.StreamLostError, match="silent"):
            build(connect(server, timing=Timing(silence=0.2)))
        done.set()


def test_changed_content_raises_the_bodys_own_error(connect):
    """The error is not wrapped, the server sees an unfinished request, and there is no second one."""
    closed: list[bool] = []

    def wait(connection: Connection) -> None:
        connection.head()
        closed.append(connection.wait_closed())

    changed = errors.ContentChangedError("A file changed.")
    with Wire(wait) as server:
        with pytest.raises(errors.ContentChangedError) as caught:
            build(connect(server), Body((BODY[:20], BODY[20:]), fails=changed))
        until(lambda: bool(closed))
    assert caught.value is changed
    assert closed == [True]
    assert server.connections == 1


def test_the_progress_of_an_upload_is_reported(connect):
    """It goes from zero to the full size in small blocks, and starts again if the request is repeated."""

    def cut(connection: Connection) -> None:
        connection.head()
        connection.read(100_000)
        connection.reset()

    body = Body((BODY[:10], *[b"x" * 1_000_000] * 30, BODY[10:]))
    told: list[tuple[int, int]] = []
    with Wire(cut, streams(RESULT)) as server:
        build(connect(server), body, on_upload=lambda *counts: told.append(counts))
    again = [index for index, (sent, _) in enumerate(told) if sent == 0]
    assert len(again) == 2
    assert {size for _, size in told} == {body.size}
    last = [sent for sent, _ in told[again[1] :]]
    assert last == sorted(last)
    assert last[-1] == body.size
    assert len(last) > 30


def test_a_callback_runs_before_the_last_byte(connect):
    """When only the last byte is left, the callback is called, and the byte is sent after it."""
    seen: list[bytes] = []
    arrived = threading.Event()

    def script(connection: Connection) -> None:
        connection.head()
        seen.append(connection.read(len(BODY) - 1))
        arrived.set()
        seen.append(connection.read(1))
        connection.send(head(200, "text/event-stream"), RESULT)

    with Wire(script) as server:
        build(connect(server), before_end=lambda: arrived.wait(20) and seen.append(b"|"))
    assert seen == [BODY[:-1], b"|", BODY[-1:]]


def test_an_error_before_the_last_byte_ends_the_request(connect):
    """If the callback raises, the server has nothing to build."""
    closed: list[bool] = []

    def wait(connection: Connection) -> None:
        connection.head()
        closed.append(connection.wait_closed())

    def refuse() -> None:
        raise KeyError("no")

    with Wire(wait) as server, pytest.raises(KeyError):
        build(connect(server), before_end=refuse)
    assert closed == [True]


def test_a_build_has_a_time_limit(connect):
    """A build that exceeds its limit is abandoned when the server next sends something."""
    clock = Clock()

    def script(connection: Connection) -> None:
        connection.open_stream()
        connection.send(log(1, "run", "Step 1/1: sleep"))
        until(lambda: clock.now > 2000)
        connection.send(b": keepalive\n\n")

    def on_event(_: BuildEvent) -> None:
        clock.now += 1801

    with Wire(script) as server:
        client = Client(Settings(server.url, KEY), clock=clock)
        with pytest.raises(errors.TimedOutError, match=r"within its time limit of 1800 s.*longer limit"):
            build(client, on_event=on_event)


def test_a_time_limit_applies_to_a_silent_build(connect):
    """The limit may be shorter than the silence after which a stream counts as lost."""
    done = threading.Event()

    def hold(connection: Connection) -> None:
        connection.open_stream()
        done.wait(20)

    with Wire(hold) as server:
        with pytest.raises(errors.TimedOutError):
            build(connect(server, clock=time.monotonic), timeout=0.2)
        done.set()


def test_a_callback_runs_with_each_keepalive_of_a_quiet_stream(connect):
    """The caller can check on the build by other means while the server only sends keepalives."""
    clock = Clock()
    quiet: list[float] = []

    def on_quiet(seconds: float, has_begun: bool) -> None:
        assert not has_begun
        quiet.append(seconds)
        clock.now += 15

    def script(connection: Connection) -> None:
        connection.open_stream()
        connection.send(b": keepalive\n\n")
        until(lambda: bool(quiet))
        connection.send(b": keepalive\n\n")
        until(lambda: len(quiet) == 2)
        connection.send(RESULT)

    with Wire(script) as server:
        client = Client(Settings(server.url, KEY), clock=clock, timing=Timing(quiet=0.0))
        build(client, on_quiet=on_quiet)
    assert quiet[:2] == [0.0, 15.0]


class StopError(Exception):
    """Raised by a callback."""


def test_an_error_of_a_callback_is_not_wrapped(connect):
    """It belongs to the caller, not to the client."""

    def stop(_: BuildEvent) -> None:
        raise StopError

    with Wire(streams(log(1, "run", "Step 1/1: ls"))) as server, pytest.raises(StopError):
        build(connect(server), on_event=stop)


def test_many_builds_run_simultaneously(connect):
    """One client streams a hundred builds at the same time."""
    everyone = threading.Barrier(100, timeout=60)

    def script(connection: Connection) -> None:
        connection.open_stream()
        connection.send(log(1, "run", "Step 1/1: ls"))
        everyone.wait()
        connection.send(RESULT)

    with Wire(script) as server, ThreadPoolExecutor(100) as pool:
        client = connect(server)
        built = list(pool.map(lambda _: build(client)[0].name, range(100)))
    assert built == ["tools"] * 100
