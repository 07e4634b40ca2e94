"""The content hash: which parts of a manifest it covers, and in which bytes."""

import base64
import hashlib
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType

import pytest

from pulumi_opencomputer.content.go_json import canonical_value, tokens_size
from pulumi_opencomputer.content.hashing import (
    FileList,
    ManifestEncodingError,
    canonical_chunks,
    content_hash,
    embed_blobs,
    hash_with_digests,
    manifest_tokens,
)
from pulumi_opencomputer.errors import ContentChangedError, OpenComputerError

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "content_hash.json").read_text())["cases"]


class Bytes:
    """A blob in memory that yields chunks of a given size."""

    def __init__(self, data: bytes, chunk: int = 1000, size: int | None = None):
        self.data, self.chunk = data, chunk
        self.size = len(data) if size is None else size

    def chunks(self) -> Iterator[bytes]:
        for start in range(0, len(self.data), self.chunk):
            yield self.data[start : start + self.chunk]


class Zeros:
    """A blob of zero bytes that takes no memory for them."""

    def __init__(self, size: int):
        self.size = size

    def chunks(self) -> Iterator[bytes]:
        block = bytes(256 * 1024)
        for start in range(0, self.size, len(block)):
            yield block[: self.size - start]


class Attractive:
    """Has any attribute, as Pulumi's Output does."""

    def __getattr__(self, name: str) -> "Attractive":
        return self


def canonical(manifest) -> str:
    return b"".join(canonical_chunks(manifest)).decode()


def canonical_size(manifest) -> int:
    """The size that an upload announces, computed before a blob is read."""
    return tokens_size(manifest_tokens(manifest))


def with_args(args) -> dict:
    return {"base": "base", "steps": [{"type": "run", "args": args}]}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["case"])
def test_each_vector_has_the_hash_that_the_server_answered(vector):
    """Each manifest among the vectors has the hash that the server returned for it."""
    assert content_hash(json.loads(vector["json"])) == vector["hash"]


def test_all_vectors_are_there():
    """The file of vectors has all 36 cases."""
    assert len(VECTORS) == 36


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        (None, '{"base":"","steps":null}'),
        ({}, '{"base":"","steps":null}'),
        ({"steps": []}, '{"base":"","steps":[]}'),
        ({"steps": ()}, '{"base":"","steps":[]}'),
        ({"steps": [{}, None]}, '{"base":"","steps":[{"type":"","args":null},{"type":"","args":null}]}'),
        ({"steps": [{"args": {}, "type": "x"}]}, '{"base":"","steps":[{"type":"x","args":{}}]}'),
        ({"base": "b", "name": "n", "builderMemoryMB": 1}, '{"base":"b","steps":null}'),
        ({"steps": [{"type": "x", "more": float("nan")}]}, '{"base":"","steps":[{"type":"x","args":null}]}'),
        (MappingProxyType({"base": "b", "steps": ({},)}), '{"base":"b","steps":[{"type":"","args":null}]}'),
    ],
)
def test_only_base_and_type_and_args_of_steps_are_hashed(manifest, expected):
    """They are written in this order; nothing else in the manifest affects the hash."""
    assert canonical(manifest) == expected


@pytest.mark.parametrize(
    ("manifest", "path"),
    [
        ([], ""),
        ("base", ""),
        ({"base": 5}, "base"),
        ({"base": b"base"}, "base"),
        ({"steps": {}}, "steps"),
        ({"steps": "x"}, "steps"),
        ({"steps": [{}, []]}, "steps[1]"),
        ({"steps": [{"type": 1}]}, "steps[0].type"),
        ({"steps": [{"args": ["x"]}]}, "steps[0].args"),
        ({1: "x"}, ""),
        (with_args({1: "x"}), "steps[0].args"),
        (with_args(float("nan")), "steps[0].args"),
        (with_args({"a": float("nan")}), "steps[0].args.a"),
        (with_args({"a": [0, {"b c": float("inf")}]}), 'steps[0].args.a[1]["b c"]'),
        (with_args({"a": [[10**400]]}), "steps[0].args.a[0][0]"),
        (with_args({"a": {"b": {2: 3}}}), "steps[0].args.a.b"),
        (with_args({"a": b"secret"}), "steps[0].args.a"),
        (with_args({"a": {"secret"}}), "steps[0].args.a"),
        (with_args({"a": Attractive()}), "steps[0].args.a"),
    ],
)
def test_a_manifest_that_the_server_would_refuse_is_an_error_with_its_path(manifest, path):
    """Values that have no JSON form, or that the server can't decode, are an error that names only their path."""
    with pytest.raises(ManifestEncodingError) as caught:
        content_hash(manifest)
    assert caught.value.path == path
    assert "secret" not in str(caught.value)
    assert isinstance(caught.value, (ValueError, OpenComputerError))
    with pytest.raises(ManifestEncodingError):
        canonical_size(manifest)


def test_a_value_that_contains_itself_is_refused():
    """It is an error, not an endless loop."""
    value: list = []
    value.append(value)
    with pytest.raises(ManifestEncodingError, match="holds itself"):
        content_hash(with_args({"a": value}))


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 999, 1000, 3001, 800_000, 1_600_001])
@pytest.mark.parametrize("chunk", [1000, 3000, 300_000, 10_000_000])
def test_a_blob_is_hashed_as_its_base64(size, chunk):
    """A blob has the hash and size of its base64 string, however it is divided into chunks."""
    data = hashlib.shake_128(b"").digest(size)
    text = with_args({"path": "/a", "content": base64.b64encode(data).decode()})
    blob = with_args({"path": "/a", "content": Bytes(data, chunk)})
    assert content_hash(blob) == content_hash(text)
    assert canonical_size(blob) == canonical_size(text) == len(canonical(text))


def test_a_blob_may_come_byte_by_byte():
    """Chunks of one byte give the same base64 as a single chunk."""
    assert canonical_value(Bytes(b"hello", 1)) == b'"aGVsbG8="'


@pytest.mark.parametrize("size", [0, 3, 4, 6, 10_000_000])
def test_a_blob_of_another_length_is_refused(size):
    """A blob that yields more or fewer bytes than its size is an error, before all announced bytes are yielded."""
    sent: list[bytes] = []
    with pytest.raises(ContentChangedError):
        sent.extend(canonical_chunks(with_args({"content": Bytes(b"hello", 2, size=size)})))
    assert sum(map(len, sent)) < canonical_size(with_args({"content": Bytes(b"", size=size)}))


def test_a_blob_that_grows_is_refused_before_it_yields_more():
    """If a file has grown, the error comes before more is yielded than was measured."""
    manifest = with_args({"content": Bytes(bytes(5_000_000), 3000, size=1_800_000)})
    sent: list[bytes] = []
    with pytest.raises(ContentChangedError, match="longer"):
        sent.extend(canonical_chunks(manifest))
    assert 0 < sum(map(len, sent)) < canonical_size(manifest)


def test_embedding_blobs_keeps_the_hash_and_the_manifest():
    """The result is plain JSON with the same hash; the original manifest keeps its blobs."""
    blob = Bytes(bytes(range(256)) * 10)
    manifest = {**with_args({"files": ({"relativePath": "a", "content": blob},)}), "runtimeMemoryMB": 2048}
    embedded = embed_blobs(manifest)
    assert json.loads(json.dumps(embedded)) == {
        **with_args({"files": [{"relativePath": "a", "content": base64.b64encode(blob.data).decode()}]}),
        "runtimeMemoryMB": 2048,
    }
    assert content_hash(embedded) == content_hash(manifest)
    assert manifest["steps"][0]["args"]["files"][0]["content"] is blob


def test_the_size_is_known_without_reading():
    """Measuring a manifest does not read its blobs."""

    class Unreadable:
        size = 10

        def chunks(self):
            raise AssertionError

    assert canonical_size(with_args({"c": Unreadable()})) == canonical_size(with_args({"c": "x" * 16}))


@pytest.mark.parametrize("names", [[], ["a"], ["a", "b<&>", 'c"', "ü", "d\u2028"]])
def test_a_file_list_is_hashed_as_a_list_of_mappings(names):
    """It has the same hash, size and embedded form as a list of mappings with base64 content."""
    files = FileList([(name, Bytes(name.encode() * 3)) for name in names])
    embedded = [{"relativePath": name, "content": base64.b64encode(name.encode() * 3).decode()} for name in names]
    assert canonical(with_args({"files": files})) == canonical(with_args({"files": embedded}))
    assert canonical_size(with_args({"files": files})) == canonical_size(with_args({"files": embedded}))
    assert embed_blobs(with_args({"files": files})) == with_args({"files": embedded})


def test_many_small_values_come_in_blocks():
    """Thousands of small files are joined: all chunks but the last have at least 1 MB."""
    files = [{"relativePath": f"{i}", "content": Bytes(b"x" * 500)} for i in range(8000)]
    sizes = [len(chunk) for chunk in canonical_chunks(with_args({"files": files}))]
    assert len(sizes) > 3
    assert all(1024 * 1024 <= size < 1080 * 1024 for size in sizes[:-1])


@pytest.mark.parametrize("size", [10, 3_000_000])
def test_digests_of_steps_come_with_the_hash(size):
    """The hash stays the same, and each requested step has a digest that depends on that step only."""
    steps = [{"type": "add_file", "args": {"content": Bytes(bytes([n]) * size)}} for n in range(3)]
    found = hash_with_digests({"base": "b", "steps": steps}, [0, 2])
    assert found.content_hash == content_hash({"base": "b", "steps": steps})
    assert sorted(found.digests) == [0, 2]
    assert len(set(found.digests.values())) == 2
    alone = hash_with_digests({"base": "other", "steps": [steps[1], steps[2]]}, [1])
    assert alone.digests[1] == found.digests[2]
    with_more = hash_with_digests({"steps": [{**steps[2], "args": {"content": Bytes(bytes([2]) * size + b"x")}}]}, [0])
    assert with_more.digests[0] != found.digests[2]


def test_memory_is_constant():
    """Hashing a blob of 64 MB takes less than 6 MB of memory."""
    tracemalloc.start()
    try:
        content_hash(with_args({"files": [Zeros(64 * 1024 * 1024)]}))
        assert tracemalloc.get_traced_memory()[1] < 6_000_000
    finally:
        tracemalloc.stop()


def test_a_manifest_is_not_changed():
    """Hashing leaves the manifest as it is, even where two spellings of `args` are merged."""
    manifest = {"steps": [{"args": {"a": 1}, "Args": {"b": [2]}}]}
    before = json.dumps(manifest)
    content_hash(manifest)
    assert json.dumps(manifest) == before
