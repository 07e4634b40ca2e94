"""The canonical bytes of a manifest in the API's form, and their SHA-256: the content hash.

The server decodes a manifest with Go's ``encoding/json`` into a base and a list of steps, each a type
and a map of arguments, and hashes what the same library writes for that. This module does both halves,
with all that follows from them: keys that match in any case, keys that stand twice, nulls that leave
the earlier value, numbers that are float64. Nothing here reads a file: a :class:`Blob` brings its bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from .digest import Digest
from .go_json import (
    Blob,
    FileList,
    ManifestEncodingError,
    RepeatedKeys,
    Token,
    base64_text,
    check_value,
    expand_tokens,
    is_blob,
    key_of,
    kind_of,
    merge_members,
    pairs_of,
    quoted_text,
    value_tokens,
)

__all__ = [
    "Blob",
    "FileList",
    "ManifestEncodingError",
    "canonical_chunks",
    "content_hash",
    "embed_blobs",
    "fold_key",
    "parse_json",
]

_BLOCK = 1024 * 1024

# Go matches a key with a field by simple case folding, under which two characters more are an s and a k.
_FOLDING = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)} | {0x17F: "s", 0x212A: "k"}


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


def fold_key(key: str) -> str:
    """Return what the server compares keys by: an ASCII field's name in lower case, however it is spelled."""
    return key.translate(_FOLDING)


def parse_json(text: bytes | str) -> Any:
    """Parse JSON as the server does, into values that `content_hash` gives the server's hash for.

    Beyond `json.loads`: ``-0`` keeps its sign, a key that stands twice is remembered (`content_hash`
    merges what Go merges), each byte that is not UTF-8 becomes U+FFFD, and ``NaN`` is refused.

    Raises:
        ValueError: This is not JSON, or nested deeper than Python can read.
    """
    if isinstance(text, bytes):
        text = _decode_utf8(text)
    try:
        return json.loads(text, object_pairs_hook=_members, parse_int=_integer, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("The JSON is nested too deeply.") from None


def _decode_utf8(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        # The handler gives one lone surrogate a byte, as Go gives one U+FFFD.
        return re.sub("[\udc80-\udcff]", "\ufffd", raw.decode("utf-8", "surrogateescape"))


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    return members if len(members) == len(pairs) else RepeatedKeys(pairs)


def _integer(digits: str) -> float:
    if digits == "-0":
        return -0.0
    # Python refuses to make an int of more than 4,300 digits; as a float it is infinite, and refused in args.
    return int(digits) if len(digits) < 400 else float(digits)


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON.")


# Decoding: what of a manifest counts


@dataclass
class _Step:
    type: str = ""
    args: dict[str, object] | None = None


@dataclass
class _Content:
    """What a manifest says.

    `store` is the memory behind Go's list of steps: a shorter list that follows hides the elements behind
    its end, and a longer one after that finds them again. `length` is None for a null list.
    """

    base: str
    store: list[_Step]
    length: int | None


def _decode(manifest: object) -> _Content:
    content = _Content(base="", store=[], length=None)
    for field, value in _fields(manifest, ("base", "steps"), ""):
        if field == "base":
            content.base = _string(value, content.base, "base")
        else:
            _decode_steps(value, content)
    return content


def _decode_steps(value: object, content: _Content) -> None:
    for index, step in enumerate(content.store):
        check_value(step.args, f"steps[{index}].args")
    if value is not None and not isinstance(value, (list, tuple)):
        raise ManifestEncodingError("steps", f"must be a list, not {kind_of(value)}")
    if not value:
        content.store, content.length = [], None if value is None else 0
        return
    content.length = len(value)
    for index, step in enumerate(value):
        if index == len(content.store):
            content.store.append(_Step())
        _decode_step(step, content.store[index], f"steps[{index}]")


def _decode_step(value: object, step: _Step, path: str) -> None:
    for field, member in _fields(value, ("type", "args"), path):
        if field == "type":
            step.type = _string(member, step.type, f"{path}.type")
        elif member is None:
            check_value(step.args, f"{path}.args")
            step.args = None
        else:
            step.args = merge_members(step.args or {}, _object_at(member, f"{path}.args"), f"{path}.args")


def _fields(value: object, names: tuple[str, ...], path: str) -> Iterator[tuple[str, object]]:
    """Yield the fields of an object in their order, each as often as its name stands there in some case."""
    if value is None:
        return
    for key, member in pairs_of(_object_at(value, path)):
        field = fold_key(key_of(key, path))
        if field in names:
            yield field, member


def _string(value: object, previous: str, path: str) -> str:
    if value is None:
        return previous
    if not isinstance(value, str):
        raise ManifestEncodingError(path, f"must be a string, not {kind_of(value)}")
    return value


def _object_at(value: object, path: str) -> Mapping[Any, object]:
    if not isinstance(value, (dict, Mapping)):
        raise ManifestEncodingError(path, f"must be an object, not {kind_of(value)}")
    return value


def manifest_tokens(manifest: object) -> Iterator[Token]:
    """Yield the canonical bytes of a manifest as tokens.

    Raises:
        ManifestEncodingError: The server could not decode this manifest.
    """
    content = _decode(manifest)
    yield b'{"base":' + quoted_text(content.base) + b',"steps":'
    if content.length is None:
        yield b"null}"
        return
    separator = b"["
    for index, step in enumerate(content.store[: content.length]):
        yield separator + b'{"type":' + quoted_text(step.type) + b',"args":'
        yield from value_tokens(step.args, f"steps[{index}].args")
        yield b"}"
        separator = b","
    yield b"]}" if content.length else b"[]}"
