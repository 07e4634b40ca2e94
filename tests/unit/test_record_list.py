"""Lists of records: parsed as they arrive, only as far as needed, in little memory."""

from __future__ import annotations

import contextlib
import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answered import RECORD, redact
from pulumi_opencomputer import errors
from pulumi_opencomputer.api.record_list import RecordList, find_head, read_list
from pulumi_opencomputer.api.records import Head


def listed(data: bytes, size: int = 5, wanted: str = "") -> RecordList:
    chunks = (data[start : start + size] for start in range(0, len(data), size))
    return read_list(chunks, "list", redact, until=lambda record: record.id == wanted, last_is_whole=bool(wanted))


@pytest.mark.parametrize("size", [1, 3, 10_000])
def test_a_list_is_read_however_it_is_divided(size):
    """Of a manifest, only the plain values beside its steps are kept; the wanted record is complete."""
    manifest = {
        "base": 'a"\\',
        "mark": "m\u2028",
        "steps": [{"type": "run", "args": {"x": ["}", "]", '\\"{']}}],
        "o": {},
    }
    data = json.dumps([RECORD | {"manifest": manifest, "id": f"i{number}"} for number in range(3)], indent=1).encode()
    found = listed(data, size)
    assert [record.id for record in found] == ["i0", "i1", "i2"]
    assert found.is_whole
    assert found[0].manifest == {"base": 'a"\\', "mark": "m\u2028", "steps": None, "o": None}
    upto = listed(data, size, wanted="i1")
    assert [record.id for record in upto] == ["i0", "i1"]
    assert not upto.is_whole
    assert upto[1].manifest == manifest


@pytest.mark.parametrize(
    "bad",
    [{}, RECORD | {"id": []}, RECORD | {"status": 7}, RECORD | {"id": "<{%x%}>"}, RECORD | {"name": "n" * 70_000}],
)
def test_a_list_leaves_out_only_unreadable_records(bad):
    """Someone else's invalid record does not fail the list, but absence from such a list proves nothing."""
    found = listed(json.dumps([bad, RECORD, bad]).encode(), 1000)
    assert [record.id for record in found] == ["record-1"]
    assert not found.is_whole


def test_a_list_uses_memory_for_its_records_but_not_for_their_files():
    """Manifests are skipped, however large they are."""
    fields = {key: value for key, value in RECORD.items() if key != "manifest"}

    def chunks():
        for number in range(3):
            yield (b"[" if number == 0 else b",") + json.dumps(fields)[:-1].encode()
            yield b', "manifest": {"steps": [{"args": {"content": "'
            for _ in range(40):
                yield b'\\"' * 50_000
            yield b'"}}]}}'
        yield b"]"

    tracemalloc.start()
    found = read_list(chunks(), "list", redact, until=lambda _: False, last_is_whole=False)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (len(found), found.is_whole) == (3, True)
    assert peak < 2_000_000


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"{}", b"null", b'"[]"', b"[1]", b"[[]]", b'["a"]', b"[null]", b"[", b"[{}", b'[{"a": "]}', b"<html>"],
)
def test_an_invalid_list_is_an_error(data):
    """So is an incomplete list."""
    with pytest.raises(errors.ProtocolError):
        listed(data)


@given(st.binary(max_size=200) | st.text('[]{}",:\\ an1', max_size=200).map(str.encode), st.integers(1, 9))
def test_no_bytes_make_the_reader_of_lists_fail(data, size):
    """Any bytes give a list or an error of this package."""
    with contextlib.suppress(errors.ProtocolError):
        listed(data, size)


def head_of(data: bytes, wanted: str, size: int = 5, *, is_list: bool = True) -> Head | None:
    chunks = (data[start : start + size] for start in range(0, len(data), size))
    return find_head(chunks, "list", redact, lambda head: head.id == wanted, is_list=is_list)


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize("indent", [None, 1])
def test_a_head_is_found_before_its_manifest_arrives(size, indent):
    """The rest of the manifest is not awaited. A string that looks like its beginning is not taken for it."""
    before = {"id": "i2", "name": 'a "manifest":{', "contentHash": "ab" * 32, "checkpointId": "c"}
    records = [RECORD | {"id": "i1", "manifest": {"steps": [{"a": 1}]}}, before | {"manifest": {"steps": []}}]
    data = json.dumps(records, indent=indent).encode()
    cut = data[: data.rindex(b'"steps"')]
    assert head_of(cut + b'"never ends', "i2", size) == Head("i2", 'a "manifest":{', "ab" * 32, "c")
    one = json.dumps(records[1], indent=indent).encode()
    assert head_of(one, "i2", size, is_list=False) == head_of(cut, "i2", size)


def test_a_head_after_the_manifest_is_found_with_the_whole_record():
    """The server does not guarantee the order of a record's fields."""
    data = json.dumps([{"manifest": {"steps": []}, **RECORD, "id": "i1"}]).encode()
    found = head_of(data, "i1")
    assert found is not None
    assert str(RECORD["contentHash"]).startswith(found.content_hash)
    assert found.is_ready


def test_a_missing_head_is_none():
    """This holds for a list without the wanted record, and for one whose other records can't be read."""
    assert head_of(json.dumps([RECORD, {"id": 5}]).encode(), "other") is None
    assert head_of(b"[]", "other") is None


@pytest.mark.parametrize("data", [b'{"error": "no"}', b"[1]", b"", b"<html>"])
def test_finding_a_head_in_an_invalid_list_is_an_error(data):
    """A response of another kind does not count as an empty list."""
    with pytest.raises(errors.ProtocolError):
        head_of(data, "other")
