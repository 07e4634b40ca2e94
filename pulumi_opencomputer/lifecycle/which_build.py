"""Choose which build to request: the content itself, or a variant of it.

A *variant* is other content with the same effect: a key that the server does not know, inside a step's arguments,
changes the hash and nothing else.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..api.records import Record

#: Seconds after which a record that says ``building`` counts as dead, unless more is known about it: the server allows
#: 10 minutes for a build and 20 for its checkpoint.
DEAD_AFTER = 31 * 60.0

IsKept = Callable[["Record"], "bool | None"]
"""Tells whether a run still keeps the stream of a record's build; None if this machine does not know."""


def which_build(
    records: Mapping[str, Record],
    hash_of: Callable[[int], str],
    now: float,
    is_kept: IsKept = lambda _: None,
    is_useless: Callable[[str], bool] = lambda _: False,
) -> int:
    """Choose the variant of the content to request: the smallest that is available.

    A variant is available if it has no record, a ready record, or one that may still be building: it is less than 31
    minutes old, and no run on this machine has lost its stream. One that this run has ruled out is not available.

    Args:
        records: The unnamed records by content hash.
        hash_of: Returns the content hash of a variant; variant 0 is the content itself.
        now: The seconds since the epoch.
        is_kept: Tells whether a build's stream is still held.
        is_useless: Tells whether this run has ruled out a content hash.
    """
    hashes = ((variant, hash_of(variant)) for variant in itertools.count())
    return next(
        variant
        for variant, content_hash in hashes
        if not is_useless(content_hash) and not is_dead_or_failed(records.get(content_hash), now, is_kept)
    )


def is_dead_or_failed(record: Record | None, now: float, is_kept: IsKept = lambda _: None) -> bool:
    """Tell whether the server will never serve this record's content from its cache.

    That is so if the build failed or was cut off, or if the record says ready but has no image.

    Args:
        record: The unnamed record of the content; None if there is none.
        now: The seconds since the epoch.
        is_kept: Tells whether a build's stream is still held.
    """
    if record is None or record.is_ready:
        return False
    return record.status != "building" or record.age(now) >= DEAD_AFTER or is_kept(record) is False


def unnamed(records: Iterable[Record]) -> dict[str, Record]:
    """Return the newest build record of each content hash from a list that begins with the newest."""
    return {record.content_hash: record for record in reversed(list(records)) if record.name is None}
