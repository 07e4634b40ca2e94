"""The adapter to Pulumi's dynamic providers. It only translates; the lifecycle decides.

Every user's state refers to the classes of this module by their import path, so neither the module nor the classes
may ever be moved or renamed. For the same reason their objects have no attributes: what a provider knows is kept by
the process (`engine.session`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

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

from .manifest.places import INPUT as PLACES_INPUT
from .manifest.places import Places

if TYPE_CHECKING:
    from .engine.session import Session
    from .lifecycle import Kind

# A program imports this module only for its classes, and never calls their methods. So methods import what they need
# when they run, in the provider's process, and the HTTP client and the models are loaded only if something changed.


# The property under which Pulumi stores the pickled provider.
_PROVIDER = "__provider"


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
        with _plain_errors():
            from .config import NAMES  # noqa: PLC0415

            _session().configure({name: req.config.get(f"opencomputer:{name}") for name in NAMES})

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        with _plain_errors():
            inputs = _with_unseen_secrets(_values(news))
            urn = _urn(inputs)
            declared_at = Places.decoded(news.get(PLACES_INPUT))
            checked = _session().lifecycle.check(_kind(self.kind), urn, _values(_olds), inputs, places=declared_at)
            _session().warn_once(urn, checked, declared_at)
            # Name no property: the engine would show its value, even a secret one.
            failures = [CheckFailure("", problem.as_failure()) for problem in checked.problems]
            return CheckResult(_to_wire(checked.inputs), failures)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        with _plain_errors():
            inputs = _values(_news)
            urn = _urn(inputs)
            state, log = _values(_olds), _session().log(urn)
            difference = _session().lifecycle.diff(_kind(self.kind), urn, state, inputs, log)
            # A state that the plugin wrote has no pickled provider. Refresh and destroy need one, so force an update.
            changes: bool | None = difference.changes or _PROVIDER not in _olds
            _session().say_changes(urn, state, inputs)
            if difference.shows_in_inputs:
                # None means unknown: the engine then shows how the inputs differ, and does not show outputs as lost.
                changes = None
            return DiffResult(changes=changes, replaces=list(difference.replaces), delete_before_replace=False)

    def create(self, props: dict[str, Any]) -> CreateResult:
        with _plain_errors():
            inputs = _values(props)
            urn = _urn(inputs)
            created = _session().lifecycle.create(_kind(self.kind), urn, inputs, _session().log(urn))
            return CreateResult(created.id, created.outputs)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        with _plain_errors():
            inputs = _values(_news)
            urn = _urn(inputs)
            state, log = _values(_olds), _session().log(urn)
            outputs = _session().lifecycle.update(_kind(self.kind), urn, state, inputs, log)
            return UpdateResult(outputs)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        with _plain_errors():
            state = _values(props)
            urn = _urn(state)
            outputs = _session().lifecycle.read(_kind(self.kind), urn, state, _session().log(urn))
            return ReadResult(id_="", outs={}) if outputs is None else ReadResult(id_=id_, outs=outputs)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        with _plain_errors():
            state = _values(_props)
            urn = _urn(state)
            _session().lifecycle.delete(_kind(self.kind), urn, state, _session().log(urn))


class SnapshotProvider(_Provider):
    """The dynamic provider of `Snapshot`."""

    kind = "Snapshot"


class ImageProvider(_Provider):
    """The dynamic provider of `Image`."""

    kind = "Image"


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    """Show the user only the name and the own text of an error.

    The host shows an exception as Python does: with its module's path and the exceptions that caused it, which may
    quote a secret.
    """
    try:
        yield
    except Exception as error:
        from .engine.error_text import text_of  # noqa: PLC0415

        # Python shows a class of `builtins` without its module.
        plain = type(type(error).__name__, (Exception,), {"__module__": "builtins"})
        raise plain(text_of(error)) from None


def _urn(values: Mapping[str, Any]) -> str:
    urn = values.get("urn")
    return urn if isinstance(urn, str) else ""


def _values(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties as plain values, without Pulumi's own, such as ``__provider``."""
    return {key: _from_wire(value) for key, value in properties.items() if not key.startswith("__")}


def _with_unseen_secrets(inputs: dict[str, Any]) -> dict[str, Any]:
    """Return the inputs with every part that a transform added or changed marked as secret.

    Transforms run after the program has said where its secrets are, so such a part may hold one.
    """
    known, paths = inputs.pop("knownParts", None), inputs.get("secretPaths") or []
    if not isinstance(known, list) or not isinstance(paths, list) or "manifest" in paths:
        return inputs
    from .manifest.familiar import unfamiliar  # noqa: PLC0415

    unseen = [path for path in unfamiliar(inputs.get("manifest"), known) if path not in paths]
    return {**inputs, "secretPaths": [*paths, *unseen]} if unseen else inputs


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
