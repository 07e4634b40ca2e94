"""Answers: rows are checked, texts are cleaned, each kind of refusal is its own error."""

from __future__ import annotations

import json
import re
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_opencomputer import errors
from pulumi_opencomputer import sanitize as text
from pulumi_opencomputer.api import events as sse
from pulumi_opencomputer.api import records as answers
from pulumi_opencomputer.api.records import http_error, parse_json, parse_record, parse_retry_after, stream_error

KEY = "osb_1234567890"
HASH = "0123456789abcdef" * 4
ROW = {
    "id": "row-1",
    "orgId": "org-1",
    "name": "tools",
    "contentHash": f"{HASH}:named:a:named:b",
    "checkpointId": "checkpoint-1",
    "manifest": {"base": "base", "steps": []},
    "status": "ready",
    "createdAt": "2026-08-01T10:00:00.5Z",
    "lastUsedAt": "2026-08-01T10:00:00Z",
}


def hide(value: str) -> str:
    return value.replace(KEY, "[API key]")


def refuse(status: int, body: object, **headers: str) -> errors.APIError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return http_error(
        status, {k.replace("_", "-"): v for k, v in headers.items()}, raw, url="https://api.example", hide=hide
    )


def failed(message: str) -> errors.APIError:
    return stream_error(json.dumps({"error": message}).encode(), hide)


# Rows


def test_a_row_is_read_whole():
    """A named row's content hash is cut at the first mark, and its age counts from its creation."""
    row = parse_record(ROW, "answer")
    assert row == answers.Record(
        "row-1",
        "tools",
        HASH,
        "ready",
        "checkpoint-1",
        "2026-08-01T10:00:00.5Z",
        "2026-08-01T10:00:00Z",
        {"base": "base", "steps": []},
    )
    assert row.age(1785578410.5) == 10.0


def test_a_builds_row_has_neither_name_nor_checkpoint():
    """What the server leaves out is None."""
    kept = {key: ROW[key] for key in ("id", "contentHash", "createdAt")} | {"status": "building"}
    row = parse_record(kept, "answer")
    assert (row.name, row.checkpoint_id, row.last_used_at, row.manifest) == (None, None, None, None)
    assert parse_record(ROW, "answer", with_manifest=False).manifest is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("id", None),
        ("id", ""),
        ("id", 7),
        ("name", ["tools"]),
        ("contentHash", None),
        ("contentHash", "abc"),
        ("contentHash", HASH.upper()),
        ("contentHash", HASH + "0"),
        ("checkpointId", 1),
        ("status", "done"),
        ("status", True),
        ("createdAt", "yesterday"),
        ("createdAt", "2026-08-01T10:00:00+02:00"),
        ("createdAt", "2026-13-01T10:00:00Z"),
        ("createdAt", 1754042400),
        ("lastUsedAt", 1),
        ("manifest", "secret-word"),
    ],
)
def test_a_row_of_wrong_types_is_no_row(key, value):
    """Each field that is missing or of a wrong type is an error that names the field, never its value."""
    with pytest.raises(errors.ProtocolError, match=f"a row whose {key} is") as caught:
        parse_record(ROW | {key: value}, "answer")
    assert "secret-word" not in str(caught.value)


@pytest.mark.parametrize("value", [None, [], "row", 3])
def test_what_is_no_object_is_no_row(value):
    """A row is a JSON object, and a list of rows a JSON list."""
    with pytest.raises(errors.ProtocolError, match="is not a row"):
        parse_record(value, "answer")
    with pytest.raises(errors.ProtocolError, match="is not a list"):
        answers.parse_records({}, "answer")


# JSON


@pytest.mark.parametrize("data", [b"", b"{", b"<html>", b'{"a": NaN}', b'"\xff"', b"[" * 100_000, b'"\\ud800"'])
def test_broken_json_is_an_error_with_an_excerpt(data):
    """What is no JSON is told, with at most 200 characters of it, and without the key."""
    with pytest.raises(errors.ProtocolError, match="is not valid JSON") as caught:
        parse_json(data + KEY.encode(), "answer", hide)
    assert len(caught.value.text) <= 200
    assert KEY not in str(caught.value)


def test_json_of_very_many_values_is_refused_before_it_fills_the_memory():
    """Twenty million tiny values, which would take gigabytes, are not parsed."""
    with pytest.raises(errors.ProtocolError, match="more than 20,000,000 values"):
        parse_json(b"[" + b"[]," * 10_000_001 + b"[]]", "answer", hide)


# Refusals


@pytest.mark.parametrize(
    ("status", "error", "kind", "advice"),
    [
        (400, "name is required", errors.InvalidRequestError, "refused the request"),
        (401, "missing API key", errors.AuthenticationError, "config set --secret opencomputer:apiKey"),
        (403, "invalid API key", errors.AuthenticationError, "config set --secret opencomputer:apiKey"),
        (404, "snapshot not found", errors.NotFoundError, "no such row"),
        (408, "slow", errors.TimedOutError, "Try again"),
        (409, "snapshot name already exists", errors.ConflictError, "name is taken"),
        (413, "too large", errors.InvalidRequestError, "ignore="),
        (422, "odd", errors.InvalidRequestError, "status 422"),
        (429, "slow down", errors.UnavailableError, "--parallel"),
        (500, "database is down", errors.UnavailableError, "Try again"),
        (500, "no workers available", errors.UnavailableError, "no worker free"),
        (500, "failed to save snapshot: duplicate key value violates", errors.ConflictError, "by another"),
        (524, "timeout", errors.UnavailableError, "status 524"),
        (206, "odd", errors.ProtocolError, "unexpected status 206"),
    ],
)
def test_each_status_is_its_own_error(status, error, kind, advice):
    """An error carries its status, says what to do, and quotes the server."""
    found = refuse(status, {"error": error})
    assert type(found) is kind
    assert found.status == status
    assert advice in found.message
    assert str(found) == f"{found.message} The server said: {error}"


@pytest.mark.parametrize("body", [{"message": "Not Found"}, b"<html>404</html>", b"", {"error": 7}, [1]])
def test_a_404_that_the_api_did_not_give_means_a_wrong_address(body):
    """Only the API's own 404 means that a row is gone; any other must never lose a resource."""
    found = refuse(404, body)
    assert type(found) is errors.ProtocolError
    assert "opencomputer:apiUrl" in found.message


def test_a_redirect_names_its_target_without_the_query():
    """A redirect is an error that tells where it led, without the tokens of a sign-on page."""
    found = refuse(302, b"", location="https://login.example/start?token=secret-word")
    assert type(found) is errors.ProtocolError
    assert "https://login.example/start" in str(found)
    assert "secret-word" not in str(found)
    assert "opencomputer:apiUrl" in str(found)


def test_the_servers_words_are_short_clean_and_without_the_key():
    """An excerpt has one line of at most 200 characters, no control sequences and not the key."""
    found = refuse(400, {"error": f"\x1b[31mbad\x1b[0m <{{%fg 1%}}>\nkey {KEY[:3]}\x00{KEY[3:]} " + "x" * 1000})
    assert found.text.startswith("bad <{ %fg 1%}> key [API key] xxx")
    assert len(found.text) == 200
    assert KEY not in str(found)


def test_the_servers_words_can_be_withheld():
    """An error of a manifest with secrets can drop what the server said, everywhere in it."""
    found = refuse(400, {"error": "secret-word"})
    found.withhold("(Its words are not shown.)")
    assert "secret-word" not in f"{found} {found!r} {found.args} {found.text}"
    assert str(found).endswith("(Its words are not shown.)")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        (formatdate(1_000_060, usegmt=True), 60.0),
        (formatdate(999_000, usegmt=True), 0.0),
        ("Mon, 12 Jan 1970 13:47:40 -0000", 60.0),
        ("-5", None),
        ("1.5", None),
        ("", None),
        ("soon", None),
        ("²", None),
        ("9" * 400, None),
        ("Mon, 99 Jan 99999 00:00:00 GMT", None),
    ],
)
def test_retry_after_has_two_forms(value, expected):
    """Seconds and dates are understood, anything else is passed over."""
    assert parse_retry_after(value, 1_000_000.0) == expected


# Failed builds

PREFIX = "image build failed: image build failed: "


@pytest.mark.parametrize(
    ("message", "step", "kind", "code", "said"),
    [
        (PREFIX + "step 1 (run) failed (exit 1): E: no such\nfile", 2, "run", 1, "E: no such\nfile"),
        (PREFIX + "step 0 (apt_install) failed (exit 100): ", 1, "apt_install", 100, ""),
        (PREFIX + "step 2 (run) failed (exit -1): killed", 3, "run", -1, "killed"),
        (PREFIX + "step 3 (add_file): path must be absolute", 4, "add_file", None, "path must be absolute"),
        ("step 3 (add_dir) failed: odd", 4, "add_dir", None, "odd"),
        (PREFIX + "step 0 (run) failed (exit 1): no workers available", 1, "run", 1, "no workers available"),
        (PREFIX + "step 0 (run) failed (exit 1): duplicate key value", 1, "run", 1, "duplicate key value"),
        (PREFIX + "sandbox died", None, None, None, PREFIX + "sandbox died"),
        ("failed to save snapshot: odd", None, None, None, "failed to save snapshot: odd"),
    ],
)
def test_a_failed_build_names_its_step(message, step, kind, code, said):
    """Steps count from 1, as in the log; what a program printed is not taken for the server's own error."""
    found = failed(message)
    assert isinstance(found, errors.BuildFailedError)
    assert (found.step, found.step_type, found.exit_code, found.text) == (step, kind, code, said)
    assert found.message == answers.describe_failure(step, kind, code)
    assert str(found) == found.message + (f" The server said: {said}" if said else "")


def test_a_failure_is_told_in_one_sentence():
    """The sentence holds what is known of step, type and exit code."""
    assert answers.describe_failure(2, "run", 1) == (
        "The build of the image failed: step 2 (run) ended with exit code 1."
    )
    assert answers.describe_failure(2, None, None) == ("The build of the image failed: step 2 ended with an error.")
    assert answers.describe_failure(None, None, None) == "The build of the image failed."


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("timed out waiting for image build (hash=0123456789ab)", errors.BuildBlockedError),
        ("image build failed: timed out waiting for image build (hash=0123456789ab)", errors.BuildBlockedError),
        ('failed to save snapshot: ERROR: duplicate key value violates "x"', errors.ConflictError),
        ("image build failed: no workers available in region", errors.UnavailableError),
    ],
)
def test_other_errors_in_a_stream_are_told_apart(message, kind):
    """A blocked content, a lost race for a name and a lack of workers are no failed builds."""
    found = failed(message)
    assert type(found) is kind
    assert found.text == message


@pytest.mark.parametrize("data", [b"", b"null", b"[]", b'{"error": 1}', b"{", b"\xff"])
def test_an_error_event_without_an_error_breaks_the_protocol(data):
    """An error event that says nothing is an error of its own."""
    assert type(stream_error(data, hide)) is errors.ProtocolError


# Texts


@pytest.mark.parametrize(
    ("dirty", "cleaned"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x9b31mred", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;https://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bPdevice\x1b\\text", "text"),
        ("\x1b(Btext\x1bc", "text"),
        ("a\r\nb\rc\x0bd\u2028e\x85f", "a\nb\nc\nd\ne\nf"),
        ("a\tb\x00c\x08d\x7fe", "a\tbcde"),
        ("safe\u202etxt.exe\u2066", "safetxt.exe"),
        ("\ud800", "\ufffd"),
        ("<{%reset%}>", "<{ %reset%}>"),
        ("<{\x00%", "<{ %"),
        ("grün → ✓ 👩\u200d💻", "grün → ✓ 👩\u200d💻"),
    ],
)
def test_control_sequences_are_taken_out(dirty, cleaned):
    """A terminal and the engine see plain text, whatever the server sends."""
    assert text.clean(dirty) == cleaned


_PIECES = st.sampled_from(["<", "{", "%", "<{%", "\x1b", "[", "]", "0m", "\x07", "\x9b", "\r", "\x00", "\\", "P"])


@given(st.lists(_PIECES | st.text()).map("".join))
def test_cleaned_text_never_holds_what_the_engine_or_a_terminal_obeys(dirty):
    """Whatever the text, no colour introducer and no control character is left; cleaning twice adds nothing."""
    for cleaned in (text.clean(dirty), text.excerpt(dirty)):
        assert "<{%" not in cleaned
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]", cleaned)
    assert text.clean(text.clean(dirty)) == text.clean(dirty)
    assert len(text.excerpt(dirty)) <= 200


# Event streams


def read(stream: bytes, size: int = 7, limit: int = 10_000) -> tuple[list[sse.BuildEvent], sse.Ending | None]:
    found: list[sse.BuildEvent] = []
    chunks = (stream[start : start + size] for start in range(0, len(stream), size))
    return found, sse.read_build(chunks, found.append, hide, limit=limit)


def sent(name: str, data: bytes) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"


GOOD = sent("build_log", b'{"step": 1, "type": "run", "message": "hello"}')


@pytest.mark.parametrize("ends", [b"\n", b"\r", b"\r\n"])
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_a_stream_is_read_however_it_is_cut(ends, size):
    """Line ends of every kind and any cut into chunks give the same events."""
    stream = b": keepalive\n\n" + GOOD + GOOD + sent("news", b"x") + sent("result", '{"a": "é→👩"}'.encode()) + GOOD
    found, ending = read(stream.replace(b"\n", ends), size)
    assert found == [sse.BuildEvent(1, "run", "hello")] * 2
    assert ending == sse.Ending("result", '{"a": "é→👩"}'.encode())


def test_a_stream_without_an_ending_gives_none():
    """A stream that stops, also in the middle of its result, has no ending."""
    assert read(GOOD)[1] is None
    assert read(GOOD + b'event: result\ndata: {"a": 1}\n')[1] is None
    assert read(b"")[1] is None


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
def test_log_events_that_cant_be_read_are_passed_over(data):
    """A log line never breaks a build off."""
    found, ending = read(sent("build_log", data) + GOOD + sent("result", b"{}"), 65536, limit=10**7)
    assert found == [sse.BuildEvent(1, "run", "hello")]
    assert ending == sse.Ending("result", b"{}")


def test_messages_are_cleaned():
    """A message has no invalid UTF-8, control sequences, colour tags or key, and at most 8,000 characters."""
    message = b"\xff\\u001b[31m" + KEY.encode() + b" <{%fg 1%}>" + b"y" * 9000
    found, _ = read(sent("build_log", b'{"step": 0, "type": "<{%a", "message": "' + message + b'"}'), limit=10**6)
    assert found[0].type == "<{ %a"
    assert found[0].message.startswith("\ufffd[API key] <{ %fg 1%}>yyy")
    assert len(found[0].message) == 8000


@pytest.mark.parametrize(
    "flood", [b"data: " + b"x" * 20_000, b"data: x\n" * 3000, b": comment\n" * 3000, b"x" * 20_000]
)
def test_an_event_beyond_the_limit_is_not_read_on(flood):
    """One line, many lines and comments alike count towards an event's size."""
    with pytest.raises(errors.AnswerTooLargeError, match="larger than"):
        read(GOOD + flood, 1000)


def test_the_limit_is_one_events_not_the_streams():
    """A long stream of small events has no limit but time."""
    found, _ = read(GOOD * 1000, 1000, limit=2000)
    assert len(found) == 1000


@given(st.binary(max_size=300), st.integers(1, 50))
def test_no_bytes_make_the_reader_fail(stream, size):
    """Whatever the bytes, a stream is read to an ending or to its end."""
    read(GOOD + stream, size)
