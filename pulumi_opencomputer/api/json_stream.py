"""Read JSON lists of records as they arrive, in the memory of one record without its large parts.

A list of images contains every file of every image, which hardly any reader wants. So each record is returned as an
outline: its own fields and those of the objects directly inside it, with deeper values replaced by `null`. The reader
only follows the structure; a JSON parser validates what it returns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_STRUCTURE = re.compile(rb'["{}\[\]]')
_END_OF_STRING = re.compile(rb'(?<!\\)(?:\\\\)*"')
_NO_ENTRY = re.compile(rb"[\s,]*")
_MANIFEST = re.compile(rb'"manifest"\s*:\s*\Z')
_VALUE_MARKS = b",[{"
_BACKSLASH = 0x5C
_BLOCK = 64 * 1024
_LARGEST_OUTLINE = 64 * 1024
_DEEPEST = 3  # the list, a record, its manifest


class Entry(NamedTuple):
    """An object of the list.

    Attributes:
        outline: Its JSON without deep values; None if even that is too large.
        whole: Its whole JSON, if that is wanted.
    """

    outline: bytes | None
    whole: bytearray | None


class ListReader:
    """Follows a JSON list of objects.

    Attributes:
        is_list: Whether the text is a list of objects so far.
        has_begun: Whether a first object has begun.
        is_complete: Whether the list has ended.
        head: The JSON of the open entry's fields before its manifest, once that has begun; None before. A server writes
            them in no promised order.
    """

    def __init__(self, *, keep_whole: bool = False) -> None:
        """Prepare the reader.

        Args:
            keep_whole: Whether to return the whole JSON of each entry too.
        """
        self.is_list = True
        self.has_begun = False
        self.is_complete = False
        self._keep_whole = keep_whole
        self._depth = 0
        self._text = _Text()
        self._begin()

    def feed(self, chunk: bytes) -> Iterator[Entry]:
        """Process the next bytes; yield each entry that they complete."""
        rest = self._text.begin(chunk)
        self._keep(chunk[: len(chunk) - len(rest)])
        chunk, position = rest, 0
        while position < len(chunk):
            if self._text.is_open:
                begin, position = position, self._text.end(chunk, position)
                self._keep(chunk[begin:position])
                continue
            found = _STRUCTURE.search(chunk, position)
            end = found.start() if found else len(chunk)
            self._keep(chunk[position:end])
            if not found:
                return
            position = end + 1
            if self._obey(found[0]):
                yield Entry(bytes(self._outline) if len(self._outline) <= _LARGEST_OUTLINE else None, self._whole)
                self._begin()

    def _begin(self) -> None:
        self._outline = bytearray()
        self.head: bytes | None = None
        self._whole = bytearray() if self._keep_whole else None

    def _obey(self, mark: bytes) -> bool:
        """Follow a structural character; return whether it ends an entry."""
        if mark == b'"':
            self.is_list = self.is_list and self._depth > 1
            self._text.is_open = True
            self._keep(mark)
        elif mark in b"{[":
            self.is_list = self.is_list and (mark == b"{" if self._depth == 1 else self._depth > 0 or mark == b"[")
            if mark == b"{" and self._depth == _DEEPEST - 1 and (key := _MANIFEST.search(self._outline)):
                self.head = bytes(self._outline[: key.start()]).rstrip(b", \r\n\t") + b"}"
            self._depth += 1
            self.has_begun = self.has_begun or (self.is_list and self._depth > 1)
            self._keep(mark if self._depth <= _DEEPEST else b"null" if self._depth == _DEEPEST + 1 else b"", mark)
        else:
            self._keep(mark if self._depth <= _DEEPEST else b"", mark)
            self._depth -= 1
            self.is_complete = self.is_complete or self._depth == 0
            return self._depth == 1
        return False

    def _keep(self, piece: bytes, whole: bytes | None = None) -> None:
        if self._depth <= 1:
            # Between entries there are only commas.
            self.is_list = self.is_list and (whole is not None or bool(_NO_ENTRY.fullmatch(piece)))
            return
        if (whole is not None or self._depth <= _DEEPEST) and len(self._outline) <= _LARGEST_OUTLINE:
            self._outline += piece
        if self._whole is not None:
            self._whole += piece if whole is None else whole


class _Text:
    """Finds where the strings of a JSON text end, across chunks."""

    def __init__(self) -> None:
        self._is_escaping = False
        self.is_open = False

    def begin(self, chunk: bytes) -> bytes:
        """Begin with the next chunk; return the part of it that must be examined."""
        if not (self._is_escaping and chunk):
            return chunk
        # Escaped characters are handled separately, so that no search sees the backslash before them.
        self._is_escaping = False
        return chunk[1:]

    def end(self, chunk: bytes, start: int) -> int:
        """Return where the open string ends: after its closing quote, or at the end of the chunk."""
        quote = chunk.find(b'"', start)
        if quote >= 0 and (quote == start or chunk[quote - 1] != _BACKSLASH):
            self.is_open = False
            return quote + 1
        # Slower, and needed only if quotes are escaped.
        if quote >= 0 and (found := _END_OF_STRING.search(chunk, start)):
            self.is_open = False
            return found.end()
        rest = chunk[start:]
        self._is_escaping = (len(rest) - len(rest.rstrip(b"\\"))) % 2 == 1
        return len(chunk)


def has_more_values(data: bytes | bytearray, most: int) -> bool:
    """Tell whether a JSON text has more than `most` values, by counting structural characters outside of strings."""
    if sum(data.count(mark) for mark in _VALUE_MARKS) <= most:
        return False
    text, count = _Text(), 0
    for begin in range(0, len(data), _BLOCK):
        chunk, position = text.begin(bytes(data[begin : begin + _BLOCK])), 0
        while position < len(chunk):
            if text.is_open:
                position = text.end(chunk, position)
                continue
            quote = chunk.find(b'"', position)
            end = len(chunk) if quote < 0 else quote
            count += sum(chunk.count(mark, position, end) for mark in _VALUE_MARKS)
            text.is_open, position = quote >= 0, end + 1
        if count > most:
            return True
    return False
