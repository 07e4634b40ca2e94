"""Read a build's event stream from bytes: each event as it arrives, and the one that ends the build.

Everything stays bytes, because the result that ends a build may be hundreds of megabytes long. A line of data is
collected in one buffer, which its parser reads directly. Of anything else than a result, only the beginning is kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from ..errors import AnswerTooLargeError
from .event_parser import parse_event
from .events import BuildEvent

_LARGEST_TEXT = 1024 * 1024
_LINE_END = re.compile(rb"\r\n?|\n")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class TerminalEvent:
    """The event that ends a build.

    Attributes:
        kind: How it ended.
        data: The event's data, as the server's bytes; at most 1 MiB of an error.
        is_whole: Whether the whole event arrived, including its last blank line.
    """

    kind: Literal["result", "error"]
    data: bytes | bytearray
    is_whole: bool = True


def read_build(
    chunks: Iterable[bytes], on_event: Callable[[BuildEvent], None], redact: Callable[[str], str], *, limit: int
) -> TerminalEvent | None:
    """Read a build stream up to the event that ends it.

    Args:
        chunks: The answer's body as it comes.
        on_event: Called for each other event, in order, even if it is repeated.
        redact: Removes the API key from a text.
        limit: The maximum size of an event, including comments before it, in bytes.

    Returns:
        The event that ends the build, or None if the stream ended without one. It is not whole if the stream ended
        inside it.

    Raises:
        AnswerTooLargeError: An event is larger than `limit`.
    """
    reader = _Reader(limit)
    for chunk in chunks:
        for name, data in reader.feed(chunk):
            if terminal := _terminal(name, data):
                return terminal
            if event := parse_event(name, data, redact):
                on_event(event)
        if reader.has_enough_of_an_error():
            return _terminal(*reader.rest(), is_whole=False)
    return _terminal(*reader.rest(), is_whole=False)


def _terminal(name: str, data: bytearray, *, is_whole: bool = True) -> TerminalEvent | None:
    if name == "error":
        return TerminalEvent("error", data[:_LARGEST_TEXT], is_whole)
    return TerminalEvent("result", data, is_whole) if name == "result" and (data or is_whole) else None


class _Reader:
    """Parses a stream into events (the `EventSource` format of the HTML standard)."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._line = bytearray()
        self._ends_in_cr = False
        self._is_first_line = True
        self._begin_event()

    def feed(self, chunk: bytes) -> Iterator[tuple[str, bytearray]]:
        """Process the next bytes; yield the name and data of each event that they complete."""
        if self._ends_in_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        if chunk:
            self._ends_in_cr = chunk.endswith(b"\r")
        start = 0
        # Most chunks of a large event are part of one line. This is a faster way to find that out.
        has_ends = b"\n" in chunk or b"\r" in chunk
        for end in _LINE_END.finditer(chunk) if has_ends else ():
            self._take(chunk[start : end.start()])
            start = end.end()
            if self._end_line():
                yield self._name or "message", self._data
                self._begin_event()
        self._take(chunk[start:])

    def rest(self) -> tuple[str, bytearray]:
        """Return the name and data of the unfinished event."""
        self._end_line()
        return self._name, self._data

    def has_enough_of_an_error(self) -> bool:
        """Tell whether the unfinished event is an error whose text has reached the limit."""
        return self._name == "error" and len(self._data) + len(self._line) >= _LARGEST_TEXT

    def _begin_event(self) -> None:
        self._size = 0
        self._name = ""
        self._data = bytearray()
        self._has_data = False

    def _take(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._limit:
            raise AnswerTooLargeError(
                f"An event of the build stream is larger than {self._limit // 1024**2} MiB; the rest was not read."
            )
        # Of anything else than a result the beginning is enough. An event without a name so far may become a result.
        is_text = self._name not in ("", "result") or self._line.startswith(b":")
        self._line += piece[: max(0, _LARGEST_TEXT - len(self._line))] if is_text else piece

    def _end_line(self) -> bool:
        """End a line; return whether it ends an event."""
        self._size += 1
        line, self._line = self._line, bytearray()
        if self._is_first_line:
            self._is_first_line = False
            if line.startswith(_BYTE_ORDER_MARK):
                del line[:3]
        if not line:
            return self._has_data or bool(self._name)
        if line.startswith(b"event:"):
            self._name = line[6:].strip().decode(errors="replace")[:100]
        elif line.startswith(b"data:"):
            self._add(line)
        return False

    def _add(self, line: bytearray) -> None:
        del line[: 6 if line.startswith(b"data: ") else 5]
        if not self._has_data:
            self._has_data, self._data = True, line
        elif self._name in ("", "result") or len(self._data) < _LARGEST_TEXT:
            self._data += b"\n"
            self._data += line
