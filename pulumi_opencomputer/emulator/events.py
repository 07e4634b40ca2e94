"""Events that the control plane sends to the edge's index."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .records import Record


@dataclass(frozen=True)
class Published:
    """A record is ready, or an asynchronous build of a named record has failed.

    Attributes:
        size: The size of its manifest in bytes.
        read_manifest: Returns those bytes. There may be many, so only a listener that wants them should call it.
    """

    record: Record
    size: int
    read_manifest: Callable[[], bytes]


@dataclass(frozen=True)
class Deleted:
    """A named record was deleted by request."""

    record: Record


Event = Published | Deleted
Listener = Callable[[Event], None]


def nobody(_event: Event) -> None:
    """Ignore an event. The listener if there is no index."""
