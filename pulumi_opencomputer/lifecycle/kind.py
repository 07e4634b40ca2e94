"""The base class of resource kinds: what all of them do, and what each may do differently."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import Problem
from . import check, diff, outputs
from .types import Autonaming, Checked, Difference, Imported

if TYPE_CHECKING:
    from ..api.client import Client
    from ..api.records import Record
    from .build_job import Job
    from .log import ResourceLog
    from .run import Run
    from .source import Source
    from .work import Work

_EVERY_INPUT = ("manifest", "contentHash", "timeout", "urn", "secretPaths")


class Kind(ABC):
    """One kind of resource.

    Attributes:
        name: Its name in Pulumi's type tokens.
        outputs: Its outputs.
        decisive: The inputs whose change replaces a resource.
        own_inputs: The inputs that this kind has beyond those of every kind.
    """

    name: ClassVar[str]
    outputs: ClassVar[tuple[outputs.Output, ...]]
    decisive: ClassVar[Sequence[str]] = ("contentHash",)
    own_inputs: ClassVar[tuple[str, ...]] = ()

    @property
    def computed(self) -> tuple[str, ...]:
        """The outputs that only a create can fill in."""
        return tuple(output.name for output in self.outputs if output.filled_by == "create")

    def unknown_outputs(self, _inputs: Mapping[str, Any], /) -> Sequence[str]:
        """The outputs that are unknown before a create, unless the inputs give them."""
        return (*self.computed, "contentHash")

    @property
    def inputs(self) -> Collection[str]:
        """Every accepted input. Outputs are among them, because a program may name them without a value."""
        return {*_EVERY_INPUT, *self.own_inputs, *self.computed}

    def check(
        self,
        urn: str,
        olds: Mapping[str, Any],
        news: Mapping[str, Any],
        memory: check.HashMemory,
        *,
        autonaming: Autonaming | None = None,
    ) -> Checked:
        """Validate the inputs, and fill in what follows from them; see `check.check`."""
        return check.check(self, urn, olds, news, memory, autonaming=autonaming)

    def diff(self, state: Mapping[str, Any], inputs: Mapping[str, Any]) -> Difference:
        """Compare the recorded state with checked inputs; see `diff.diff`."""
        return diff.diff(self.decisive, state, inputs)

    def problems(self, _inputs: Mapping[str, Any], _autonaming: Autonaming | None, /) -> list[Problem]:
        """Every mistake in this kind's own inputs."""
        return []

    def fill_in(
        self, _urn: str, _olds: Mapping[str, Any], _inputs: dict[str, Any], _autonaming: Autonaming | None, /
    ) -> list[Problem]:
        """Fill in what the program left out. The content hash is already there. Return every mistake found."""
        return []

    def records(self, _inputs: Mapping[str, Any], /) -> int:
        """The maximum number of named records that a resource with these checked inputs has at the server."""
        return 0

    def fixed_name(self, _inputs: Mapping[str, Any], /) -> str | None:
        """The record's name if the program fixes it, so that no other resource may have it; else None."""
        return None

    def warnings(self, _inputs: Mapping[str, Any], _api_url: Callable[[], str], /) -> Iterable[Problem]:
        """Warnings about what works with the configured API, but not as well as it could."""
        return ()

    def concerns(self, _run: Run, _urn: str, _inputs: Mapping[str, Any], _client: Client, /) -> Iterable[str]:
        """What a preview warns of after asking the server: that the create will fail, or that something gets lost.

        Raises:
            APIError: The server can't be reached, or refused.
        """
        return ()

    @abstractmethod
    def id_of(self, urn: str, inputs: Mapping[str, Any]) -> str:
        """The id in Pulumi of a resource with these checked inputs."""

    def source(self, _run: Run, _inputs: Mapping[str, Any], _log: ResourceLog, /) -> Source | None:
        """The content, if the inputs name a snapshot that has it instead of giving a manifest; else None.

        Raises:
            APIError: There is no such content, or the server can't be reached or refused.
        """
        return None

    @abstractmethod
    def create(self, run: Run, job: Job, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Create a resource; return its outputs, without its inputs and the API's address.

        Raises:
            APIError: The build failed, the name is taken, or the server can't be reached or refused.
        """

    def outputs_of(self, record: Record, _inputs: Mapping[str, Any], _content_hash: str) -> dict[str, Any]:
        """The outputs that come from a resource's new record."""
        return outputs.created(self.outputs, record)

    def update(
        self, _run: Run, _urn: str, state: Mapping[str, Any], inputs: Mapping[str, Any], _work: Work
    ) -> dict[str, Any]:
        """Carry out an update; return all outputs.

        Most updates only rewrite the state. An input that the program no longer gives is dropped from the state.

        Raises:
            APIError: The build failed, the name is taken, or the server can't be reached or refused.
        """
        return {**{key: state[key] for key in self.computed if key in state}, **inputs}

    def preview_update(self, state: Mapping[str, Any], inputs: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
        """The outputs of an update as far as a preview knows them, and whether it switches to another record."""
        return {**{key: state[key] for key in self.computed if key in state}, **inputs}, False

    def foretell(self, _state: Mapping[str, Any], _inputs: Mapping[str, Any], /) -> str | None:
        """A line about records that the deployment will delete besides the resource's own; None if there are none."""
        return None

    @abstractmethod
    def read(self, run: Run, state: Mapping[str, Any], log: ResourceLog) -> dict[str, Any] | None:
        """The outputs as the server has them now; None if the record is gone.

        Raises:
            APIError: The server can't be reached, or refused.
        """

    @abstractmethod
    def delete(self, run: Run, urn: str, state: Mapping[str, Any], log: ResourceLog) -> None:
        """Delete a resource.

        Raises:
            ConfigurationError: It lives at a different address from the configured one.
            APIError: The server can't be reached, or refused.
        """

    @abstractmethod
    def find(self, run: Run, id_: str) -> Record | None:
        """The record for an id in Pulumi; None if there is none.

        Raises:
            InvalidInputError: It is not an id of this kind.
            APIError: The server can't be reached, or refused.
        """

    @abstractmethod
    def import_(self, run: Run, urn: str, record: Record) -> Imported:
        """Make a resource from its record alone.

        Raises:
            InvalidInputError: The record is not ready, or its manifest can't be declared; says what to do.
        """
