"""A build's event stream: it is read from chunks of any size, its events have types, and their size is limited."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answered import KEY, redact
from pulumi_opencomputer import errors
from pulumi_opencomputer.api import events
from pulumi_opencomputer.api.error_mapping import stream_error
from pulumi_opencomputer.api.event_stream import TerminalEvent, read_build


def read(stream: bytes, size: int = 7, limit: int = 10_000) -> tuple[list[events.BuildEvent], TerminalEvent | None]:
    found: list[events.BuildEvent] = []
    chunks = (stream[start : start + size] for start in range(0, len(stream), size))
    return found, read_build(chunks, found.append, redact, limit=limit)


def sent(name: str, data: bytes) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"


GOOD = sent("build_log", b'{"step": 1, "type": "run", "message": "hello"}')


@pytest.mark.parametrize("ends", [b"\n", b"\r", b"\r\n"])
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_a_stream_is_read_however_it_is_divided(ends, size):
    """The events are the same for all kinds of line ends and all sizes of chunks."""
    stream = b": keepalive\n\n" + GOOD + GOOD + sent("news", b"x") + sent("result", '{"a": "é→👩"}'.encode()) + GOOD
    found, ending = read(stream.replace(b"\n", ends), size)
    hello = events.OtherLine(1, "run", "hello")
    assert found == [hello, hello, events.OtherLine(None, "news", "x")]
    assert ending == TerminalEvent("result", '{"a": "é→👩"}'.encode())


def test_a_stream_that_stops_early_has_no_terminal_event():
    """If the stream stops before a result or an error, there is no terminal event."""
    assert read(GOOD)[1] is None
    assert read(GOOD + b"event: result\n")[1] is None
    assert read(b"")[1] is None


@pytest.mark.parametrize("tail", [b"", b"\n", b"\r"])
def test_a_terminal_event_without_its_blank_line_is_marked_incomplete(tail):
    """All of its data may have arrived nevertheless; the JSON parser has to decide that."""
    assert read(GOOD + b'event: result\ndata: {"a": 1}' + tail)[1] == TerminalEvent("result", b'{"a": 1}', False)
    assert read(GOOD + b'event: error\ndata: {"a"' + tail)[1] == TerminalEvent("error", b'{"a"', False)


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_a_stream_may_begin_with_a_byte_order_mark(size):
    """The format allows it."""
    found, ending = read(b"\xef\xbb\xbf" + GOOD + sent("result", b"{}"), size)
    assert found == [events.OtherLine(1, "run", "hello")]
    assert ending == TerminalEvent("result", b"{}")


def test_data_on_several_lines_is_one_event():
    """The format joins the lines with a line break."""
    assert read(b"event: result\ndata: {\ndata:}\n\n")[1] == TerminalEvent("result", b"{\n}")
    assert read(b"data: {}\nid: 1\nevent: result\n\n")[1] == TerminalEvent("result", b"{}")


@pytest.mark.parametrize("order", ["event: error\ndata: ", "data: "])
def test_a_very_large_error_is_read_up_to_its_limit(order):
    """The first megabyte of an error event is read: it has the step and the beginning of the program's output."""
    error = b'{"error": "image build failed: step 1 (run) failed (exit 7): \\ud83d\\udc69'
    chunks = 0

    def flood():
        nonlocal chunks
        yield order.encode() + error
        while chunks < 100:
            chunks += 1
            yield b"E\\n" * 10_000
        yield b'"}\nevent: error\n\n'

    ending = read_build(flood(), lambda _: None, redact, limit=10**7)
    assert ending is not None
    assert len(ending.data) <= 1024 * 1024
    assert chunks < 40 or not order.startswith("event")
    found = stream_error(ending.data, redact)
    assert isinstance(found, errors.BuildFailedError)
    assert (found.step, found.exit_code) == (2, 7)
    assert len(found.text) <= 4000


@pytest.mark.parametrize(
    ("name", "data", "line"),
    [
        ("build_log", b'{"step": 2, "type": "run", "message": "hi"}', events.OtherLine(2, "run", "hi")),
        ("build_log", b'{"message": "hi"}', events.OtherLine(None, "", "hi")),
        ("output", b'{"step": "2", "message": "hi", "stream": "stderr"}', events.OtherLine(None, "", "hi")),
        ("warning", b"disk almost full", events.OtherLine(None, "warning", "disk almost full")),
        ("message", b'{"text": "hi"}', events.OtherLine(None, "message", '{"text": "hi"}')),
        ("progress", b'{"step": 1, "type": "run", "percent": 7}', None),
    ],
)
def test_unknown_events_are_log_lines(name, data, line):
    """A later server may send events with other names, other fields, or plain text."""
    found, _ = read(sent(name, data) + sent("result", b"{}"))
    expected = line or events.OtherLine(1, "run", data.decode())
    assert found == [expected]


@pytest.mark.parametrize(("name", "data"), [("ping", b"1"), ("keepalive", b'{"time": 3}'), ("build_log", b"{}")])
def test_keepalives_are_not_log_lines(name, data):
    """They contain nothing about the build."""
    assert read(sent(name, data) + sent("result", b"{}"))[0] == []


@pytest.mark.parametrize(
    ("step", "kind", "message", "expected"),
    [
        (0, "build", "Building image with 2 steps (sandbox=s)", events.BuildStarted),
        (0, "cache_hit", "Image found in cache (hash=0123)", events.CacheHit),
        (1, "run", "Step 1/2: ls\n-l", events.StepStarted),
        (1, "run", "Step 1/2 completed", events.StepCompleted),
        (3, "checkpoint", "Creating checkpoint...", events.CheckpointStarted),
        (3, "checkpoint", "Uploading", events.OtherLine),
        (0, "build", "Warming up", events.OtherLine),
        (2, "run", "Step 1/2 completed", events.OtherLine),
        (1, "run", "Step 1/2 completed, with warnings", events.OtherLine),
        (1, "run", "Step 1/2 : FROM scratch", events.OtherLine),
    ],
)
def test_known_messages_become_typed_events(step, kind, message, expected):
    """A message that the server is known to send has its own event class; any other is a log line."""
    data = json.dumps({"step": step, "type": kind, "message": message}).encode()
    (found,), _ = read(sent("build_log", data))
    assert type(found) is expected
    assert found.message == message


def test_the_start_of_a_step_has_its_numbers():
    """It has the step's number, the number of steps, and the server's description."""
    (found,), _ = read(sent("build_log", b'{"step": 1, "type": "run", "message": "Step 1/2: ls"}'))
    assert found == events.StepStarted(1, "run", "Step 1/2: ls", 1, 2, "ls")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b'{"step": "1", "type": "run", "message": ""}',
        b'{"step": true, "type": "run", "message": ""}',
        b'{"step": -1, "type": "run", "message": ""}',
        b'{"step": 1e999, "type": "run", "message": ""}',
        b'{"step": 1, "type": null, "message": ""}',
        b'{"step": 1, "type": "run"}',
        b"[" * 5000,
        b'{"step": 1, "type": "run", "message": "' + b"x" * 1_100_000 + b'"}',
    ],
)
def test_unreadable_log_events_do_not_end_the_stream(data):
    """The build's stream is read to its end, and as much of the message as can be read is shown."""
    found, ending = read(sent("build_log", data) + GOOD + sent("result", b"{}"), 65536, limit=10**7)
    assert found[-1] == events.OtherLine(1, "run", "hello")
    assert len(found) <= 2
    assert all(len(event.message) <= 8000 for event in found)
    assert ending == TerminalEvent("result", b"{}")


def test_messages_are_cleaned():
    """A message has no invalid UTF-8, control sequences, colour tags or API key, and at most 8,000 characters."""
    message = b"\xff\\u001b[31m" + KEY.encode() + b" <{%fg 1%}>" + b"y" * 9000
    found, _ = read(sent("build_log", b'{"step": 0, "type": "<{%a", "message": "' + message + b'"}'), limit=10**6)
    assert found[0].type == "<{ %a"
    assert found[0].message.startswith("\ufffd[API key] <{ %fg 1%}>yyy")
    assert len(found[0].message) == 8000


@pytest.mark.parametrize(
    "flood", [b"data: " + b"x" * 20_000, b"data: x\n" * 3000, b": comment\n" * 3000, b"x" * 20_000]
)
def test_reading_stops_at_an_event_beyond_the_limit(flood):
    """A single line, many lines, and comments all count towards the size of an event."""
    with pytest.raises(errors.AnswerTooLargeError, match="larger than"):
        read(GOOD + flood, 1000)


def test_the_limit_applies_to_an_event_and_not_to_the_stream():
    """A long stream of small events has no size limit."""
    found, _ = read(GOOD * 1000, 1000, limit=2000)
    assert len(found) == 1000


@given(st.binary(max_size=300), st.integers(1, 50))
def test_no_bytes_make_the_reader_fail(stream, size):
    """Any bytes can be read until a terminal event or the end of the stream."""
    read(GOOD + stream, size)
