"""The status of a resource, as a read records it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..api.records import Record

#: The status that a refresh records when someone else's record has the name.
FOREIGN = "foreign"

#: The status that a refresh records when the resource's image no longer exists.
MISSING = "missing"

#: The message for a key that shows no records.
NO_RECORDS = (
    "this API key has no records at all. If it belongs to another organisation, set the right key. Otherwise the next "
    "pulumi up makes the resource again"
)


def status_of(record: Record) -> str:
    """Return a record's status; `MISSING` if it says ready but has no image, so that no sandbox can start from it."""
    return MISSING if record.status == "ready" and not record.is_ready else record.status
