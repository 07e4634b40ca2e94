"""Read records from a response as it arrives, with as little memory as possible: a list, or a single record."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..errors import AnswerTooLargeError, ProtocolError, TimedOutError
from .json_stream import Entry, ListReader
from .records import Head, Record, parse_head, parse_json, parse_record

_MOST_RECORDS = 100_000


class RecordList(tuple[Record, ...]):
    """The records of a list that could be read, newest first.

    Attributes:
        is_cut: Whether the list was not read to its end.
        unreadable: The number of records that were invalid.
    """

    is_cut: bool
    unreadable: int

    @property
    def is_whole(self) -> bool:
        """Whether these are all records: the list was read to its end, and no record was invalid."""
        return not self.is_cut and not self.unreadable

    @classmethod
    def of(cls, records: Iterable[Record], *, is_cut: bool, unreadable: int) -> RecordList:
        """Make a list of records."""
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
        chunks: The response's body. It may end with AnswerTooLargeError or TimedOutError; then the list is cut off.
        what: A description of the response, for errors.
        redact: Removes the API key from a text.
        until: Called with each record; True ends the list after that record.
        last_is_whole: Whether that record keeps its whole manifest.

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
        # Return what was read. If not even one record began, the error is more useful.
        if not reader.has_begun:
            raise
        return RecordList.of(records, is_cut=True, unreadable=skipped)
    if not reader.is_complete:
        # This raises a more precise error if the text is not JSON.
        parse_json(beginning, what, redact)
        raise ProtocolError(f"The server's {what} is not a list of records.")
    return RecordList.of(records, is_cut=False, unreadable=skipped)


def count_entries(chunks: Iterable[bytes], what: str) -> int:
    """Count the objects of a list without storing them; ``null`` counts as an empty list.

    Args:
        chunks: The response's body.
        what: A description of the response, for errors.

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
        chunks: The response's body.
        what: A description of the response, for errors.
        redact: Removes the API key from a text.
        name: The name that the record must have.
        with_manifest: Whether it keeps its whole manifest.

    Raises:
        ProtocolError: It is not a record with this name.
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
    """Read a list of records, or one record, until the wanted head has arrived, without waiting for its manifest.

    Args:
        chunks: The response's body. It may end with AnswerTooLargeError or TimedOutError; then it is cut off.
        what: A description of the response, for errors.
        redact: Removes the API key from a text.
        is_wanted: Called with each record's head; True ends the search.
        is_list: Whether the response is a list.

    Returns:
        The first wanted head; None if what was read has none.

    Raises:
        ProtocolError: It is neither a list of records nor a record.
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
    # If the server writes the manifest before these fields, the head is incomplete here. The whole record follows.
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
