"""The canonical JSON bytes of one value, as Go's ``encoding/json`` writes what it has read.

A pure module: nothing here reads a file, a :class:`Blob` brings its own bytes. Values are written without
recursion and in pieces, so that neither their depth nor their size is bound to Python's stack or memory.
"""

from __future__ import annotations

import binascii
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeGuard

from ..errors import ContentChangedError, OpenComputerError

_TEXT_BLOCK = 1024 * 1024
# A multiple of three, so that only the last block of a file's base64 is padded. Its base64 fits into a processor's
# cache, and stays below the size from which the C library maps memory anew, and the kernel clears it, each time.
_RAW_BLOCK = 48 * 1024

# The manifest, its list of steps and a step stand around a step's args; Go refuses a 10,001st level.
_MAX_LEVELS_OF_ARGS = 10_000 - 3

_ESCAPED_IN_ASCII = ((b"<", b"\\u003c"), (b">", b"\\u003e"), (b"&", b"\\u0026"))
_ESCAPED_BEYOND_JSON = (
    *_ESCAPED_IN_ASCII,
    ("\u2028".encode(), b"\\u2028"),
    ("\u2029".encode(), b"\\u2029"),
)
_NOT_PLAIN = (*map(chr, range(0x20)), *'"\\<>&')
_LONG_TEXT = 4096
_PLAIN = re.compile(r"[ !#-%'-;=?-\[\]-\x7f]*")

_json_text = json.JSONEncoder(ensure_ascii=False).encode


class Blob(Protocol):
    """The bytes of a file, as a value inside a step's args: there it means their padded base64."""

    @property
    def size(self) -> int:
        """The number of raw bytes."""

    def chunks(self) -> Iterator[bytes]:
        """Yield the raw bytes from the start, in chunks of any size.

        Raises:
            ContentChangedError: The bytes are no longer those that `size` was taken of.
        """


@dataclass(frozen=True, slots=True)
class FileList:
    """The files of a directory, as a value inside a step's args: there it means a list of ``{relativePath, content}``.

    Worth a type of its own, as there may be 20,000: written as that list, they take twice the time.

    Attributes:
        entries: The relative path and the bytes of each, in the list's order.
    """

    entries: Sequence[tuple[str, Blob]]


Token: TypeAlias = bytes | Blob


class ManifestEncodingError(OpenComputerError, ValueError):
    """A manifest can't be brought into canonical bytes: the server would refuse its JSON.

    Attributes:
        path: Where, in the API's form, as ``steps[1].args.packages[0]``; empty for the manifest itself.
        reason: What is wrong there, without the value.
    """

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path or 'manifest'}: {reason}")


class RepeatedKeys(dict[str, Any]):
    """A JSON object in which a key stands twice: a dict of the last values that keeps all its pairs."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs


def canonical_value(value: object) -> bytes:
    """Return the canonical bytes of one JSON value, such as stands in a step's args.

    Raises:
        ManifestEncodingError: The value has no JSON form.
        ContentChangedError: A blob is not as long as it was.
    """
    return b"".join(expand_tokens(value_tokens(value, "")))


# Objects


def merge_members(known: dict[str, object], members: Mapping[Any, object], path: str) -> dict[str, object]:
    """Add members to `known` and return it; the last value of a key wins, but all must be valid."""
    for member, value in pairs_of(members):
        key = _well_formed(key_of(member, path))
        if key in known:
            check_value(known[key], path + _step_into(key))
        known[key] = value
    return known


def pairs_of(members: Mapping[Any, object]) -> Iterable[tuple[Any, object]]:
    """Return all pairs of an object as they were written, also those of keys that stand twice."""
    return members.pairs if isinstance(members, RepeatedKeys) else members.items()


def key_of(key: object, path: str) -> str:
    """Return a key of the object at `path`, refused if it is not a string."""
    if not isinstance(key, str):
        raise ManifestEncodingError(path, f"a key must be a string, not {kind_of(key)}")
    return key


def check_value(value: object, path: str) -> None:
    """Refuse a value that does not count in the end, but makes the server refuse the whole."""
    for _ in value_tokens(value, path):
        pass


def kind_of(value: object) -> str:
    """Describe a value without showing it."""
    return "null" if value is None else f"a value of type {type(value).__name__}"


# Tokens: each is canonical bytes, or a blob that stands for its base64


class _Level(NamedTuple):
    """A list or object being written: its place, the members still to come, and what closes it."""

    label: str | int
    members: Iterator[tuple[bytes, str | int, object]]
    opening: bytes
    closing: bytes


def value_tokens(value: object, path: str) -> Iterator[Token]:
    """Yield a value's tokens; without recursion, as Go takes values nested deeper than Python's stack."""
    levels = [_Level(path, iter(((b"", "", value),)), b"", b"")]
    while levels:
        for prefix, label, member in levels[-1].members:
            try:
                token = _token(member, label, len(levels))
            except ManifestEncodingError as error:
                raise ManifestEncodingError(_path_of(levels, label) + error.path, error.reason) from None
            if isinstance(token, bytes):
                yield prefix + token
            elif isinstance(token, _Level):
                yield prefix + token.opening
                levels.append(token)
                break
            elif isinstance(token, FileList):
                yield prefix + b"["
                yield from _file_tokens(token)
                yield b"]"
            else:
                yield prefix + b'"'
                yield from _text_tokens(token) if isinstance(token, str) else (token,)
                yield b'"'
        else:
            yield levels.pop().closing


def _token(value: object, label: str | int, depth: int) -> bytes | str | Blob | FileList | _Level:
    if isinstance(value, str):
        return quoted_text(value) if len(value) <= _TEXT_BLOCK else value
    if isinstance(value, (dict, Mapping, list, tuple)):
        if depth > _MAX_LEVELS_OF_ARGS:
            raise ManifestEncodingError("", "nested too deeply, or a value that holds itself")
        if isinstance(value, (list, tuple)):
            return _Level(label, _list_members(value), b"[", b"]")
        return _Level(label, _object_members(merge_members({}, value, "")), b"{", b"}")
    if value is None or isinstance(value, bool):
        return {None: b"null", True: b"true", False: b"false"}[value]
    if isinstance(value, (int, float)):
        return _number(value)
    if isinstance(value, FileList) or is_blob(value):
        return value
    raise ManifestEncodingError("", f"{kind_of(value)} has no JSON form")


def _list_members(values: Sequence[object]) -> Iterator[tuple[bytes, int, object]]:
    separator = b""
    for index, value in enumerate(values):
        yield separator, index, value
        separator = b","


def _object_members(members: Mapping[str, object]) -> Iterator[tuple[bytes, str, object]]:
    # Code points in order are UTF-8 bytes in order, once no surrogate is among them.
    separator = b""
    for key in sorted(members):
        yield separator + quoted_text(key) + b":", key, members[key]
        separator = b","


def _file_tokens(files: FileList) -> Iterator[Token]:
    """Yield what stands between a list's brackets: two tokens a file."""
    opening = b'{"content":"'
    for relative, blob in files.entries:
        yield opening
        yield blob
        opening = b'","relativePath":%b},{"content":"' % quoted_text(relative)
    if files.entries:
        yield opening.removesuffix(b',{"content":"')


def is_blob(value: object) -> TypeGuard[Blob]:
    """Tell whether a value is a blob."""
    # Asked of the type: an instance of Pulumi's Output answers yes to any attribute.
    return callable(getattr(type(value), "chunks", None))


def _path_of(levels: list[_Level], label: str | int) -> str:
    if len(levels) > _MAX_LEVELS_OF_ARGS:
        return str(levels[0].label)
    # The outermost level holds the value alone, under no key.
    labels = [*(level.label for level in levels[1:]), label][1:]
    return str(levels[0].label) + "".join(map(_step_into, labels))


def _step_into(label: str | int) -> str:
    if isinstance(label, int):
        return f"[{label}]"
    return f".{label}" if label.isidentifier() else f"[{json.dumps(label)}]"


# Strings and numbers


def quoted_text(text: str) -> bytes:
    """Return a string's canonical bytes, with its quotes."""
    if _is_plain(text):
        return b'"%b"' % text.encode()
    try:
        raw = _json_text(text).encode()
    except UnicodeEncodeError:
        raw = _json_text(_well_formed(text)).encode()
    for plain, escaped in _ESCAPED_IN_ASCII if text.isascii() else _ESCAPED_BEYOND_JSON:
        raw = raw.replace(plain, escaped)
    return raw


def _is_plain(text: str) -> bool:
    if len(text) <= _LONG_TEXT:
        return _PLAIN.fullmatch(text) is not None
    # 37 searches at the memory's speed, so that base64 of megabytes skips the six times slower encoder.
    return text.isascii() and not any(character in text for character in _NOT_PLAIN)


def _text_tokens(text: str) -> Iterator[bytes]:
    """Yield the inside of a long string's quotes in blocks: a copy of 200 MB costs more than its hash."""
    start = 0
    while start < len(text):
        end = start + _TEXT_BLOCK
        if "\ud800" <= text[end - 1 : end] <= "\udbff":
            end -= 1  # the first half of a pair goes with the second
        yield quoted_text(text[start:end])[1:-1]
        start = end


def _well_formed(text: str) -> str:
    """Join pairs of surrogates, and replace each lone one by U+FFFD, as Go does with escapes."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _number(value: float) -> bytes:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ManifestEncodingError("", "the number is not within the range of a float64")
    text = repr(number)
    if "e" in text:
        plain = 1e-6 <= abs(number) < 1e21
        text = format(Decimal(text), "f") if plain else text.replace("e-0", "e-")
    return text.removesuffix(".0").encode()


# Blobs


def expand_tokens(tokens: Iterable[Token]) -> Iterator[bytes]:
    """Yield the bytes of tokens, those of blobs in blocks of at most 64 KB."""
    for token in tokens:
        if isinstance(token, bytes):
            yield token
        else:
            yield from _base64(token)


def tokens_size(tokens: Iterable[Token]) -> int:
    """Return the number of bytes of tokens, without reading a blob."""
    return sum(len(token) if isinstance(token, bytes) else base64_size(token.size) for token in tokens)


def base64_size(size: int) -> int:
    """Return the length of the padded base64 of so many bytes."""
    return (size + 2) // 3 * 4


def base64_text(blob: Blob) -> str:
    """Return a blob's padded base64.

    Raises:
        ContentChangedError: The blob is not as long as it was.
    """
    return b"".join(_base64(blob)).decode("ascii")


def _base64(blob: Blob) -> Iterator[bytes]:
    """Yield a blob's base64 in blocks; never more of it than its size promised."""
    left = blob.size
    rest = b""
    for chunk in blob.chunks():
        left -= len(chunk)
        if left < 0:
            raise ContentChangedError(f"A local file is longer than the {blob.size} bytes seen before.")
        raw = rest + chunk if rest else chunk
        # The last bytes go with their padding, whatever their number.
        whole = len(raw) - len(raw) % 3 if left else len(raw)
        if whole <= _RAW_BLOCK:
            yield binascii.b2a_base64(raw[:whole], newline=False)
        else:
            view = memoryview(raw)
            for start in range(0, whole, _RAW_BLOCK):
                yield binascii.b2a_base64(view[start : min(start + _RAW_BLOCK, whole)], newline=False)
        rest = raw[whole:]
    if left:
        raise ContentChangedError(f"A local file is shorter than the {blob.size} bytes seen before.")
