"""The history of a snapshot that keeps versions: the records that its state lists, beginning with the one in use."""

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
    """One version, as the state stores it.

    Attributes:
        name: The name that sandboxes start from.
        snapshot_id: The record's own id.
        content_hash: The content hash, 64 hex digits.
        created_at: When it was created, RFC 3339 in UTC.
    """

    name: str
    snapshot_id: str
    content_hash: str
    created_at: str

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Version:
        """Make a version from an entry of ``versions``, or from a resource's outputs."""
        return cls(*(str(values.get(key) or "") for key in ("name", "snapshotId", "contentHash", "createdAt")))

    @classmethod
    def of_record(cls, record: Record, content_hash: str) -> Version:
        """Make a version from a record.

        Args:
            record: The record.
            content_hash: The hash of the declared content. The record's own differs if it was built as a variant.
        """
        return cls(str(record.name), record.id, content_hash, record.created_at)

    @property
    def values(self) -> dict[str, str]:
        """The version as an entry of ``versions``. A resource's outputs have the same keys."""
        return {
            "name": self.name,
            "snapshotId": self.snapshot_id,
            "contentHash": self.content_hash,
            "createdAt": self.created_at,
        }


def history_of(state: Mapping[str, Any]) -> tuple[Version, ...]:
    """Return every version in a state: the one in use, then the kept ones, latest first."""
    current = Version.of(state)
    listed = state.get("versions")
    kept = (
        [Version.of(each) for each in listed if isinstance(each, Mapping)] if isinstance(listed, list | tuple) else []
    )
    return (current, *(each for each in kept if each.snapshot_id != current.snapshot_id))


def state_of(version: Version, state: Mapping[str, Any]) -> dict[str, Any]:
    """Return a resource's outputs with the values of a version instead of those of the one in use.

    Only the manifest of the version in use is known.
    """
    is_in_use = version.snapshot_id == Version.of(state).snapshot_id
    return {**state, **version.values, **({} if is_in_use else {"manifest": None})}


def with_first(first: Version, others: Iterable[Version]) -> tuple[Version, ...]:
    """Return a history in which another version is in use: `first`, then the others without it."""
    return (first, *(each for each in others if each.snapshot_id != first.snapshot_id))


def beyond(versions: Sequence[Version], keep: Any) -> Sequence[Version]:
    """Return the versions that must be deleted because only `keep` superseded ones are kept.

    Args:
        versions: The history, beginning with the version in use, which is never deleted.
        keep: The number of superseded versions to keep. None keeps none of them; if `UNKNOWN`, nothing is deleted.
    """
    if is_unknown(keep):
        return ()
    return versions[1 + (int(keep) if isinstance(keep, int | float) else 0) :]


def kept_version(state: Mapping[str, Any], inputs: Mapping[str, Any]) -> Version | None:
    """Return the kept version with the content or the name in the inputs, as after a reverted change; else None."""
    wanted = inputs.get("contentHash")
    for version in history_of(state)[1:]:
        if version.name == inputs.get("name") or (isinstance(wanted, str) and version.content_hash == wanted):
            return version
    return None


def planned_deletes(state: Mapping[str, Any], inputs: Mapping[str, Any], *, changes: bool) -> Sequence[Version]:
    """Return the versions that an update will delete, judging by the state alone.

    Args:
        state: The recorded outputs.
        inputs: The checked inputs.
        changes: Whether the content changes, so that another version comes into use.
    """
    history = history_of(state)
    if changes:
        new = kept_version(state, inputs) or Version("", "", "", "")
        history = with_first(new, history)
    return beyond(history, inputs.get("keep"))
