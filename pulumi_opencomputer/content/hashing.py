"""The canonical bytes of a manifest in the API's form, and their SHA-256: the content hash.

The server decodes a manifest with Go's ``encoding/json`` into a base and a list of steps, each with a type and a map of
arguments, and hashes what the same library writes for that. So keys match in any case, null counts as missing, and
numbers are float64. What Go does with duplicate keys only matters for the emulator, because a mapping has none.
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

# Go matches keys with fields by simple case folding, which also maps two other characters to s and k.
_FOLDING = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)} | {0x17F: "s", 0x212A: "k"}

# Passing a chunk to the hashing thread takes about as long as hashing this many bytes.
_WORTH_A_THREAD = 64 * 1024

# How many chunks may wait for that thread. More would take memory and not be faster.
_AHEAD = 2


def content_hash(manifest: Mapping[str, Any] | None) -> str:
    """Return the content hash that the server gives a manifest.

    Args:
        manifest: The API's form, ``{"base", "steps": [{"type", "args"}]}``. A value in args may be a `Blob` or a
            `FileList`.

    Returns:
        64 hexadecimal digits.

    Raises:
        ManifestEncodingError: The server could not decode this manifest.
        ContentChangedError: A local file has changed since it was listed.
        LocalFileError: A local file can't be read.
    """
    with Digest() as digest:
        for chunk in canonical_chunks(manifest):
            digest.update(chunk)
        return digest.hexdigest()


class Hashed(NamedTuple):
    """The hashes of a manifest.

    Attributes:
        content_hash: 64 hex digits.
        digests: Eight hex digits for the content of a step, by the step's index. They are only shown to the user.
    """

    content_hash: str
    digests: Mapping[int, str]


def hash_with_digests(manifest: Mapping[str, Any], steps: Collection[int]) -> Hashed:
    """Return the content hash and short digests of some steps, in one pass over the bytes.

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
    """A running CRC-32, which is enough to show that a step changed, and much faster than SHA-256.

    Attributes:
        value: The CRC-32 of the bytes so far.
    """

    def __init__(self) -> None:
        self.value = 0

    def add(self, chunk: bytes) -> None:
        """Add bytes."""
        self.value = zlib.crc32(chunk, self.value)


class Digest:
    """A SHA-256 that hashes large chunks in a separate thread while the next ones are read and encoded.

    A context manager: the thread ends with the block, even after an exception. At most three chunks are in memory.
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
        """Add bytes.

        If hashing is slower than the caller, this waits, so that memory stays limited.

        Args:
            chunk: The bytes.
            checksum: A checksum to which the bytes are added too.
        """
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
        """Return the hash of all bytes so far, 64 hex digits."""
        while self._under_way:
            self._under_way.popleft().result()
        return self._hash.hexdigest()


def canonical_chunks(manifest: Mapping[str, Any] | None) -> Iterator[bytes]:
    """Yield the bytes that are hashed, in chunks of 1 MB to about 2 MB; the last may be smaller.

    Memory is constant, whatever the size of the blobs. Raises what `content_hash` raises, while it yields.
    """
    return chunks_of(manifest_tokens(manifest))


def chunks_of(tokens: Iterable[Token]) -> Iterator[bytes]:
    """Yield the bytes of tokens in chunks of 1 MB to about 2 MB; the last may be smaller."""
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
    """Return a copy of a manifest, or of a value in it, with each blob replaced by its base64.

    Raises:
        ContentChangedError: A local file has changed since it was listed.
        LocalFileError: A local file can't be read.
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
    """Yield the tokens of a manifest step by step, each with the step's index; -1 for tokens outside of steps."""
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
    """Return the form in which the server compares keys: in lower case, with Go's two special cases."""
    return key.translate(_FOLDING)


def object_at(value: object, path: str) -> Mapping[Any, object]:
    """Return a value of a manifest that must be an object.

    Raises:
        ManifestEncodingError: It is not an object.
    """
    if not isinstance(value, (dict, Mapping)):
        raise ManifestEncodingError(path, f"must be an object, not {kind_of(value)}")
    return value


def _fields(value: object, names: tuple[str, str], path: str) -> list[object]:
    """Return the values of an object's two fields; None if absent or null. Of several spellings the last counts."""
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
