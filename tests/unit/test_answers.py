"""Responses: records are validated, texts are cleaned, and each kind of refusal has its own error class."""

from __future__ import annotations

import contextlib
import json
import re
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answered import HASH, KEY, RECORD, redact
from pulumi_opencomputer import errors
from pulumi_opencomputer import sanitize as text
from pulumi_opencomputer.api import records as answers
from pulumi_opencomputer.api.error_mapping import describe_failure, http_error, parse_retry_after, stream_error
from pulumi_opencomputer.api.records import parse_json, parse_record


def refuse(status: int, body: object, **headers: str) -> errors.APIError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return http_error(
        status, {k.replace("_", "-"): v for k, v in headers.items()}, raw, url="https://api.example", redact=redact
    )


def failed(message: str) -> errors.APIError:
    return stream_error(json.dumps({"error": message}).encode(), redact)


# Records


def test_every_field_of_a_record_is_read():
    """The content hash is cut at the first `:named:`, and the age counts from the creation."""
    record = parse_record(RECORD | {"cellId": "cell-1", "later": [1]}, "answer")
    assert record == answers.Record(
        "record-1",
        "tools",
        HASH,
        "ready",
        "checkpoint-1",
        "2026-08-01T10:00:00.5Z",
        "2026-08-01T10:00:00Z",
        {"base": "base", "steps": []},
        "org-1",
        "cell-1",
    )
    assert record.age(1785578410.5) == 10.0


def test_a_builds_record_has_neither_name_nor_checkpoint():
    """Fields that the server leaves out are None."""
    kept = {key: RECORD[key] for key in ("id", "contentHash", "createdAt")} | {"status": "building"}
    record = parse_record(kept, "answer")
    assert (record.name, record.checkpoint_id, record.last_used_at, record.manifest) == (None, None, None, None)
    assert parse_record(RECORD, "answer", with_manifest=False).manifest is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("id", None),
        ("id", ""),
        ("id", True),
        ("id", -7),
        ("id", 7.5),
        ("name", ["tools"]),
        ("contentHash", None),
        ("contentHash", "abc"),
        ("contentHash", HASH.upper()),
        ("contentHash", HASH + "0"),
        ("checkpointId", 1.5),
        ("status", ""),
        ("status", "<{%x%}>"),
        ("status", True),
        ("createdAt", "yesterday"),
        ("createdAt", "2026-08-01T10:00:00"),
        ("createdAt", "2026-13-01T10:00:00Z"),
        ("createdAt", 1754042400),
        ("lastUsedAt", 1),
        ("manifest", "secret-word"),
    ],
)
def test_a_record_with_a_field_of_a_wrong_type_is_refused(key, value):
    """A missing field, or one of a wrong type, is an error that names the field, but never shows its value."""
    with pytest.raises(errors.ProtocolError, match=f"a record whose {key} is") as caught:
        parse_record(RECORD | {key: value}, "answer")
    assert "secret-word" not in str(caught.value)


@pytest.mark.parametrize("value", [None, [], "record", 3])
def test_a_value_that_is_not_an_object_is_not_a_record(value):
    """A record is a JSON object."""
    with pytest.raises(errors.ProtocolError, match="is not a record"):
        parse_record(value, "answer")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"id": 7}, {"id": "7"}),
        ({"checkpointId": 8, "orgId": 9}, {"checkpoint_id": "8", "org_id": "9"}),
        ({"status": "archived"}, {"status": "archived"}),
        ({"createdAt": "2026-08-01T12:00:00.25+02:00"}, {"created_at": "2026-08-01T10:00:00.25Z"}),
        ({"createdAt": "2026-08-01t09:59:59z"}, {"created_at": "2026-08-01T09:59:59Z"}),
        ({"lastUsedAt": "2026-07-31 23:00:00-11:00"}, {"last_used_at": "2026-08-01T10:00:00Z"}),
        ({"name": "a\x1b[31m <{%x%}>\nb"}, {"name": "a <{ %x%}> b"}),
        ({"name": ""}, {"name": None}),
    ],
)
def test_a_record_of_another_server_is_read_as_well_as_possible(given, expected):
    """Numeric ids, times with an offset and unknown statuses are accepted; a foreign name is cleaned."""
    record = parse_record(RECORD | given, "answer")
    assert {key: getattr(record, key) for key in expected} == expected


@pytest.mark.parametrize(
    ("changes", "is_ready"),
    [({}, True), ({"checkpointId": None}, False), ({"status": "building"}, False), ({"status": "archived"}, False)],
)
def test_a_record_is_ready_only_if_its_image_exists(changes, is_ready):
    """A record whose image was deleted can't start a sandbox, and an unknown status does not count as ready."""
    assert parse_record(RECORD | changes, "answer").is_ready is is_ready


HOSTILE = [
    "<{%x%}>",
    "a\x1b[2Jb",
    "a\nb",
    "\x9b31m",
    "\u202e",
    "x" * 5000,
    "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]


@pytest.mark.parametrize("key", ["id", "checkpointId", "orgId", "cellId", "status", "createdAt", "lastUsedAt"])
@pytest.mark.parametrize("value", HOSTILE)
def test_a_field_that_a_terminal_or_the_engine_would_obey_is_refused(key, value):
    """Control characters, the engine's colour tags, its markers for unknown values, and very long texts are refused."""
    with pytest.raises(errors.ProtocolError, match=f"a record whose {key} is") as caught:
        parse_record(RECORD | {key: value}, "answer")
    assert value not in str(caught.value)


@pytest.mark.parametrize("value", HOSTILE)
def test_a_name_is_cleaned_or_refused(value):
    """It contains nothing that a terminal obeys or that the engine takes for one of its markers."""
    found = ""
    with contextlib.suppress(errors.ProtocolError):
        found = parse_record(RECORD | {"name": value}, "answer").name or ""
    assert not {"<{%", "\x1b", "\n", "\x9b", "\u202e"} & set(found)
    assert "<{%" not in found
    assert len(found) < 5000
    assert not text.is_engine_mark(found)


# JSON


@pytest.mark.parametrize("data", [b"", b"{", b"<html>", b'{"a": NaN}', b'"\xff"', b"[" * 100_000, b'"\\ud800"'])
def test_broken_json_is_an_error_with_an_excerpt(data):
    """The error quotes at most 200 characters of the response, without the key."""
    with pytest.raises(errors.ProtocolError, match="is not valid JSON") as caught:
        parse_json(data + KEY.encode(), "answer", redact)
    assert len(caught.value.text) <= 200
    assert KEY not in str(caught.value)


def test_json_of_very_many_values_is_refused_before_it_fills_the_memory():
    """Millions of tiny values, which would take gigabytes of memory, are not parsed."""
    with pytest.raises(errors.ProtocolError, match="more than 4,000,000 values"):
        parse_json(b"[" + b"[]," * 10_000_001 + b"[]]", "answer", redact)


def test_commas_in_a_string_do_not_count_as_values():
    """Commas inside strings don't count as separators of values."""
    data = b'{"content": "' + b",\\\\" * 5_000_000 + b'\\"", "more": [1, 2]}'
    assert parse_json(data, "answer", redact) == {"content": ",\\" * 5_000_000 + '"', "more": [1, 2]}


# Refusals


@pytest.mark.parametrize(
    ("status", "error", "kind", "advice"),
    [
        (400, "name is required", errors.InvalidRequestError, "refused the request"),
        (401, "missing API key", errors.AuthenticationError, "config set --secret opencomputer:apiKey"),
        (403, "invalid API key", errors.AuthenticationError, "config set --secret opencomputer:apiKey"),
        (404, "snapshot not found", errors.NotFoundError, "no such record"),
        (408, "slow", errors.TimedOutError, "Try again"),
        (409, "snapshot name already exists", errors.ConflictError, "name is taken"),
        (413, "too large", errors.InvalidRequestError, "ignore="),
        (422, "odd", errors.InvalidRequestError, "status 422"),
        (429, "slow down", errors.UnavailableError, "--parallel"),
        (500, "database is down", errors.UnavailableError, "Try again"),
        (500, "no workers available", errors.UnavailableError, "no free worker"),
        (500, "failed to save snapshot: duplicate key value violates", errors.ConflictError, "Someone else took"),
        (524, "timeout", errors.UnavailableError, "status 524"),
        (206, "odd", errors.ProtocolError, "unexpected status 206"),
    ],
)
def test_each_status_is_its_own_error(status, error, kind, advice):
    """An error has the response's status, advises the user, and quotes the server."""
    found = refuse(status, {"error": error})
    assert type(found) is kind
    assert found.status == status
    assert advice in found.message
    assert str(found) == f"{found.message} ({found.code}) The server said: {error}"


@pytest.mark.parametrize("body", [{"message": "Not Found"}, b"<html>404</html>", b"", {"error": 7}, [1]])
def test_a_404_that_the_api_did_not_give_means_a_wrong_address(body):
    """Only the API's own 404 shows that a record is gone. Any other one must not remove a resource from the state."""
    found = refuse(404, body)
    assert type(found) is errors.ProtocolError
    assert "opencomputer:apiUrl" in found.message


def test_a_redirect_names_its_target_without_the_query():
    """The error shows where the redirect leads, without the query, which may hold a sign-on page's token."""
    found = refuse(302, b"", location="https://login.example/start?token=secret-word")
    assert type(found) is errors.ProtocolError
    assert "https://login.example/start" in str(found)
    assert "secret-word" not in str(found)
    assert "opencomputer:apiUrl" in str(found)


def test_an_excerpt_of_the_servers_text_is_short_clean_and_without_the_key():
    """An excerpt is a single line of at most 200 characters, without control sequences and without the key."""
    found = refuse(400, {"error": f"\x1b[31mbad\x1b[0m <{{%fg 1%}}>\nkey {KEY[:3]}\x00{KEY[3:]} " + "x" * 1000})
    assert found.text.startswith("bad <{ %fg 1%}> key [API key] xxx")
    assert len(found.text) == 200
    assert KEY not in str(found)


def test_the_servers_words_can_be_withheld():
    """If a manifest has secrets, the error drops the server's text from its message, arguments and repr."""
    found = refuse(400, {"error": "secret-word"})
    found.withhold("(Its words are not shown.)")
    assert "secret-word" not in f"{found} {found!r} {found.args} {found.text}"
    assert str(found).endswith("(Its words are not shown.) (OC1102)")


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
    """Seconds and dates are understood; any other value is ignored."""
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
    """Steps are numbered from 1, as in the log. A program's output is not taken for an error of the server itself."""
    found = failed(message)
    assert isinstance(found, errors.BuildFailedError)
    assert (found.step, found.step_type, found.exit_code, found.text) == (step, kind, code, said)
    assert found.message == describe_failure(step, kind, code)
    assert str(found) == f"{found.message} (OC1111)" + (f" The server said: {said}" if said else "")


def test_a_failure_is_described_in_one_sentence():
    """The sentence contains as much of step, type and exit code as is known."""
    assert describe_failure(2, "run", 1) == ("The build of the image failed: step 2 (run) ended with exit code 1.")
    assert describe_failure(2, None, None) == ("The build of the image failed: step 2 ended with an error.")
    assert describe_failure(None, None, None) == "The build of the image failed."


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("timed out waiting for image build (hash=0123456789ab)", errors.BuildBlockedError),
        ("image build failed: timed out waiting for image build (hash=0123456789ab)", errors.BuildBlockedError),
        ('failed to save snapshot: ERROR: duplicate key value violates "x"', errors.ConflictError),
        ("image build failed: no workers available in region", errors.UnavailableError),
    ],
)
def test_other_errors_in_a_stream_have_their_own_classes(message, kind):
    """Blocked content, a lost race for a name and a lack of workers are not reported as failed builds."""
    found = failed(message)
    assert type(found) is kind
    assert found.text == message


@pytest.mark.parametrize("data", [b"", b"null", b"[]", b'{"error": 1}', b"{", b"\xff"])
def test_an_error_event_without_an_error_breaks_the_protocol(data):
    """An error event without a message is a protocol error."""
    assert type(stream_error(data, redact)) is errors.ProtocolError


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
    """Whatever the server sends, the terminal and the engine receive plain text."""
    assert text.clean(dirty) == cleaned


_PIECES = st.sampled_from(["<", "{", "%", "<{%", "\x1b", "[", "]", "0m", "\x07", "\x9b", "\r", "\x00", "\\", "P"])


@given(st.lists(_PIECES | st.text()).map("".join))
def test_cleaned_text_never_holds_what_the_engine_or_a_terminal_obeys(dirty):
    """No colour tag and no control character is left, whatever the text; cleaning it again changes nothing."""
    for cleaned in (text.clean(dirty), text.excerpt(dirty)):
        assert "<{%" not in cleaned
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]", cleaned)
    assert text.clean(text.clean(dirty)) == text.clean(dirty)
    assert len(text.excerpt(dirty)) <= 200
