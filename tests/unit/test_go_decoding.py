"""JSON as the server's Go code reads it: keys in any case, repeated keys, and input that its parser refuses."""

import json
from pathlib import Path

import pytest

from pulumi_opencomputer.content.go_json import ManifestEncodingError, canonical_value
from pulumi_opencomputer.content.hashing import canonical_chunks, content_hash
from pulumi_opencomputer.emulator.go_decoding import decoded, parse_json

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "content_hash.json").read_text())["cases"]


def canonical(text) -> str:
    return b"".join(canonical_chunks(decoded(parse_json(text)))).decode()


def settled(text):
    """Decode a value as part of a step's arguments."""
    return decoded({"steps": [{"args": {"value": parse_json(text)}}]})["steps"][0]["args"]["value"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["case"])
def test_each_vector_is_decoded_as_by_the_server(vector):
    """Each manifest among the vectors, read from its text, has the hash that the server returned."""
    assert content_hash(decoded(parse_json(vector["json"]))) == vector["hash"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"base":"1","BASE":"2"}', '{"base":"2","steps":null}'),
        ('{"BASE":"2","base":"1"}', '{"base":"1","steps":null}'),
        ('{"base":"1","Base":null}', '{"base":"1","steps":null}'),
        ('{"ba\u017fe":"1","\u017fteps":[]}', '{"base":"1","steps":[]}'),
        ('{"\ufb05eps":[]}', '{"base":"","steps":null}'),
        (
            '{"steps":[{"args":{"a":1,"b":1},"Args":{"b":2}}]}',
            '{"base":"","steps":[{"type":"","args":{"a":1,"b":2}}]}',
        ),
        (
            '{"steps":[{"args":{"a":1},"args":{"b":{"x":1,"x":{"y":2},"x":{"z":3}}}}]}',
            '{"base":"","steps":[{"type":"","args":{"a":1,"b":{"x":{"z":3}}}}]}',
        ),
        (
            '{"steps":[{"args":{"a":1},"Args":null,"ARGS":{"b":2}}]}',
            '{"base":"","steps":[{"type":"","args":{"b":2}}]}',
        ),
        (
            '{"steps":[{"type":"a","args":{"a":1}},{"type":"b"}],"Steps":[{"args":{"b":2}}]}',
            '{"base":"","steps":[{"type":"a","args":{"a":1,"b":2}}]}',
        ),
        (
            '{"steps":[{"type":"a"},{"type":"b"}],"Steps":[{}],"STEPS":[{},{},{}]}',
            '{"base":"","steps":[{"type":"a","args":null},{"type":"b","args":null},{"type":"","args":null}]}',
        ),
        (
            '{"steps":[{"type":"a"}],"Steps":[],"STEPS":[{}]}',
            '{"base":"","steps":[{"type":"","args":null}]}',
        ),
        (
            '{"steps":[{"type":"a"}],"Steps":null,"STEPS":[{}]}',
            '{"base":"","steps":[{"type":"","args":null}]}',
        ),
    ],
)
def test_repeated_keys(text, expected):
    """Keys match in any case and the last one wins; args are merged, and elements of an earlier list are reused."""
    assert canonical(text) == expected


@pytest.mark.parametrize(
    "manifest",
    [
        {"steps": [{"args": {"a": float("inf")}, "Args": {"a": 1}}]},
        {"steps": [{"args": {"a": float("inf")}, "Args": None}]},
        {"steps": [{"args": {"a": float("inf")}}], "Steps": []},
    ],
)
def test_overridden_values_must_be_valid_too(manifest):
    """The server refuses a value that it can't decode, even if a later one replaces it."""
    with pytest.raises(ManifestEncodingError) as caught:
        decoded(manifest)
    assert caught.value.path == "steps[0].args.a"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-0", b"-0"),
        ("[-0, -1, 0]", b"[-0,-1,0]"),
        ("1e400", None),
        ("9" * 5000, None),
        ("-" + "9" * 5000, None),
        ('{"a":1e400,"a":1}', None),
        ('{"a":1,"b":2,"a":3}', b'{"a":3,"b":2}'),
        (b'"\xff"', '"\ufffd"'.encode()),
        (b'"a\xe2\x82b\xed\xa0\x80"', f'"a{chr(0xFFFD) * 2}b{chr(0xFFFD) * 3}"'.encode()),
        (b'"\xe2\x82\xac"', '"€"'.encode()),
    ],
)
def test_json_is_parsed_as_by_the_server(text, expected):
    """Parsing keeps what affects the hash: signed zeros, repeated keys, and each invalid byte."""
    if expected is None:
        with pytest.raises(ManifestEncodingError, match="range"):
            canonical_value(settled(text))
    else:
        assert canonical_value(settled(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "NaN",
        "[Infinity]",
        "-Infinity",
        "",
        "{",
        "\ufeff{}",
        b"\xef\xbb\xbf{}",
        b"\xff",
        "{} {}",
        "[" * 100_000,
    ],
)
def test_invalid_json_is_an_error(text):
    """This includes input that Python's own parser accepts."""
    with pytest.raises(ValueError, match=r"JSON|Expecting|Extra data|BOM"):
        parse_json(text)
