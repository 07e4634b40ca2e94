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

#: Seconds after which a record that says ``building`` is dead where nobody can tell: the server gives a build 10
#: minutes, and its checkpoint 20.
DEAD_AFTER = 31 * 60.0

IsKept = Callable[["Record"], "bool | None"]
"""Whether a run still keeps the stream of a record's build; None where this machine does not know."""


def which_build(
    records: Mapping[str, Record], hash_of: Callable[[int], str], now: float, is_kept: IsKept = lambda _: None
) -> int:
    """Choose the variant of a content to ask for: the smallest that can be had.

    That is one without a record, with a ready record, or with one that may still be building: it has been for less than
    31 minutes, and no run of this machine is known to have lost it.

    Args:
        records: The unnamed records by content hash.
        hash_of: The content hash of a variant; variant 0 is the content itself.
        now: Seconds of the epoch.
        is_kept: Whether a build's stream is kept.
    """
    return next(
        variant for variant in itertools.count() if not is_dead_or_failed(records.get(hash_of(variant)), now, is_kept)
    )


def is_dead_or_failed(record: Record | None, now: float, is_kept: IsKept = lambda _: None) -> bool:
    """Whether the server will never answer from its cache for the content of this record.

    That is one whose build failed or was cut off, and one that says ready without an image.
    """
    if record is None or record.is_ready:
        return False
    return record.status != "building" or record.age(now) >= DEAD_AFTER or is_kept(record) is False


def unnamed(records: Iterable[Record]) -> dict[str, Record]:
    """The records of builds by content hash, the newest of each, out of a list that begins with the newest."""
    return {record.content_hash: record for record in reversed(list(records)) if record.name is None}
