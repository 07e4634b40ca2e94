"""What one run knows about its resources: the states from the engine, the declared names, the new records."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from ..manifest.places import Places
from .history import history_of
from .read_replica import is_later
from .types import Recorded


class KnownRecords:
    """What this run knows, by URN. A create gets only the new inputs, so the rest is remembered here."""

    def __init__(self) -> None:
        self._recorded: dict[str, Recorded] = {}
        self._versions: dict[str, frozenset[str]] = {}
        self._holders: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._declared: set[str] = set()
        self._counts: dict[str, int] = {}
        self._total = 0
        self._places: dict[str, Places] = {}
        self._made: dict[str, str] = {}
        self._lock = threading.Lock()

    def note(self, urn: str, state: Mapping[str, Any]) -> None:
        """Remember the record that a resource's state names, and the versions that it keeps."""
        recorded = Recorded.of(state)
        if urn and (recorded.snapshot_id or recorded.org_id):
            # An image has no id of its own.
            ids = [version.snapshot_id for version in history_of(state) if version.snapshot_id]
            with self._lock:
                self._recorded[urn] = recorded
                self._versions[urn] = frozenset(ids)
                self._holders.update(dict.fromkeys(ids, urn))

    def forget(self, urn: str, state: Mapping[str, Any]) -> None:
        """Forget the records of a deleted resource."""
        recorded = Recorded.of(state)
        with self._lock:
            for version in history_of(state):
                self._holders.pop(version.snapshot_id, None)
            if self._recorded.get(urn) == recorded:
                del self._recorded[urn]
                self._versions.pop(urn, None)

    def of(self, urn: str) -> Recorded | None:
        """Return the record of a resource; None if this run has not seen its state."""
        with self._lock:
            return self._recorded.get(urn)

    def versions(self, urn: str) -> frozenset[str]:
        """Return the ids of all records of a resource; empty if this run has not seen its state."""
        with self._lock:
            return self._versions.get(urn, frozenset())

    def has_successor(self, recorded: Recorded) -> bool:
        """Tell whether a state of this run names a later record under the same name.

        A name belongs to one record at a time, so the earlier one was deleted before the later one was created.
        """
        with self._lock:
            return any(
                each.name == recorded.name
                and each.snapshot_id != recorded.snapshot_id
                and is_later(each.created_at, recorded.created_at)
                for each in self._recorded.values()
            )

    def holder(self, snapshot_id: str) -> str | None:
        """Return the URN of the resource whose state names a record, or that made it in this run; None if unknown."""
        with self._lock:
            return self._holders.get(snapshot_id)

    def declare(self, urn: str, name: str | None) -> str | None:
        """Remember that the program declares a resource, with its fixed name if it has one.

        Returns:
            The URN of another resource of the program with the same name, or None.
        """
        if not urn:
            return None
        with self._lock:
            self._declared.add(urn)
            if name is None:
                return None
            first = self._names.setdefault(name, urn)
            return None if first == urn else first

    def count(self, urn: str, records: int, most: int) -> int | None:
        """Remember the maximum number of records that a resource of the program has at the server.

        Returns:
            The total of the program so far, if this resource is the one that takes it above `most`; else None.
        """
        with self._lock:
            before = self._total
            self._total += records - self._counts.get(urn, 0)
            self._counts[urn] = records
            return self._total if before <= most < self._total else None

    def is_declared(self, urn: str) -> bool:
        """Tell whether the program has declared a resource with this URN so far."""
        with self._lock:
            return urn in self._declared

    def note_places(self, urn: str, places: Places) -> None:
        """Remember where the program declares a resource."""
        with self._lock:
            self._places[urn] = places

    def places_of(self, urn: str) -> Places:
        """Return where the program declares a resource, as far as that is known."""
        with self._lock:
            return self._places.get(urn) or Places()

    def note_made(self, outputs: Mapping[str, Any]) -> None:
        """Remember a snapshot that this run has made, by its outputs."""
        made = Recorded.of(outputs)
        if made.name and made.snapshot_id:
            with self._lock:
                self._made[made.name] = made.snapshot_id

    def made_under(self, name: str) -> str | None:
        """Return the id of the newest record that this run has made under a name; None if it has made none."""
        with self._lock:
            return self._made.get(name)
