"""The adapter to Pulumi's dynamic providers. It translates, and decides nothing.

Every user's state refers to the classes of this module by their import path, so neither the module nor
the classes may ever move or be renamed. They have no attributes, for the same reason: what a provider
knows belongs to the process.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

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

from .config import Settings, resolve, resolve_url
from .enginelog import EngineLog
from .errors import OpenComputerError
from .lifecycle import UNKNOWN, Kind, Lifecycle, is_unknown
from .logs import Log, Severity
from .text import clean
from .threadpool import widen

_KEYS = ("apiKey", "apiUrl", "sdkVersion", "allowHttp")


class Session:
    """What this process knows: one lifecycle, the engine's log, the stack's configuration."""

    def __init__(self) -> None:
        self._config: dict[str, str | None] = {}
        self._engine = EngineLog(sys.argv[1] if len(sys.argv) > 1 else "")
        self._warned: set[tuple[str, str]] = set()
        self._lock = threading.Lock()
        self.lifecycle = Lifecycle(self._settings, self._api_url)

    def configure(self, get: Callable[[str], Any]) -> None:
        """Take the stack's configuration."""
        self._config = {key: get(f"opencomputer:{key}") for key in _KEYS}

    def log(self, urn: str) -> Log:
        """The log of one resource."""
        return self._engine.of(urn)

    def warn_once(self, urn: str, content: str, message: str) -> None:
        """Say a warning about a content on a resource's row, the first that has it.

        A check runs more than once in a process, and a snapshot has the manifest of its image.
        """
        with self._lock:
            if (content, message) in self._warned:
                return
            self._warned.add((content, message))
        self.log(urn)(Severity.WARNING, message)

    def _settings(self) -> Settings:
        return resolve(self._config, os.environ)

    def _api_url(self) -> str:
        return resolve_url(self._config, os.environ)


_session: list[Session] = []
_session_lock = threading.Lock()


def session() -> Session:
    """This process's session, made on first use.

    The process is shared with a user's other dynamic providers, so what is set up here for all of them
    can be switched off with ``OPENCOMPUTER_DEBUG=1``: one-line errors, and more threads than four.
    """
    with _session_lock:
        if not _session:
            _session.append(Session())
            if os.environ.get("OPENCOMPUTER_DEBUG", "") in ("", "0"):
                sys.tracebacklimit = 0
                widen()
        return _session[0]


class _Provider(ResourceProvider):
    """What both resources share."""

    # The pickled provider is a reference to its class; nothing in it is secret.
    serialize_as_secret_always = False
    kind: Kind

    def configure(self, req: ConfigureRequest) -> None:
        session().configure(req.config.get)

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        inputs = _values(news)
        urn = _urn(inputs)
        with _one_line():
            checked = session().lifecycle.check(self.kind, urn, _values(_olds), inputs)
        for warning in checked.warnings:
            session().warn_once(urn, str(checked.inputs.get("contentHash")), str(warning))
        # A failure that named a property would show that property's value, secret or not.
        failures = [CheckFailure("", str(problem)) for problem in checked.problems]
        return CheckResult(_to_wire(checked.inputs), failures)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        with _one_line():
            difference = session().lifecycle.diff(self.kind, _values(_olds), _values(_news))
        return DiffResult(changes=difference.changes, replaces=list(difference.replaces), delete_before_replace=False)

    def create(self, props: dict[str, Any]) -> CreateResult:
        inputs = _values(props)
        urn = _urn(inputs)
        with _one_line():
            created = session().lifecycle.create(self.kind, urn, inputs, session().log(urn))
        return CreateResult(created.id, created.outputs)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        return UpdateResult(session().lifecycle.update(_values(_olds), _values(_news)))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        state = _values(props)
        with _one_line():
            outputs = session().lifecycle.read(self.kind, state, session().log(_urn(state)))
        if outputs is None:
            return ReadResult(id_="", outs={})
        return ReadResult(id_=id_, outs=outputs)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        state = _values(_props)
        urn = _urn(state)
        with _one_line():
            session().lifecycle.delete(self.kind, urn, state, session().log(urn))


class SnapshotProvider(_Provider):
    """The dynamic provider of `Snapshot`."""

    kind = Kind.SNAPSHOT


class ImageProvider(_Provider):
    """The dynamic provider of `Image`."""

    kind = Kind.IMAGE


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
        return UNKNOWN
    if isinstance(value, Mapping):
        return {key: _from_wire(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_from_wire(item) for item in value]
    return value


def _to_wire(value: Any) -> Any:
    if is_unknown(value):
        return WIRE_UNKNOWN
    if isinstance(value, Mapping):
        return {key: _to_wire(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_to_wire(item) for item in value]
    return value
