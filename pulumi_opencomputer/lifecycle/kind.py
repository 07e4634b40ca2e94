"""What every kind of resource does, and what one may do otherwise."""

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
        own_inputs: The inputs that not every kind has.
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
        """The outputs that a create of these inputs fills in, as far as the inputs do not say them."""
        return (*self.computed, "contentHash")

    @property
    def inputs(self) -> Collection[str]:
        """Every input that is known; a program may name an output among them, without a value."""
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
        """Validate the inputs, and fill in what they decide; see `check.check`."""
        return check.check(self, urn, olds, news, memory, autonaming=autonaming)

    def diff(self, state: Mapping[str, Any], inputs: Mapping[str, Any]) -> Difference:
        """Compare the recorded state with checked inputs; see `diff.diff`."""
        return diff.diff(self.decisive, state, inputs)

    def problems(self, _inputs: Mapping[str, Any], _autonaming: Autonaming | None, /) -> list[Problem]:
        """Every mistake in the inputs that only this kind has."""
        return []

    def fill_in(
        self, _urn: str, _olds: Mapping[str, Any], _inputs: dict[str, Any], _autonaming: Autonaming | None, /
    ) -> list[Problem]:
        """Fill in what a program may leave out; the content hash is there. Every mistake that this shows."""
        return []

    def records(self, _inputs: Mapping[str, Any], /) -> int:
        """How many named records a resource with checked inputs has at the server, at the most."""
        return 0

    def fixed_name(self, _inputs: Mapping[str, Any], /) -> str | None:
        """The name at the server that checked inputs ask for, which no other resource may have; None if they don't."""
        return None

    def warnings(self, _inputs: Mapping[str, Any], _api_url: Callable[[], str], /) -> Iterable[Problem]:
        """What will work, but not as well as it could, at the API that is configured."""
        return ()

    def concerns(self, _run: Run, _urn: str, _inputs: Mapping[str, Any], _client: Client, /) -> Iterable[str]:
        """What the server tells of a create in a preview, beside its content: what will fail, or lose something.

        Raises:
            APIError: The server can't be reached, or refused.
        """
        return ()

    @abstractmethod
    def id_of(self, urn: str, inputs: Mapping[str, Any]) -> str:
        """The id in Pulumi of a resource with these checked inputs."""

    def source(self, _run: Run, _inputs: Mapping[str, Any], _log: ResourceLog, /) -> Source | None:
        """The content, where inputs name what has it in place of a manifest.

        Raises:
            APIError: There is no such content, or the server can't be reached or refused.
        """
        return None

    @abstractmethod
    def create(self, run: Run, job: Job, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Make a resource; return its outputs beside its inputs, without the API's address.

        Raises:
            APIError: The build failed, the name is another's, or the server can't be reached or refused.
        """

    def outputs_of(self, record: Record, _inputs: Mapping[str, Any], _content_hash: str) -> dict[str, Any]:
        """What a resource's new record gives, beside its inputs."""
        return outputs.created(self.outputs, record)

    def update(
        self, _run: Run, _urn: str, state: Mapping[str, Any], inputs: Mapping[str, Any], _work: Work
    ) -> dict[str, Any]:
        """Bring about what an update wants; return the outputs without the API's address.

        Most only rewrite the state. An input that the program gives no more leaves it too.

        Raises:
            APIError: The build failed, the name is another's, or the server can't be reached or refused.
        """
        return {**{key: state[key] for key in self.computed if key in state}, **inputs}

    def preview_update(self, state: Mapping[str, Any], inputs: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
        """The outputs of an update as far as they are known before, and whether it makes or takes another record."""
        return {**{key: state[key] for key in self.computed if key in state}, **inputs}, False

    def foretell(self, _state: Mapping[str, Any], _inputs: Mapping[str, Any], /) -> str | None:
        """What a diff has to say of what a deployment deletes beside the resource's own record, if anything."""
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
            ConfigurationError: It lives at another address than the configured one.
            APIError: The server can't be reached, or refused.
        """

    @abstractmethod
    def find(self, run: Run, id_: str) -> Record | None:
        """The record that an id in Pulumi stands for; None if there is none.

        Raises:
            InvalidInputError: It is no id of this kind.
            APIError: The server can't be reached, or refused.
        """

    @abstractmethod
    def import_(self, run: Run, urn: str, record: Record) -> Imported:
        """A resource out of its record alone.

        Raises:
            InvalidInputError: The record is not ready, or its manifest can't be declared; says what to do.
        """
