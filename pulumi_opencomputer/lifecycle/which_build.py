"""Which build of a content to ask for: the content itself, or a variant of it.

A *variant* is other content with the same effect: a key that the server does not know, inside a step's arguments,
changes the hash and nothing else.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..api.records import Record

#: Seconds after which a record that says ``building`` is dead: the server gives a build 600 s.
DEAD_AFTER = 15 * 60.0

#: The most bytes of a list that are read to learn about records.
LIST_LIMIT = 64 * 1024 * 1024


def which_build(records: Mapping[str, Record], hash_of: Callable[[int], str], now: float) -> int:
    """Choose the variant of a content to ask for: the smallest that can be had.

    That is one without a record, with a ready record, or with one that has been building for less than 15 minutes.

    Args:
        records: The unnamed records by content hash.
        hash_of: The content hash of a variant; variant 0 is the content itself.
        now: Seconds of the epoch.
    """
    return next(variant for variant in itertools.count() if not is_dead_or_failed(records.get(hash_of(variant)), now))


def is_dead_or_failed(record: Record | None, now: float) -> bool:
    """Whether the server will never answer from its cache for the content of this record."""
    if record is None or record.status == "ready":
        return False
    return record.status == "failed" or record.age(now) >= DEAD_AFTER


def unnamed(records: Iterable[Record]) -> dict[str, Record]:
    """The records of builds by content hash, the newest of each, out of a list that begins with the newest."""
    return {record.content_hash: record for record in reversed(list(records)) if record.name is None}
