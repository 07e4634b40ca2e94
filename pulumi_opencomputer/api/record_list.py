"""Records read from an answer as it comes: a list up to what is wanted, or one record; no more memory than need be."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..errors import AnswerTooLargeError, ProtocolError, TimedOutError
from .json_stream import Entry, ListReader
from .records import Head, Record, parse_head, parse_json, parse_record

_MOST_RECORDS = 100_000


class RecordList(tuple[Record, ...]):
    """Those records of a list that could be read, newest first.

    Attributes:
        is_cut: Whether the list was not read to its end.
        unreadable: How many records could not be read.
    """

    is_cut: bool
    unreadable: int

    @property
    def is_whole(self) -> bool:
        """Whether these are all: the list was read to its end, and each record could be read."""
        return not self.is_cut and not self.unreadable

    @classmethod
    def of(cls, records: Iterable[Record], *, is_cut: bool, unreadable: int) -> RecordList:
        """Return the list of these records."""
        made = cls(records)
        made.is_cut = is_cut
        made.unreadable = unreadable
        return made


def read_list(
    chunks: Iterable[bytes],
    what: str,
    redact: Callable[[str], str],
    *,
    until: Callable[[Record], bool],
    last_is_whole: bool,
) -> RecordList:
    """Read a list of records.

    Args:
        chunks: The answer's body. It may end with AnswerTooLargeError or TimedOutError, which cut the list.
        what: What it is, for errors.
        redact: Takes the API key out of a text.
        until: Told each record; True means that no further ones are wanted.
        last_is_whole: Whether the record that ends the list keeps its manifest whole.

    Raises:
        ProtocolError: It is not a list of records.
    """
    reader = ListReader(keep_whole=last_is_whole)
    records: list[Record] = []
    skipped = 0
    beginning = b""
    try:
        for chunk in chunks:
            beginning = beginning or chunk[:2000]
            for entry in reader.feed(chunk):
                record = _outlined(entry, what, redact)
                if record is None:
                    skipped += 1
                    continue
                is_last = until(record)
                records.append(_whole(entry, what, redact) if is_last and last_is_whole else record)
                if is_last or len(records) >= _MOST_RECORDS:
                    return RecordList.of(records, is_cut=True, unreadable=skipped)
            if not reader.is_list:
                raise ProtocolError(f"The server's {what} is not a list of records.")
    except (AnswerTooLargeError, TimedOutError):
        # What was read is worth something; where not even a record began, the error says more.
        if not reader.has_begun:
            raise
        return RecordList.of(records, is_cut=True, unreadable=skipped)
    if not reader.is_complete:
        # Says where it is no JSON.
        parse_json(beginning, what, redact)
        raise ProtocolError(f"The server's {what} is not a list of records.")
    return RecordList.of(records, is_cut=False, unreadable=skipped)


def count_entries(chunks: Iterable[bytes], what: str) -> int:
    """Count the objects of a list, which is not kept; ``null`` counts as an empty one.

    Args:
        chunks: The answer's body.
        what: What it is, for errors.

    Raises:
        ProtocolError: It is not a list of objects.
    """
    reader = ListReader()
    count, beginning = 0, b""
    for chunk in chunks:
        beginning = (beginning + chunk)[:10] if len(beginning) < 10 else beginning
        count += len(list(reader.feed(chunk)))
    if beginning.strip() != b"null" and not (reader.is_list and reader.is_complete):
        raise ProtocolError(f"The server's {what} is not a list (a JSON array of objects).")
    return count


def read_one(
    chunks: Iterable[bytes], what: str, redact: Callable[[str], str], name: str, *, with_manifest: bool
) -> Record:
    """Read one record.

    Args:
        chunks: The answer's body.
        what: What it is, for errors.
        redact: Takes the API key out of a text.
        name: The name that the record must have.
        with_manifest: Whether it keeps its manifest whole.

    Raises:
        ProtocolError: It is not such a record.
    """
    if with_manifest:
        body = bytearray()
        for chunk in chunks:
            body += chunk
        return parse_record(parse_json(body, what, redact), what, name=name)
    reader = ListReader()
    found: list[Entry] = [*reader.feed(b"[")]
    beginning = b""
    for chunk in chunks:
        beginning = beginning or chunk[:2000]
        found += reader.feed(chunk)
    if not reader.is_list or len(found) != 1 or not found[0].outline:
        parse_json(beginning, what, redact)
        raise ProtocolError(f"The server's {what} is not a record (a JSON object).")
    return parse_record(parse_json(found[0].outline, what, redact), what, name=name)


def find_head(
    chunks: Iterable[bytes],
    what: str,
    redact: Callable[[str], str],
    is_wanted: Callable[[Head], bool],
    *,
    is_list: bool,
) -> Head | None:
    """Read a list of records, or one record, until the wanted one's head is there; its manifest is not waited for.

    Args:
        chunks: The answer's body. It may end with AnswerTooLargeError or TimedOutError, which cut it.
        what: What it is, for errors.
        redact: Takes the API key out of a text.
        is_wanted: Told each record's head.
        is_list: Whether it is a list.

    Returns:
        The first wanted head; None if there is none in what was read.

    Raises:
        ProtocolError: It is not a list of records, or no record.
    """
    reader = ListReader()
    if not is_list:
        list(reader.feed(b"["))
    beginning, told = b"", None
    try:
        for chunk in chunks:
            beginning = beginning or chunk[:2000]
            outlines = [entry.outline for entry in reader.feed(chunk)]
            if reader.head is not told:
                told = reader.head
                outlines.append(told)
            for outline in outlines:
                head = None if outline is None else _head(outline, what, redact)
                if head is not None and is_wanted(head):
                    return head
            if not reader.is_list:
                break
    except (AnswerTooLargeError, TimedOutError):
        if not reader.has_begun:
            raise
        return None
    if not reader.is_list or not (reader.is_complete or (reader.has_begun and not is_list)):
        parse_json(beginning, what, redact)
        raise ProtocolError(f"The server's {what} holds no records.")
    return None


def _head(outline: bytes, what: str, redact: Callable[[str], str]) -> Head | None:
    # Where the server writes the manifest before these fields, they come with the whole record.
    try:
        return parse_head(parse_json(outline, what, redact), what)
    except ProtocolError:
        return None


def _outlined(entry: Entry, what: str, redact: Callable[[str], str]) -> Record | None:
    if entry.outline is None:
        return None
    try:
        return parse_record(parse_json(entry.outline, what, redact), what)
    except ProtocolError:
        return None


def _whole(entry: Entry, what: str, redact: Callable[[str], str]) -> Record:
    return parse_record(parse_json(entry.whole or b"", what, redact), what)
