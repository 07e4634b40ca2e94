"""JSON lists of records read as they come, in the memory of one record and without what is large in it.

A list of images holds every file of every image. Almost nobody who reads it wants those, so each record is handed out
as an outline: its own fields, and those of the objects right in it, where deeper values are `null`. The reader only
follows the structure; what it hands out is for a JSON parser to judge.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_STRUCTURE = re.compile(rb'["{}\[\]]')
_NO_ENTRY = re.compile(rb"[\s,]*")
_LARGEST_OUTLINE = 64 * 1024
_DEEPEST = 3  # the list, a record, its manifest


class Entry(NamedTuple):
    """An object of the list.

    Attributes:
        outline: Its JSON without deep values; None if it is too large even so.
        whole: Its JSON, where that is wanted.
    """

    outline: bytes | None
    whole: bytearray | None


class ListReader:
    """Follows a JSON list of objects.

    Attributes:
        is_list: Whether the text is a list of objects so far.
        is_complete: Whether the list has ended.
    """

    def __init__(self, *, keep_whole: bool = False) -> None:
        """Prepare it.

        Args:
            keep_whole: Whether entries are handed out whole too.
        """
        self.is_list = True
        self.is_complete = False
        self._keep_whole = keep_whole
        self._depth = 0
        self._in_string = False
        self._escaping = False
        self._begin()

    def feed(self, chunk: bytes) -> Iterator[Entry]:
        """Take the next bytes; yield each entry that they complete."""
        position = 0
        while position < len(chunk):
            if self._in_string:
                position = self._skip_string(chunk, position)
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
        self._whole = bytearray() if self._keep_whole else None

    def _skip_string(self, chunk: bytes, start: int) -> int:
        """Go on to the end of a string, or of the chunk."""
        position = start
        while True:
            end = chunk.find(b'"', position)
            if end < 0:
                self._escaping = self._is_escaping(chunk, start, len(chunk))
                self._keep(chunk[start:])
                return len(chunk)
            position = end + 1
            if not self._is_escaping(chunk, start, end):
                self._escaping = self._in_string = False
                self._keep(chunk[start:position])
                return position

    def _is_escaping(self, chunk: bytes, start: int, end: int) -> bool:
        """Whether what stands at `end` is escaped: an odd number of backslashes stands before it."""
        position = end
        while position > start and chunk[position - 1] == 0x5C:
            position -= 1
        return bool((end - position + (self._escaping and position == start)) % 2)

    def _obey(self, mark: bytes) -> bool:
        """Follow a mark of the structure; return whether it ends an entry."""
        if mark == b'"':
            self.is_list = self.is_list and self._depth > 1
            self._in_string = True
            self._keep(mark)
        elif mark in b"{[":
            self.is_list = self.is_list and (mark == b"{" if self._depth == 1 else self._depth > 0 or mark == b"[")
            self._depth += 1
            self._keep(mark if self._depth <= _DEEPEST else b"null" if self._depth == _DEEPEST + 1 else b"", mark)
        else:
            self._keep(mark if self._depth <= _DEEPEST else b"", mark)
            self._depth -= 1
            self.is_complete = self.is_complete or self._depth == 0
            return self._depth == 1
        return False

    def _keep(self, piece: bytes, whole: bytes | None = None) -> None:
        if self._depth <= 1:
            # Between the entries stands nothing but commas.
            self.is_list = self.is_list and (whole is not None or bool(_NO_ENTRY.fullmatch(piece)))
            return
        if whole is not None or self._depth <= _DEEPEST:
            if len(self._outline) <= _LARGEST_OUTLINE:
                self._outline += piece
        if self._whole is not None:
            self._whole += piece if whole is None else whole


def count_outside_strings(data: bytes | bytearray, marks: bytes, most: int) -> int:
    """Return how often any of the marks stands outside of JSON's strings, counted to a little more than `most`."""
    count, position = 0, 0
    while count <= most:
        start = data.find(b'"', position)
        end = len(data) if start < 0 else start
        count += sum(data.count(mark, position, end) for mark in marks)
        if start < 0:
            break
        position = _end_of_string(data, start + 1)
    return count


def _end_of_string(data: bytes | bytearray, start: int) -> int:
    position = start
    while (end := data.find(b'"', position)) >= 0:
        before = end
        while before > start and data[before - 1] == 0x5C:
            before -= 1
        position = end + 1
        if (end - before) % 2 == 0:
            return position
    return len(data)
