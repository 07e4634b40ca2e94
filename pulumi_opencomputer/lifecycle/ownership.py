"""Decide whose record has a name. It may be replaced only if it is this resource's own, or if the program says adopt.

If this run knows the resource's state, its own record is the one with the recorded id, or one that has this id as its
predecessor: such a record is left by a run that was interrupted after it had replaced the recorded one. If no state is
known, only the mark counts, whatever the content is. That happens if the engine itself decided to replace the resource,
or if an earlier run was interrupted before its result was recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ConflictError
from .names import Origin, lineage_of, mark, origin_of, predecessor_of, resource_of
from .types import Recorded

if TYPE_CHECKING:
    from ..api.records import Record
    from .known import KnownRecords

_CHOOSE_OR_DELETE = (
    "Choose another name, set adopt to true to take it over (it is replaced once the new image is ready)"
)


class Ownership:
    """Decides for one create which records may be replaced."""

    def __init__(self, urn: str, known: KnownRecords, *, adopt: bool) -> None:
        """Remember what is known before the create begins.

        Args:
            urn: The resource's URN.
            known: The states that this run has seen, and the records that it has created.
            adopt: Whether the program wants to take over someone else's record.
        """
        self._urn = urn
        self._known = known
        self._adopt = adopt
        self.recorded: Recorded | None = known.of(urn)
        self._versions = known.versions(urn)

    @property
    def predecessor(self) -> str | None:
        """The id that a new record stores as its predecessor: always the one in the state, if that is known."""
        return self.recorded.snapshot_id if self.recorded else None

    def require(self, record: Record, now: float) -> str | None:
        """Check that the record under the wanted name may be replaced.

        Args:
            record: The record.
            now: The seconds since the epoch.

        Returns:
            A line for the user about the record that is replaced; None if it is the recorded one.

        Raises:
            ConflictError: It belongs to someone else. The message says to whom, and every way out.
        """
        if self.recorded and self.recorded.snapshot_id in (record.id, predecessor_of(record)):
            return None
        if self._versions & {record.id, *lineage_of(record)}:
            return None
        which = f"the snapshot {record.name!r} (id {record.id}, made {_ago(record.age(now))})"
        holder = self._known.holder(record.id)
        if holder in (None, self._urn):
            if not self.recorded and origin_of(record).mark == mark(self._urn):
                return f"replaces {which}, which bears this resource's mark; no state of this run records it"
            if self._adopt:
                return f"adopts {which}"
        elif self._adopt and not self._known.is_declared(holder):
            return f"adopts {which}"
        raise ConflictError(
            f"A snapshot named {record.name!r} exists already (content hash {record.content_hash}, status "
            f"{record.status}, created {record.created_at}). {self._explain(record, holder)}",
            status=409,
        )

    def _explain(self, record: Record, holder: str | None) -> str:
        """Return sentences that say whose record it is, and what the user can do."""
        if holder not in (None, self._urn):
            return _held(holder, declared=self._known.is_declared(holder))
        origin = origin_of(record)
        if origin.mark is None:
            return f"It was not made by this provider. {_CHOOSE_OR_DELETE}, or delete it."
        if origin.mark == mark(self._urn):
            return _unrecorded(record, self.recorded)
        return _anothers(origin, Origin.of_urn(self._urn))


def _held(holder: str, *, declared: bool) -> str:
    """Explain a record that this run created for another resource, or that another resource's state has."""
    whose = f"It belongs to this stack's own resource {resource_of(holder)!r}"
    if not declared:
        return (
            f"{whose} ({holder}). If that is an earlier URN of this resource, set adopt to true. Else wait until that "
            "resource is deleted, and run the same command again, or choose another name."
        )
    return (
        f"{whose} ({holder}), and adopt takes nothing from it. Choose another name. If that resource gives the name "
        "up in this deployment, run the same command again once it has; if the two swap their names, give one of them "
        "a third name first."
    )


def _unrecorded(record: Record, recorded: Recorded | None) -> str:
    """Explain a record that has this resource's mark but is not the one in the state."""
    state = f"the state records another one (id {recorded.snapshot_id})" if recorded else "no state records it"
    return (
        f"It bears the mark of this very resource, but its id is {record.id}, and {state}: a stack of the same name in "
        "another backend made it, or a run of this one that was not recorded. If it is another backend's, choose "
        "another name, or rename one of the stacks. If it is this stack's own, set adopt to true to take it over (it "
        "is replaced once the new image is ready), replace the resource with pulumi up --replace, or delete it."
    )


def _anothers(origin: Origin, own: Origin) -> str:
    if not origin.stack:
        return (
            "It was made by another Pulumi resource. "
            f"If that was this resource under an earlier URN (before a rename), {_ways_after_a_rename()} "
            f"{_CHOOSE_OR_DELETE}, or delete it."
        )
    if (origin.project, origin.stack) == (own.project, own.stack):
        return (
            f"It was made by this stack's own resource {origin.resource!r}. If that is an earlier name of this "
            f"resource, {_ways_after_a_rename()} If it is a resource of its own that gives the name up, let it go "
            f"first and run the same command again. {_CHOOSE_OR_DELETE}, or delete it."
        )
    return (
        f"It was made by another Pulumi resource: {origin.resource!r} of stack {origin.stack!r} in project "
        f"{origin.project!r}. {_CHOOSE_OR_DELETE}, or delete it there."
    )


def _ways_after_a_rename() -> str:
    return (
        "give the resource an alias of that URN, and run pulumi up without --replace or with --refresh, or set adopt "
        "to true."
    )


def _ago(seconds: float) -> str:
    """Return an age in words, such as ``5 min ago``."""
    if seconds < 120:
        return f"{max(0.0, seconds):.0f} s ago"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min ago"
    return f"{seconds / 3600:.0f} h ago" if seconds < 48 * 3600 else f"{seconds / 86400:.0f} days ago"
