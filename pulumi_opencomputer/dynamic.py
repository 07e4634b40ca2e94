"""The adapter to Pulumi's dynamic providers. It translates, and decides nothing.

Every user's state refers to the classes of this module by their import path, so neither the module nor
the classes may ever move or be renamed. They have no attributes, for the same reason: what a provider
knows belongs to the process.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)
from pulumi.output import Unknown
from pulumi.runtime.rpc import UNKNOWN as WIRE_UNKNOWN

from .config import NAMES
from .errors import OpenComputerError
from .sanitize import clean

if TYPE_CHECKING:
    from .engine.session import Session
    from .lifecycle import Kind

# A program imports this module for the classes alone, and never calls them: what their methods need is loaded by the
# provider's process, and the HTTP client and the models only where something is new.


def _session() -> Session:
    from .engine.session import session  # noqa: PLC0415

    return session()


def _kind(name: str) -> Kind:
    from .lifecycle import KINDS  # noqa: PLC0415

    return KINDS[name]


class _Provider(ResourceProvider):
    """What both resources share."""

    # The pickled provider is a reference to its class; nothing in it is secret.
    serialize_as_secret_always = False
    kind: str

    def configure(self, req: ConfigureRequest) -> None:
        _session().configure({name: req.config.get(f"opencomputer:{name}") for name in NAMES})

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        inputs = _values(news)
        urn = _urn(inputs)
        with _one_line():
            checked = _session().lifecycle.check(_kind(self.kind), urn, _values(_olds), inputs)
        for warning in checked.warnings:
            _session().warn_once(urn, str(checked.inputs.get("contentHash")), str(warning))
        # A failure that named a property would show that property's value, secret or not.
        failures = [CheckFailure("", str(problem)) for problem in checked.problems]
        return CheckResult(_to_wire(checked.inputs), failures)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        inputs = _values(_news)
        with _one_line():
            difference = _session().lifecycle.diff(_kind(self.kind), _urn(inputs), _values(_olds), inputs)
        return DiffResult(changes=difference.changes, replaces=list(difference.replaces), delete_before_replace=False)

    def create(self, props: dict[str, Any]) -> CreateResult:
        inputs = _values(props)
        urn = _urn(inputs)
        with _one_line():
            created = _session().lifecycle.create(_kind(self.kind), urn, inputs, _session().log(urn))
        return CreateResult(created.id, created.outputs)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        return UpdateResult(_session().lifecycle.update(_kind(self.kind), _values(_olds), _values(_news)))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        state = _values(props)
        with _one_line():
            urn = _urn(state)
            outputs = _session().lifecycle.read(_kind(self.kind), urn, state, _session().log(urn))
        if outputs is None:
            return ReadResult(id_="", outs={})
        return ReadResult(id_=id_, outs=outputs)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        state = _values(_props)
        urn = _urn(state)
        with _one_line():
            _session().lifecycle.delete(_kind(self.kind), urn, state, _session().log(urn))


class SnapshotProvider(_Provider):
    """The dynamic provider of `Snapshot`."""

    kind = "Snapshot"


class ImageProvider(_Provider):
    """The dynamic provider of `Image`."""

    kind = "Image"


class _one_line:  # noqa: N801 - reads as a statement
    """Lets an error of ours reach the user as its name and message alone.

    The host shows the last exception as Python does, with its module's path and what it was raised from.
    """

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, OpenComputerError) and sys.__dict__.get("tracebacklimit") == 0:
            _raise_plain(error)


def _raise_plain(error: OpenComputerError) -> NoReturn:
    # A class of `builtins` is shown without its module.
    plain = type(type(error).__name__, (Exception,), {"__module__": "builtins"})
    raise plain(clean(str(error))) from None


def _urn(values: Mapping[str, Any]) -> str:
    urn = values.get("urn")
    return urn if isinstance(urn, str) else ""


def _values(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The properties as plain values, without the engine's own (``__provider``)."""
    return {key: _from_wire(value) for key, value in properties.items() if not key.startswith("__")}


def _from_wire(value: Any) -> Any:
    if isinstance(value, Unknown) or (isinstance(value, str) and value == WIRE_UNKNOWN):
        from .lifecycle import UNKNOWN  # noqa: PLC0415

        return UNKNOWN
    if isinstance(value, dict):
        return {key: _from_wire(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_from_wire(item) for item in value]
    return value


def _to_wire(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Mapping):
        return {key: _to_wire(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_to_wire(item) for item in value]
    from .lifecycle import is_unknown  # noqa: PLC0415

    return WIRE_UNKNOWN if is_unknown(value) else value
