"""Mocks for `pulumi.runtime.set_mocks`: give a program the outputs of a deployment, without a server or an engine.

They check each `Image` and `Snapshot` as the provider does, with either provider, and fill in the outputs that a
create on the server would return.
"""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

import pulumi
from pulumi.runtime import rpc
from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs
from pulumi.runtime.mocks import Mocks as PulumiMocks

from ..api.records import Record
from ..config import DEFAULT_API_URL, Settings
from ..errors import ConfigurationError, InvalidInputError, NotFoundError, Problem
from ..lifecycle import KINDS, UNKNOWN, Kind, Lifecycle
from ..lifecycle.outputs import IMAGE_LOOKUP, SNAPSHOT_LOOKUP, looked_up
from ..sanitize import quoted

__all__ = ["Mocks"]

_TYPES = {
    **{f"opencomputer:index:{name}": kind for name, kind in KINDS.items()},
    **{f"pulumi-python:dynamic/opencomputer:{name}": kind for name, kind in KINDS.items()},
}
_FUNCTION = "opencomputer:index:"
# Inputs that only the dynamic resources send.
_TOLD = ("knownParts",)
# Keys of a lookup's result that a record stores in its manifest.
_TOLD_OF_A_RECORD = ("project", "stack", "resource")
_TIME = "2026-01-01T00:00:00Z"
_NO_SERVER = "The mocks send no requests."


class Mocks(PulumiMocks):
    """Mocks for `pulumi.runtime.set_mocks`, for programs with OpenComputer images and snapshots.

    Inputs that the provider would reject raise `InvalidInputError` in the program. No request is sent. Local files
    are read and hashed. Resources and functions of other packages are passed to `others`; without it, such a
    resource's outputs are its inputs, and such a function returns an empty result.

    On Python 3.14, the thread gets an event loop if it has none, because `set_mocks` needs one.

    Example::

        mocks = Mocks(snapshots=["base-tools"])
        pulumi.runtime.set_mocks(mocks, project="agents", stack="test")

    Args:
        snapshots: The snapshots that `get_snapshot`, `list_snapshots` and the plugin's functions find: names, or
            mappings with the keys of the plugin's ``getSnapshot``, of which only ``name`` is required.
        others: Mocks for the resources and functions of other packages.

    Attributes:
        outputs: The outputs of each image and snapshot, by its name in the program. The keys are those of the state,
            such as ``contentHash``; secret values are plain.
        warnings: The warnings that the provider would have logged.
    """

    def __init__(self, *, snapshots: Iterable[str | Mapping[str, Any]] = (), others: PulumiMocks | None = None) -> None:
        self.outputs: dict[str, dict[str, Any]] = {}
        self.warnings: list[str] = []
        self._others = others
        self._snapshots = [_snapshot(each) for each in snapshots]
        self._lifecycle = Lifecycle(_no_settings, lambda: DEFAULT_API_URL)
        _ensure_event_loop()

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        """Return the id and the outputs of a resource that the program registers.

        Raises:
            InvalidInputError: The provider would reject the inputs. The message lists every problem with its path.
        """
        kind = _TYPES.get(args.typ)
        if kind is None:
            return self._others.new_resource(args) if self._others else (f"{args.name}-id", args.inputs)
        return self._created(kind, args)

    def call(self, args: MockCallArgs) -> Any:
        """Return the result of a function that the program calls.

        Raises:
            NotFoundError: The mocks have no such snapshot or image.
            InvalidInputError: The provider would reject an argument.
        """
        if not args.token.startswith(_FUNCTION):
            return self._others.call(args) if self._others else {}
        return self._answer(args.token.removeprefix(_FUNCTION), args.args)

    def _created(self, kind: Kind, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        given = {key: value for key, value in args.inputs.items() if not key.startswith("__") and key not in _TOLD}
        secrets = [key for key, value in given.items() if rpc.is_rpc_secret(value)]
        inputs = {key: _plain(value) for key, value in given.items()}
        urn = inputs.get("urn") or _urn(args)
        if secrets:
            inputs["secretPaths"] = inputs.get("secretPaths") or secrets
        checked = self._lifecycle.check(kind, urn, {}, inputs)
        if checked.problems:
            raise InvalidInputError(Problem(f"{args.name}: {path}", reason) for path, reason in checked.problems)
        self.warnings += [str(warning) for warning in checked.warnings]
        outputs = dict(checked.inputs)
        if not pulumi.runtime.is_dry_run():
            outputs = {**outputs, **_filled_in(kind, urn, outputs, self._source(outputs)), "apiUrl": DEFAULT_API_URL}
        self.outputs[args.name] = outputs
        shown = {key: pulumi.Output.secret(value) if key in secrets else value for key, value in outputs.items()}
        return ("" if pulumi.runtime.is_dry_run() else kind.id_of(urn, outputs)), shown

    def _source(self, inputs: Mapping[str, Any]) -> str:
        """Return the content hash of the source snapshot; a made-up one if the mocks don't have that snapshot."""
        name = inputs.get("sourceSnapshot")
        return next((each.content_hash for each in self._snapshots if each.name == name), _made_up_hash(str(name)))

    def _answer(self, function: str, given: Mapping[str, Any]) -> dict[str, Any]:
        match function:
            case "getSnapshot":
                return looked_up(SNAPSHOT_LOOKUP, self._found("snapshot", "name", given.get("name")))
            case "getSnapshots":
                return {"snapshots": [looked_up(SNAPSHOT_LOOKUP, each) for each in self._snapshots]}
            case "getImage":
                found = self._found("image", "content_hash", given.get("contentHash"))
                return looked_up(IMAGE_LOOKUP, found)
            case "hashManifest":
                return self._lifecycle.hash_manifest({"manifest": _plain(given.get("manifest"))})
        raise InvalidInputError([Problem("", f"{_FUNCTION}{function} is not a function of this package.")])

    def _found(self, what: str, field: str, wanted: Any) -> Record:
        for each in self._snapshots:
            if getattr(each, field) == wanted:
                return each
        known = ", ".join(quoted(each.name or "") for each in self._snapshots) or "none"
        raise NotFoundError(
            f"The mocks have no {what} {quoted(str(wanted))}; their snapshots: {known}. Give it to them: "
            "Mocks(snapshots=[…])."
        )


def _no_settings() -> Settings:
    raise ConfigurationError(_NO_SERVER)


def _plain(value: Any) -> Any:
    """Return the value without Pulumi's secret markers. In a preview, unknown list items arrive as None."""
    if rpc.is_rpc_secret(value):
        return _plain(rpc.unwrap_rpc_secret(value))
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [UNKNOWN if item is None and pulumi.runtime.is_dry_run() else _plain(item) for item in value]
    return value


def _urn(args: MockResourceArgs) -> str:
    return f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{args.typ}::{args.name}"


def _filled_in(kind: Kind, urn: str, inputs: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Return the outputs that a create adds to the inputs; always the same for the same resource and content."""
    content_hash = str(inputs.get("contentHash") or source)
    record = _record(inputs.get("name"), content_hash, _id(urn, content_hash))
    found = kind.outputs_of(record, inputs, content_hash)
    found["contentHash"] = content_hash
    return {**found, "cached": False} if "cached" in kind.computed else found


def _snapshot(given: str | Mapping[str, Any]) -> Record:
    found = {"name": given} if isinstance(given, str) else dict(given)
    name = found.get("name")
    if not isinstance(name, str) or not name:
        raise InvalidInputError([Problem("snapshots", "must be names, or mappings with a name.")])
    content_hash = found.get("contentHash") or _made_up_hash(name)
    record = _record(name, content_hash, found.get("snapshotId") or _id(name))
    fields = {"status": "status", "checkpointId": "checkpoint_id", "createdAt": "created_at"}
    fields["lastUsedAt"] = "last_used_at"
    told = {f"pulumi{key[0].upper()}{key[1:]}": found[key] for key in _TOLD_OF_A_RECORD if key in found}
    given = {fields[key]: value for key, value in found.items() if key in fields}
    return Record(**{**vars(record), **given, "manifest": told})


def _made_up_hash(name: str) -> str:
    return uuid.uuid5(uuid.NAMESPACE_URL, name).hex * 2


def _record(name: Any, content_hash: str, id_: str) -> Record:
    return Record(id_, name, content_hash, "ready", _id(content_hash), _TIME, _TIME, None)


def _id(*parts: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "\n".join(parts)))


def _ensure_event_loop() -> None:
    """Set an event loop if there is none. Until Python 3.13, asyncio itself creates one."""
    if sys.version_info >= (3, 14):
        try:
            asyncio.get_event_loop()
        except RuntimeError:
            asyncio.set_event_loop(asyncio.new_event_loop())
