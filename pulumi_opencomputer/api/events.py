"""A build's event stream: log events to a callback, and the one event that ends it.

Peak memory is three times the largest event, reached inside httpx-sse where a line is put together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Literal

import httpx
from httpx_sse import EventSource, ServerSentEvent
from pydantic_core import from_json

from ..errors import AnswerTooLargeError
from ..sanitize import clean

_LARGEST_LOG_EVENT = 1024 * 1024
_LONGEST_MESSAGE = 8_000
_LONGEST_TYPE = 40
_LINE_END = re.compile(rb"[\r\n]")
_MOST_STEPS = 1_000_000
# Every byte is one character, which keeps a large event at one byte a character whatever it holds; line ends
# and field names are ASCII, so that lines split as in UTF-8. The data is turned back into its bytes.
_BYTES = "iso-8859-1"


@dataclass(frozen=True)
class BuildEvent:
    """A line of a build's log.

    Attributes:
        step: The step's number as the log counts: from 1; 0 before the first, one more than there are for the
            checkpoint.
        type: The API's type of the step, or `build`, `cache_hit`, `checkpoint`.
        message: The server's words, without control sequences, at most 8,000 characters.
    """

    step: int
    type: str
    message: str


@dataclass(frozen=True)
class Ending:
    """The event that ends a build: `kind` and the event's data, as the server's bytes."""

    kind: Literal["result", "error"]
    data: bytes


def read_build(
    chunks: Iterable[bytes], on_event: Callable[[BuildEvent], None], hide: Callable[[str], str], *, limit: int
) -> Ending | None:
    """Read a build stream up to the event that ends it.

    A log event that can't be read is passed over: giving the stream up for it would break the build off.

    Args:
        chunks: The answer's body as it comes.
        on_event: Called for each log event, in order, also for repeated ones.
        hide: Takes the API key out of a text.
        limit: The most bytes that an event, with comments before it, may have.

    Returns:
        The ending, or None if the stream ended without one.

    Raises:
        AnswerTooLargeError: An event is larger than `limit`.
    """
    lines = _Lines(chunks, limit)
    # A generator that is left suspended would keep an event's line alive while its data is parsed.
    with closing(_events(lines)) as events:
        for event in events:
            lines.count = 0
            if event.event == "build_log":
                if parsed := _parse_log(event.data, hide):
                    on_event(parsed)
            elif event.event in ("result", "error"):
                return _ending(event)
    return None


class _Lines(httpx.Response):
    """The stream as httpx-sse reads it: text that never ends in the middle of a line.

    Handed chunk by chunk, a large line would be put together out of a thousand small strings, whose memory
    stays with the process. So the text of a line comes whole, and its end apart, which saves two copies of
    it.

    Attributes:
        count: The number of bytes since it was last set to 0.
    """

    def __init__(self, chunks: Iterable[bytes], limit: int) -> None:
        super().__init__(200, headers={"content-type": "text/event-stream"})
        self.count = 0
        self._chunks = chunks
        self._limit = limit

    def iter_text(self, chunk_size: int | None = None) -> Iterator[str]:  # noqa: ARG002
        line = bytearray()
        for chunk in self._chunks:
            self._measure(chunk)
            ends = [end.start() for end in _LINE_END.finditer(chunk)]
            if not ends:
                line += chunk
                continue
            line += chunk[: ends[0]]
            yield _take(line)
            yield chunk[ends[0] : ends[-1] + 1].decode(_BYTES)
            line += chunk[ends[-1] + 1 :]

    def _measure(self, chunk: bytes) -> None:
        self.count += len(chunk)
        if self.count > self._limit:
            raise AnswerTooLargeError(
                f"An event of the build stream is larger than {self._limit // 1024**2} MiB; it was not read on."
            )


def _take(line: bytearray) -> str:
    text = line.decode(_BYTES)
    line.clear()
    return text


def _events(lines: _Lines) -> Generator[ServerSentEvent, None, None]:
    yield from EventSource(lines).iter_sse()


def _ending(event: ServerSentEvent) -> Ending:
    return Ending("result" if event.event == "result" else "error", event.data.encode(_BYTES))


def _parse_log(data: str, hide: Callable[[str], str]) -> BuildEvent | None:
    if len(data) > _LARGEST_LOG_EVENT:
        return None
    try:
        value = from_json(data.encode(_BYTES).decode(errors="replace"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    step, kind, message = value.get("step"), value.get("type"), value.get("message")
    if type(step) is not int or not 0 <= step <= _MOST_STEPS:
        return None
    if not isinstance(kind, str) or not isinstance(message, str):
        return None
    return BuildEvent(step, _shown(kind, hide)[:_LONGEST_TYPE], _shown(message, hide)[:_LONGEST_MESSAGE])


def _shown(text: str, hide: Callable[[str], str]) -> str:
    return hide(clean(text))
