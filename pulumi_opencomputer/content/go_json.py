"""The canonical JSON bytes of a value, as Go's ``encoding/json`` writes it after reading it.

Nothing here reads a file; a :class:`Blob` provides its own bytes. Values are written in pieces, so that a large one
does not need as much memory as its size.
"""

from __future__ import annotations

import binascii
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol, TypeAlias, TypeGuard

from ..errors import ContentChangedError, OpenComputerError

_TEXT_BLOCK = 1024 * 1024
# A multiple of three, so that only the last block of a file's base64 is padded. The base64 of a block fits into the
# processor's cache, and is below the size at which the C library maps new memory each time, which the kernel clears.
_RAW_BLOCK = 48 * 1024

# A step's arguments are two levels deep. The server accepts 10,000 levels, which no program needs and which would
# overflow Python's stack.
_MAX_LEVELS = 100

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
    """The bytes of a file as a value in a step's args. It is written as their padded base64."""

    @property
    def size(self) -> int:
        """The number of raw bytes, before base64."""

    def chunks(self) -> Iterator[bytes]:
        """Yield the raw bytes from the start, in chunks of any size.

        Raises:
            ContentChangedError: The bytes have changed since `size` was measured.
        """


@dataclass(frozen=True, slots=True)
class FileList:
    """The files of a directory as a value in a step's args. It is written as a list of ``{relativePath, content}``.

    It has its own type because there may be 20,000 files, and writing them as a real list takes twice the time.

    Attributes:
        entries: The relative path and the bytes of each, in the list's order.
    """

    entries: Sequence[tuple[str, Blob]]


Token: TypeAlias = bytes | Blob


class ManifestEncodingError(OpenComputerError, ValueError):
    """A manifest has no canonical bytes: the server would refuse its JSON.

    Attributes:
        path: The place in the API's form, such as ``steps[1].args.packages[0]``; empty for the manifest itself.
        reason: What is wrong there, without the value.
    """

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path or 'manifest'}: {reason}")


def canonical_value(value: object) -> bytes:
    """Return the canonical bytes of one JSON value, such as one in a step's args.

    Raises:
        ManifestEncodingError: The value has no JSON form.
        ContentChangedError: A blob is not as long as it was.
    """
    return b"".join(expand_tokens(value_tokens(value, "")))


def key_of(key: object, path: str) -> str:
    """Return a key of the object at `path`.

    Raises:
        ManifestEncodingError: The key is not a string.
    """
    if not isinstance(key, str):
        raise ManifestEncodingError(path, f"a key must be a string, not {kind_of(key)}")
    return key


def kind_of(value: object) -> str:
    """Describe a value by its type, without showing it."""
    return "null" if value is None else f"a value of type {type(value).__name__}"


# Tokens: each is canonical bytes, or a blob that is written as its base64


def value_tokens(value: object, path: str, level: int = 0) -> Iterator[Token]:
    """Yield a value's tokens.

    Args:
        value: A JSON value.
        path: Its path, for errors.
        level: The number of lists and objects around it.

    Raises:
        ManifestEncodingError: The value has no JSON form, or is nested too deeply.
    """
    if isinstance(value, str):
        yield from _string_tokens(value)
    elif isinstance(value, (dict, Mapping)):
        yield from _object_tokens(value, path, _deeper(level, path))
    elif isinstance(value, (list, tuple)):
        yield from _list_tokens(value, path, _deeper(level, path))
    elif isinstance(value, FileList):
        yield b"["
        yield from _file_tokens(value)
        yield b"]"
    elif is_blob(value):
        yield b'"'
        yield value
        yield b'"'
    else:
        yield _plain_value(value, path)


def _deeper(level: int, path: str) -> int:
    if level == _MAX_LEVELS:
        raise ManifestEncodingError(path, "nested too deeply, or a value that holds itself")
    return level + 1


def _object_tokens(members: Mapping[Any, object], path: str, level: int) -> Iterator[Token]:
    by_key = {well_formed(key_of(key, path)): value for key, value in members.items()}
    separator = b"{"
    # The order of code points is the order of UTF-8 bytes if there are no surrogates.
    for key in sorted(by_key):
        yield separator + quoted_text(key) + b":"
        yield from value_tokens(by_key[key], path + step_into(key), level)
        separator = b","
    yield b"}" if by_key else b"{}"


def _list_tokens(values: Sequence[object], path: str, level: int) -> Iterator[Token]:
    separator = b"["
    for index, value in enumerate(values):
        yield separator
        yield from value_tokens(value, path + step_into(index), level)
        separator = b","
    yield b"]" if values else b"[]"


def _plain_value(value: object, path: str) -> bytes:
    if value is None or isinstance(value, bool):
        return {None: b"null", True: b"true", False: b"false"}[value]
    if isinstance(value, (int, float)):
        return _number(value, path)
    raise ManifestEncodingError(path, f"{kind_of(value)} has no JSON form")


def _file_tokens(files: FileList) -> Iterator[Token]:
    """Yield the inside of the list's brackets: two tokens for each file."""
    opening = b'{"content":"'
    for relative, blob in files.entries:
        yield opening
        yield blob
        opening = b'","relativePath":%b},{"content":"' % quoted_text(relative)
    if files.entries:
        yield opening.removesuffix(b',{"content":"')


def is_blob(value: object) -> TypeGuard[Blob]:
    """Tell whether a value is a blob."""
    # Look at the type, because an instance of Pulumi's Output claims to have any attribute.
    return callable(getattr(type(value), "chunks", None))


def step_into(label: str | int) -> str:
    """Return the part of a path for a member of a list or an object, such as ``[0]`` or ``.packages``."""
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
        raw = _json_text(well_formed(text)).encode()
    for plain, escaped in _ESCAPED_IN_ASCII if text.isascii() else _ESCAPED_BEYOND_JSON:
        raw = raw.replace(plain, escaped)
    return raw


def _is_plain(text: str) -> bool:
    if len(text) <= _LONG_TEXT:
        return _PLAIN.fullmatch(text) is not None
    # With 37 fast searches megabytes of base64 avoid the encoder, which is six times slower.
    return text.isascii() and not any(character in text for character in _NOT_PLAIN)


def _string_tokens(text: str) -> Iterator[bytes]:
    """Yield a string's canonical bytes, for a long one in blocks: copying 200 MB takes longer than hashing it."""
    if len(text) <= _TEXT_BLOCK:
        yield quoted_text(text)
        return
    yield b'"'
    start = 0
    while start < len(text):
        end = start + _TEXT_BLOCK
        if "\ud800" <= text[end - 1 : end] <= "\udbff":
            end -= 1  # don't split a pair of surrogates
        yield quoted_text(text[start:end])[1:-1]
        start = end
    yield b'"'


def well_formed(text: str) -> str:
    """Return the text with surrogate pairs joined and each lone surrogate replaced by U+FFFD, as Go does."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _number(value: float, path: str) -> bytes:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ManifestEncodingError(path, "the number is not within the range of a float64")
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
        ContentChangedError: The blob's bytes have changed.
    """
    return b"".join(_base64(blob)).decode("ascii")


def _base64(blob: Blob) -> Iterator[bytes]:
    """Yield a blob's base64 in blocks, never more than that of `size` bytes.

    Raises:
        ContentChangedError: The blob is longer or shorter than `size`.
    """
    left = blob.size
    rest = b""
    for chunk in blob.chunks():
        left -= len(chunk)
        if left < 0:
            raise ContentChangedError(f"A local file is longer than the {blob.size} bytes seen before.")
        raw = rest + chunk if rest else chunk
        # The last bytes are padded, whatever their number.
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
