"""The history of a snapshot that keeps versions: the records that its state names, the one in use first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .types import is_unknown

if TYPE_CHECKING:
    from ..api.records import Record

#: The most superseded versions that a snapshot may keep.
MOST_KEPT = 100


@dataclass(frozen=True)
class Version:
    """One record, as a state names it.

    Attributes:
        name: The name that sandboxes start from.
        snapshot_id: The record's own id.
        content_hash: The content hash, 64 hex digits.
        created_at: When it was made, RFC 3339 in UTC.
    """

    name: str
    snapshot_id: str
    content_hash: str
    created_at: str

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Version:
        """Out of an entry of ``versions``, or of a resource's outputs."""
        return cls(*(str(values.get(key) or "") for key in ("name", "snapshotId", "contentHash", "createdAt")))

    @classmethod
    def of_record(cls, record: Record, content_hash: str) -> Version:
        """Out of a record; its content hash is the declared content's, which a variant's record does not have."""
        return cls(str(record.name), record.id, content_hash, record.created_at)

    @property
    def values(self) -> dict[str, str]:
        """As ``versions`` holds it, and as a resource's outputs name their record."""
        return {
            "name": self.name,
            "snapshotId": self.snapshot_id,
            "contentHash": self.content_hash,
            "createdAt": self.created_at,
        }


def history_of(state: Mapping[str, Any]) -> tuple[Version, ...]:
    """Every record that a state names: the one in use, then those before it, the latest first."""
    current = Version.of(state)
    listed = state.get("versions")
    kept = (
        [Version.of(each) for each in listed if isinstance(each, Mapping)] if isinstance(listed, list | tuple) else []
    )
    return (current, *(each for each in kept if each.snapshot_id != current.snapshot_id))


def with_first(first: Version, others: Iterable[Version]) -> tuple[Version, ...]:
    """A history that another version is in use of."""
    return (first, *(each for each in others if each.snapshot_id != first.snapshot_id))


def beyond(versions: Sequence[Version], keep: Any) -> Sequence[Version]:
    """The versions that go, since only so many superseded ones are kept; all of them where `keep` is None."""
    if is_unknown(keep):
        return ()
    return versions[1 + (int(keep) if isinstance(keep, int | float) else 0) :]


def kept_version(state: Mapping[str, Any], inputs: Mapping[str, Any]) -> Version | None:
    """The kept version that the inputs ask for, as after a change that was reverted; None if there is none."""
    wanted = inputs.get("contentHash")
    for version in history_of(state)[1:]:
        if version.name == inputs.get("name") or (isinstance(wanted, str) and version.content_hash == wanted):
            return version
    return None


def planned_deletes(state: Mapping[str, Any], inputs: Mapping[str, Any], *, changes: bool) -> Sequence[Version]:
    """The versions that an update deletes, as far as the state tells.

    Args:
        state: The outputs as recorded.
        inputs: The checked inputs.
        changes: Whether the content changes.
    """
    history = history_of(state)
    if changes:
        new = kept_version(state, inputs) or Version("", "", "", "")
        history = with_first(new, history)
    return beyond(history, inputs.get("keep"))
