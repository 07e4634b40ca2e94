"""The arguments and results of the lifecycle's operations: plain values, the same for both adapters."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import Problem

#: Seconds that a build may take unless the program says otherwise.
DEFAULT_TIMEOUT = 1800.0


class _Unknown:
    """A value that is known only when another resource is deployed."""

    def __repr__(self) -> str:
        return "UNKNOWN"


#: Takes the place of values that are not known yet.
UNKNOWN = _Unknown()


def is_unknown(value: Any) -> bool:
    """Tell whether a value is not known yet."""
    return value is UNKNOWN


@dataclass(frozen=True)
class Autonaming:
    """The user's settings for generated names (``pulumi:autonaming``).

    Attributes:
        proposed: The name to use if the program gives none; empty if names must not be generated.
        enforced: Whether it must be exactly that name.
    """

    proposed: str
    enforced: bool = False


@dataclass(frozen=True)
class Checked:
    """The outcome of a check.

    Attributes:
        inputs: The inputs with the content hash and the name filled in, and the counts of local files.
        problems: Every mistake, with its path; empty if the inputs are valid.
        warnings: Things that will work, but probably not as intended.
    """

    inputs: dict[str, Any] = field(repr=False)
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Clock:
    """Time as the lifecycle sees it; tests inject their own.

    Attributes:
        sleep: Waits for a number of seconds.
        now: Returns the seconds since the epoch.
        look_every: Seconds between two looks at the build that a silent request waits for.
    """

    sleep: Callable[[float], None]
    now: Callable[[], float]
    look_every: float = 3.0


class Change(enum.Enum):
    """What happens to a property."""

    ADD = "add"
    DELETE = "delete"
    UPDATE = "update"


@dataclass(frozen=True)
class Difference:
    """The result of a diff.

    Attributes:
        replaces: The properties whose change needs a new record.
        updates: The properties whose change only rewrites the state.
        replacing: What needs a new record, by path down to the step, such as ``manifest.steps[2].pipInstall``.
        updating: What only rewrites the state, by path.
    """

    replaces: tuple[str, ...] = ()
    updates: tuple[str, ...] = ()
    replacing: Mapping[str, Change] = field(default_factory=dict)
    updating: Mapping[str, Change] = field(default_factory=dict)

    def as_update(self) -> Difference:
        """Return the same difference for a resource that gets a new record by an update, not by a replacement."""
        updates = tuple(dict.fromkeys((*self.replaces, *self.updates)))
        return Difference((), updates, {}, {**self.updating, **self.replacing})

    @property
    def changes(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.replaces or self.updates)

    @property
    def shows_in_inputs(self) -> bool:
        """Whether the inputs certainly differ. If only the record is lost, they don't."""
        return not {"contentHash", "name"}.isdisjoint((*self.replaces, *self.updates))


@dataclass(frozen=True)
class Created:
    """A resource that was made: its id in Pulumi and its outputs."""

    id: str
    outputs: dict[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Imported:
    """A resource that was read from its record only.

    Attributes:
        inputs: Checked inputs that a program could have given.
        outputs: Its outputs.
        warnings: Warnings about the inputs.
        id: Its id in Pulumi.
        secrets: The paths of secret values in inputs and outputs.
    """

    inputs: dict[str, Any] = field(repr=False)
    outputs: dict[str, Any] = field(repr=False)
    warnings: tuple[Problem, ...] = ()
    id: str = ""
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recorded:
    """What a state records about a resource's record at the server."""

    name: str
    snapshot_id: str
    created_at: str = ""
    org_id: str = ""

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Recorded:
        """Take these values from a resource's outputs."""
        return cls(*(str(state.get(key) or "") for key in ("name", "snapshotId", "createdAt", "orgId")))
