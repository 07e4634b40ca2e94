"""The canonical bytes of a manifest in the API's form, and their SHA-256: the content hash.

The server decodes a manifest with Go's ``encoding/json`` into a base and a list of steps, each a type and a map of
arguments, and hashes what the same library writes for that. So keys match in any case, a null leaves what is missing,
and numbers are float64. What Go does with a key that stands twice is the emulator's alone: no mapping holds one.
"""

from __future__ import annotations

import hashlib
import zlib
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, NamedTuple

from .go_json import (
    Blob,
    FileList,
    ManifestEncodingError,
    Token,
    base64_text,
    expand_tokens,
    is_blob,
    key_of,
    kind_of,
    quoted_text,
    value_tokens,
)

__all__ = [
    "Blob",
    "Digest",
    "FileList",
    "Hashed",
    "ManifestEncodingError",
    "canonical_chunks",
    "content_hash",
    "embed_blobs",
    "fold_key",
    "hash_with_digests",
]

_BLOCK = 1024 * 1024

# Go matches a key with a field by simple case folding, under which two characters more are an s and a k.
_FOLDING = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)} | {0x17F: "s", 0x212A: "k"}

# Handing a chunk over to the thread that hashes takes about as long as hashing this much.
_WORTH_A_THREAD = 64 * 1024

# Chunks on their way to that thread. More of them would not make it faster, only larger.
_AHEAD = 2


def content_hash(manifest: Mapping[str, Any] | None) -> str:
    """Return the content hash that the server gives a manifest.

    Args:
        manifest: The API's form, ``{"base", "steps": [{"type", "args"}]}``; a value in args may be a `Blob` or
            a `FileList`.

    Returns:
        64 hexadecimal digits.

    Raises:
        ManifestEncodingError: The server could not decode this manifest.
        ContentChangedError: A blob is not as long as it was.
    """
    with Digest() as digest:
        for chunk in canonical_chunks(manifest):
            digest.update(chunk)
        return digest.hexdigest()


class Hashed(NamedTuple):
    """What the bytes of a manifest come to.

    Attributes:
        content_hash: 64 hex digits.
        digests: By the step's index, eight hex digits for what the step holds; for people, they decide nothing.
    """

    content_hash: str
    digests: Mapping[int, str]


def hash_with_digests(manifest: Mapping[str, Any], steps: Collection[int]) -> Hashed:
    """Return the content hash, and a short digest of each of some steps, in one pass over the bytes.

    Args:
        manifest: As for `content_hash`.
        steps: The indices of the steps that get a digest.

    Raises:
        ManifestEncodingError: As for `content_hash`.
        ContentChangedError: As for `content_hash`.
    """
    sums = {index: Checksum() for index in steps}
    with Digest() as digest:
        for index, tokens in _token_groups(manifest):
            for chunk in chunks_of(tokens):
                digest.update(chunk, sums.get(index))
        return Hashed(digest.hexdigest(), {index: f"{each.value:08x}" for index, each in sums.items()})


class Checksum:
    """A running CRC-32: enough to show that a step changed, and hardly any time beside the SHA-256.

    Attributes:
        value: The sum of the bytes so far.
    """

    def __init__(self) -> None:
        self.value = 0

    def add(self, chunk: bytes) -> None:
        """Add bytes."""
        self.value = zlib.crc32(chunk, self.value)


class Digest:
    """A SHA-256 that hashes large chunks in a thread of its own, while the next are read and encoded.

    A context manager: the thread ends with the block, however that ends. Memory is that of three chunks.
    """

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._under_way: deque[Future[None]] = deque()
        self._thread: ThreadPoolExecutor | None = None

    def __enter__(self) -> Digest:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread:
            self._thread.shutdown()

    def update(self, chunk: bytes, checksum: Checksum | None = None) -> None:
        """Add bytes, also to a checksum; waits where hashing is slower than what makes them."""
        if not self._thread:
            if len(chunk) < _WORTH_A_THREAD:
                self._add(chunk, checksum)
                return
            self._thread = ThreadPoolExecutor(1, "digest")
        if len(self._under_way) == _AHEAD:
            self._under_way.popleft().result()
        self._under_way.append(self._thread.submit(self._add, chunk, checksum))

    def _add(self, chunk: bytes, checksum: Checksum | None) -> None:
        self._hash.update(chunk)
        if checksum:
            checksum.add(chunk)

    def hexdigest(self) -> str:
        """The hash of all bytes so far, 64 hex digits."""
        while self._under_way:
            self._under_way.popleft().result()
        return self._hash.hexdigest()


def canonical_chunks(manifest: Mapping[str, Any] | None) -> Iterator[bytes]:
    """Yield the bytes that the content hash is taken of, in chunks of 1 MB to about 2 MB; the last may be smaller.

    Memory stays constant, whatever the size of the blobs. Raises as `content_hash` does, while it yields.
    """
    return chunks_of(manifest_tokens(manifest))


def chunks_of(tokens: Iterable[Token]) -> Iterator[bytes]:
    """Yield the bytes of tokens, in such chunks."""
    held: list[bytes] = []
    size = 0
    for piece in expand_tokens(tokens):
        held.append(piece)
        size += len(piece)
        if size >= _BLOCK:
            yield b"".join(held)
            held.clear()
            size = 0
    if held:
        yield b"".join(held)


def embed_blobs(value: Any) -> Any:
    """Return a copy of a manifest, or of a value in it, that has each blob's base64 in the blob's place.

    Raises:
        ContentChangedError: A blob is not as long as it was.
    """
    if isinstance(value, Mapping):
        return {key: embed_blobs(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [embed_blobs(member) for member in value]
    if isinstance(value, FileList):
        return [{"relativePath": relative, "content": base64_text(blob)} for relative, blob in value.entries]
    return base64_text(value) if is_blob(value) else value


def manifest_tokens(manifest: object) -> Iterator[Token]:
    """Yield the canonical bytes of a manifest as tokens.

    Raises:
        ManifestEncodingError: The server could not decode this manifest.
    """
    for _, tokens in _token_groups(manifest):
        yield from tokens


def _token_groups(manifest: object) -> Iterator[tuple[int, Iterable[Token]]]:
    """Yield the tokens of a manifest step by step, each with the step's index; -1 for what stands around them."""
    base, steps = _fields(manifest, ("base", "steps"), "")
    head = b'{"base":' + _text(base, "base") + b',"steps":'
    if steps is None:
        yield -1, (head + b"null}",)
        return
    if not isinstance(steps, (list, tuple)):
        raise ManifestEncodingError("steps", f"must be a list, not {kind_of(steps)}")
    yield -1, (head + b"[",)
    for index, step in enumerate(steps):
        if index:
            yield -1, (b",",)
        yield index, _step_tokens(step, f"steps[{index}]")
    yield -1, (b"]}",)


def _step_tokens(step: object, path: str) -> Iterator[Token]:
    kind, args = _fields(step, ("type", "args"), path)
    yield b'{"type":' + _text(kind, f"{path}.type") + b',"args":'
    yield from value_tokens(None if args is None else object_at(args, f"{path}.args"), f"{path}.args")
    yield b"}"


def fold_key(key: str) -> str:
    """Return what the server compares keys by: an ASCII field's name in lower case, however it is spelled."""
    return key.translate(_FOLDING)


def object_at(value: object, path: str) -> Mapping[Any, object]:
    """Return an object of a manifest, refused if it is none."""
    if not isinstance(value, (dict, Mapping)):
        raise ManifestEncodingError(path, f"must be an object, not {kind_of(value)}")
    return value


def _fields(value: object, names: tuple[str, str], path: str) -> list[object]:
    """The values of an object's two fields, None where one is absent or null; the last spelling of a name counts."""
    found: dict[str, object] = dict.fromkeys(names)
    if value is not None:
        for key, member in object_at(value, path).items():
            field = fold_key(key_of(key, path))
            if field in found and member is not None:
                found[field] = member
    return list(found.values())


def _text(value: object, path: str) -> bytes:
    if value is not None and not isinstance(value, str):
        raise ManifestEncodingError(path, f"must be a string, not {kind_of(value)}")
    return quoted_text(value or "")
