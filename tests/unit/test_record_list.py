"""Lists of records: read as they come, up to what is wanted, in little memory."""

from __future__ import annotations

import contextlib
import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answered import ROW, redact
from pulumi_opencomputer import errors
from pulumi_opencomputer.api.record_list import RecordList, read_list


def listed(data: bytes, size: int = 5, wanted: str = "") -> RecordList:
    chunks = (data[start : start + size] for start in range(0, len(data), size))
    return read_list(chunks, "list", redact, until=lambda record: record.id == wanted, last_is_whole=bool(wanted))


@pytest.mark.parametrize("size", [1, 3, 10_000])
def test_a_list_is_read_however_it_is_cut(size):
    """Its records have what stands right in the manifest, and not what is large in it."""
    manifest = {
        "base": 'a"\\',
        "mark": "m\u2028",
        "steps": [{"type": "run", "args": {"x": ["}", "]", '\\"{']}}],
        "o": {},
    }
    data = json.dumps([ROW | {"manifest": manifest, "id": f"i{number}"} for number in range(3)], indent=1).encode()
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
    [{}, ROW | {"id": []}, ROW | {"status": 7}, ROW | {"id": "<{%x%}>"}, ROW | {"name": "n" * 70_000}],
)
def test_a_list_leaves_out_only_what_can_not_be_read(bad):
    """A stranger's odd record fails nobody else; but what is left out makes the list no proof of absence."""
    found = listed(json.dumps([bad, ROW, bad]).encode(), 1000)
    assert [record.id for record in found] == ["row-1"]
    assert not found.is_whole


def test_a_list_takes_the_memory_of_its_records_not_of_their_files():
    """However large a manifest is, it passes by."""
    fields = {key: value for key, value in ROW.items() if key != "manifest"}

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
def test_what_is_no_list_of_records_is_told(data):
    """Half a list is none."""
    with pytest.raises(errors.ProtocolError):
        listed(data)


@given(st.binary(max_size=200) | st.text('[]{}",:\\ an1', max_size=200).map(str.encode), st.integers(1, 9))
def test_no_bytes_make_the_reader_of_lists_fail(data, size):
    """Whatever the bytes, they are a list or an error of ours."""
    with contextlib.suppress(errors.ProtocolError):
        listed(data, size)
