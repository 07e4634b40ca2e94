"""The body of a build request."""

import json
from collections.abc import Iterator

import pytest

from pulumi_opencomputer.content.hashing import ManifestEncodingError, canonical_chunks, content_hash
from pulumi_opencomputer.content.request_body import BuildRequest
from pulumi_opencomputer.errors import ContentChangedError


class Bytes:
    """A blob in memory whose bytes a test can change after it was measured."""

    def __init__(self, data: bytes):
        self.data, self.size = data, len(data)

    def chunks(self) -> Iterator[bytes]:
        yield self.data


def manifest(content: object = "aGVsbG8=") -> dict:
    return {
        "base": "base",
        "steps": [{"type": "add_file", "args": {"path": "/<a>", "content": content, "encoding": "base64"}}],
    }


def request(image: dict, name: str = "daily", **extra: object) -> BuildRequest:
    return BuildRequest(name, image, extra=extra, expected_hash=content_hash(image))


def test_the_body_has_manifest_extra_keys_and_name_and_the_announced_size():
    """The extra keys follow the manifest's own, and the name comes last."""
    built = request(manifest(Bytes(b"hello")), "daily ✓", runtimeMemoryMB=2048, builderMemoryMB=4096.0, mark="<1>")
    body = b"".join(built)
    assert json.loads(body) == {
        "image": {**manifest(), "builderMemoryMB": 4096, "mark": "<1>", "runtimeMemoryMB": 2048},
        "name": "daily ✓",
    }
    assert list(json.loads(body)["image"]) == ["base", "steps", "builderMemoryMB", "mark", "runtimeMemoryMB"]
    assert built.size == len(body)
    assert (built.name, built.content_hash) == ("daily ✓", content_hash(manifest()))


def test_the_body_contains_the_hashed_bytes():
    """The manifest in the body consists of its canonical bytes, without the last brace."""
    canonical = b"".join(canonical_chunks(manifest()))
    body = b"".join(request(manifest(), mark="x"))
    assert body == b'{"image":' + canonical[:-1] + b',"mark":"x"},"name":"daily"}'


@pytest.mark.parametrize("image", [{}, {"base": "b"}, {"steps": []}])
def test_the_smallest_manifests_give_a_complete_body(image):
    """Their body is complete too, even without extra keys."""
    body = b"".join(BuildRequest("n", image, expected_hash=content_hash(image)))
    assert json.loads(body) == {"image": {"base": "", "steps": None, **image}, "name": "n"}


def test_a_request_can_be_sent_again():
    """Iterating over it again gives the same body."""
    built = request(manifest(Bytes(b"x" * 1_000_000)), mark="x")
    assert b"".join(built) == b"".join(built)


@pytest.mark.parametrize("changed", [b"jello", b"hello, world", b"hell", b""])
def test_a_file_that_changed_leaves_the_body_unfinished(changed):
    """If a file differs from what was planned, the body ends early and can't be parsed."""
    blob = Bytes(b"hello")
    built = request(manifest(blob), mark="x")
    blob.data = changed
    sent: list[bytes] = []
    with pytest.raises(ContentChangedError):
        sent.extend(built)
    assert sum(map(len, sent)) < built.size
    with pytest.raises(json.JSONDecodeError):
        json.loads(b"".join(sent))


def test_a_large_file_that_changed_is_noticed_before_its_last_chunk():
    """A change in a file of many chunks is detected before the last chunk is yielded."""
    blob = Bytes(bytes(3_000_000))
    built = request(manifest(blob))
    blob.data = bytes(2_999_999) + b"x"
    sent: list[bytes] = []
    with pytest.raises(ContentChangedError, match="Run the same command again"):
        sent.extend(built)
    assert 0 < sum(map(len, sent)) < built.size


def test_content_with_another_hash_than_planned_is_not_sent():
    """This holds even if its files did not change."""
    with pytest.raises(ContentChangedError):
        list(BuildRequest("n", manifest(), expected_hash="0" * 64))


@pytest.mark.parametrize("key", ["base", "Steps", "name", "NAME", "ba\u017fe"])
def test_reserved_keys_are_refused_beside_the_manifest(key):
    """A key that would change the content or name the build's record is not accepted as an extra key."""
    with pytest.raises(ValueError, match="beside"):
        BuildRequest("n", manifest(), extra={key: "x"}, expected_hash=content_hash(manifest()))


def test_a_manifest_without_json_form_is_refused_at_once():
    """The error is raised when the request is created, not while it is sent."""
    with pytest.raises(ManifestEncodingError):
        BuildRequest("n", {"base": 1}, expected_hash="")


def test_the_representation_hides_the_content():
    """It shows the name, hash and size, but not the content."""
    built = request({"base": "hidden"}, mark="hidden")
    assert "hidden" not in repr(built)
    assert "daily" in repr(built)
