"""The adapter to Pulumi's plugin protocol. It only translates; the lifecycle decides."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import resources
from typing import Any, TypeVar

from pulumi.provider.experimental import provider as protocol
from pulumi.provider.experimental.property_value import PropertyValue

from ..config import NAMES
from ..engine.session import Session
from ..errors import InvalidInputError, Problem
from ..lifecycle import KINDS, Change, Checked, Difference, Kind
from ..lifecycle.located import step_count
from ..manifest.places import INPUT as PLACES_INPUT
from ..manifest.places import Places
from .config import as_texts, problems_of
from .functions import call
from .program import is_yaml
from .properties import Received, receive, send
from .server import FullCheckRequest, FullDiffRequest, StoppableProvider

_TOKENS = {f"opencomputer:index:{name}": kind for name, kind in KINDS.items()}

# Inputs of the lifecycle that the engine passes by other means, so a program may not set them. No state holds them.
_ENGINES_OWN = {
    "timeout": "is not an input: set the resource option customTimeouts.create.",
    "updateTimeout": "is not an input: set the resource option customTimeouts.update.",
    "deleteTimeout": "is not an input: set the resource option customTimeouts.delete.",
    "urn": "is not an input.",
    "secretPaths": "is not an input: mark the values themselves as secret.",
}

# Far above any sensible --parallel, so that the engine's own setting is the limit. Threads start only when needed.
_OPERATIONS = 512
# The engine sends checks and diffs from a single loop, so a few threads are enough. They have their own pool, so that
# builds never hold them up.
_ANSWERS = 8

T = TypeVar("T")


class OpenComputerProvider(StoppableProvider):
    """The provider of snapshots and images. One object serves one configured provider of a program."""

    def __init__(self, engine: str, version: str) -> None:
        """Prepare the provider; nothing is sent.

        Args:
            engine: The engine's gRPC address, for the resources' logs.
            version: The plugin's version.
        """
        self._version = version
        self._session = Session(engine)
        self._operations = ThreadPoolExecutor(_OPERATIONS, "operation")
        self._answers = ThreadPoolExecutor(_ANSWERS, "answer")
        self._running: set[Future[Any]] = set()

    async def get_schema(self, _request: protocol.GetSchemaRequest) -> protocol.GetSchemaResponse:
        """Return the package's schema."""
        schema = json.loads(resources.files(__package__).joinpath("schema.json").read_text("utf-8"))
        return protocol.GetSchemaResponse(json.dumps({**schema, "version": self._version}))

    async def check_config(self, request: protocol.CheckRequest) -> protocol.CheckResponse:
        """Validate the settings of a provider of the program."""
        given = receive(request.new_inputs)
        wrong = given.problems or tuple(problems_of(given.values))
        return protocol.CheckResponse(send(given.values, {*given.secrets, "apiKey"}), _failures(wrong))

    async def diff_config(self, request: protocol.DiffRequest) -> protocol.DiffResponse:
        """Compare a provider's old and new settings. A change replaces neither the provider nor its resources."""
        olds = receive(request.old_inputs if isinstance(request, FullDiffRequest) else request.old_state).values
        news = receive(request.new_inputs).values
        changed = [name for name in NAMES if olds.get(name) != news.get(name)]
        details = {name: protocol.PropertyDiff(_kind_of_change(name, olds, news), True) for name in changed}
        return protocol.DiffResponse(changes=bool(changed), diffs=changed, detailed_diff=details)

    async def configure(self, request: protocol.ConfigureRequest) -> protocol.ConfigureResponse:
        """Apply the settings, and begin a new run."""
        self._session.configure(as_texts(receive(request.args).values))
        self._session.lifecycle.begin_run()
        return protocol.ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def check(self, request: protocol.CheckRequest) -> protocol.CheckResponse:
        """Validate a resource's inputs, and fill in what follows from them."""
        kind, olds, news = _kind(request.type), receive(request.old_inputs), receive(request.new_inputs)
        wrong = [
            *news.problems,
            *(Problem(key, why) for key, why in _ENGINES_OWN.items() if news.values.get(key) is not None),
        ]
        declared_at = _places(request.urn, news.values.pop(PLACES_INPUT, None))
        if wrong:
            count = step_count(news.values)
            return protocol.CheckResponse(
                request.new_inputs, _failures(declared_at.locate(problem, count) for problem in wrong)
            )
        naming = request.autonaming if isinstance(request, FullCheckRequest) else None

        def check() -> Checked:
            given = _with_engines(news)
            found = self._session.lifecycle.check(
                kind, request.urn, olds.values, given, autonaming=naming, places=declared_at
            )
            self._session.warn_once(request.urn, found, declared_at)
            return found

        checked = await self._answer(check)
        return protocol.CheckResponse(_sent(checked.inputs, news), _failures(checked.problems))

    async def diff(self, request: protocol.DiffRequest) -> protocol.DiffResponse:
        """Compare a resource's state with its checked inputs."""
        kind = _kind(request.type)
        state, inputs = receive(request.old_state), receive(request.new_inputs).raise_if_invalid()
        # Use the secrets of the old inputs: the state may have more, which a program marks only in the outputs
        # (additionalSecretOutputs).
        olds = state if not isinstance(request, FullDiffRequest) else receive(request.old_inputs)
        recorded = {**state.values, "secretPaths": list(olds.secrets)}
        lifecycle, log = self._session.lifecycle, self._session.log(request.urn)
        given = _with_engines(inputs)

        def diff() -> Difference:
            self._session.say_changes(request.urn, recorded, given)
            return lifecycle.diff(kind, request.urn, recorded, given, log)

        difference = await self._answer(diff)
        return protocol.DiffResponse(
            changes=difference.changes,
            replaces=list(difference.replaces),
            diffs=_named_in_table(difference),
            detailed_diff=dict(_details(difference)),
        )

    async def create(self, request: protocol.CreateRequest) -> protocol.CreateResponse:
        """Build an image and, for a snapshot, give it its name. In a preview, show what would be done."""
        kind, inputs = _kind(request.type), receive(request.properties).raise_if_invalid()
        lifecycle, log = self._session.lifecycle, self._session.log(request.urn)
        if request.preview:
            # Don't use the checks' threads: all previews of a run may have to wait for one request to the server.
            outputs = await self._operate(lambda: lifecycle.preview(kind, request.urn, inputs.values, log))
            return protocol.CreateResponse("", _sent(outputs, inputs))
        given = _with_engines(inputs, request.timeout)
        created = await self._operate(lambda: lifecycle.create(kind, request.urn, given, log))
        return protocol.CreateResponse(created.id, _sent(created.outputs, inputs))

    async def update(self, request: protocol.UpdateRequest) -> protocol.UpdateResponse:
        """Rewrite a resource's state, or switch to another version. In a preview, show what would be done."""
        kind, state, inputs = _kind(request.type), receive(request.olds), receive(request.news).raise_if_invalid()
        lifecycle, log = self._session.lifecycle, self._session.log(request.urn)
        given = _with_engines(inputs, request.timeout)
        if request.preview:
            outputs = await self._operate(lambda: lifecycle.preview_update(kind, request.urn, state.values, given, log))
        else:
            outputs = await self._operate(lambda: lifecycle.update(kind, request.urn, state.values, given, log))
        return protocol.UpdateResponse(_sent(outputs, inputs))

    async def read(self, request: protocol.ReadRequest) -> protocol.ReadResponse:
        """Read a resource's current state; without a recorded state, import the resource with the given id."""
        kind, state = _kind(request.type), receive(request.properties)
        lifecycle, log = self._session.lifecycle, self._session.log(request.urn)
        if "status" not in state.values:
            # Every recorded state has a status. Without one this is an import or a lookup (``get``), which may come
            # with some properties.
            return await self._import(kind, request)
        outputs = await self._operate(lambda: lifecycle.read(kind, request.urn, state.values, log))
        if outputs is None:
            return protocol.ReadResponse()
        return protocol.ReadResponse(request.resource_id, _sent(outputs, state), request.inputs)

    async def delete(self, request: protocol.DeleteRequest) -> None:
        """Delete a resource's record at the server, if it is the one that the state names."""
        kind, state = _kind(request.type), receive(request.properties)
        lifecycle, log = self._session.lifecycle, self._session.log(request.urn)
        limited = {**state.values, "deleteTimeout": request.timeout}
        await self._operate(lambda: lifecycle.delete(kind, request.urn, limited, log))

    async def invoke(self, request: protocol.InvokeRequest) -> protocol.InvokeResponse:
        """Call one of the functions."""
        given = receive(request.args).raise_if_invalid()
        found = await self._operate(lambda: call(request.tok, self._session.lifecycle, _with_engines(given)))
        return protocol.InvokeResponse(send(found))

    async def cancel(self) -> None:
        """Start no more builds, and let running ones finish."""
        # In a thread, because it writes to each status line, which blocks if the engine hangs.
        await self._answer(self._session.lifecycle.cancel)

    async def settle(self, seconds: float) -> None:
        """Wait until this process can end without leaving anything half done.

        Args:
            seconds: The longest wait.
        """
        with contextlib.suppress(asyncio.TimeoutError):
            # Limited, because it writes to the engine's log, which blocks if the engine hangs.
            await asyncio.wait_for(self._answer(self._session.lifecycle.end_run), seconds / 2)
        await self._answer(lambda: self._session.lifecycle.drain(seconds))

    async def finished(self) -> None:
        """Start nothing more, and wait for all running operations, including those whose caller is gone."""
        await self.cancel()
        while running := [asyncio.wrap_future(each) for each in tuple(self._running)]:
            await asyncio.wait(running)

    async def _import(self, kind: Kind, request: protocol.ReadRequest) -> protocol.ReadResponse:
        lifecycle, log = self._session.lifecycle, self._session.log(request.urn)
        found = await self._operate(lambda: lifecycle.import_(kind, request.urn, request.resource_id, log))
        if found is None:
            return protocol.ReadResponse()
        marks = Received({}, found.secrets)
        return protocol.ReadResponse(found.id, _sent(found.outputs, marks), _sent(found.inputs, marks))

    async def _operate(self, operation: Callable[[], T]) -> T:
        future = self._operations.submit(operation)
        self._running.add(future)
        future.add_done_callback(self._running.discard)
        return await asyncio.wrap_future(future)

    async def _answer(self, question: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._answers, question)


def _kind(type_name: str) -> Kind:
    # The library takes the type from the URN, in which the parents' types precede it.
    token = type_name.rpartition("$")[2]
    if token not in _TOKENS:
        reason = f"{token} is not a resource of this plugin; it has {' and '.join(_TOKENS)}."
        raise InvalidInputError([Problem("", reason)])
    return _TOKENS[token]


def _places(urn: str, lines: Any) -> Places:
    """Return where the program declares a resource: the lines that a Python program sends, or a path in YAML."""
    if lines is None and is_yaml():
        return Places(f"resources.{urn.rpartition('::')[2]}.properties.")
    return Places.decoded(lines)


def _with_engines(received: Received, timeout: float = 0) -> dict[str, Any]:
    """Return the values plus what the lifecycle takes among them: the secrets' paths, and a timeout in seconds."""
    values = {**received.values, "secretPaths": list(received.secrets)}
    return values | ({"timeout": timeout} if timeout else {})


def _sent(values: Mapping[str, Any], source: Received) -> dict[str, PropertyValue]:
    """Convert values for the engine, marking as secret what is at a path that is secret in the source."""
    kept = {key: value for key, value in values.items() if key not in _ENGINES_OWN and not key.startswith("__")}
    return send(kept, source.secrets)


_REPLACING = {
    Change.ADD: protocol.PropertyDiffKind.ADD_REPLACE,
    Change.DELETE: protocol.PropertyDiffKind.DELETE_REPLACE,
    Change.UPDATE: protocol.PropertyDiffKind.UPDATE_REPLACE,
}
_UPDATING = {
    Change.ADD: protocol.PropertyDiffKind.ADD,
    Change.DELETE: protocol.PropertyDiffKind.DELETE,
    Change.UPDATE: protocol.PropertyDiffKind.UPDATE,
}


def _kind_of_change(name: str, olds: Mapping[str, Any], news: Mapping[str, Any]) -> protocol.PropertyDiffKind:
    """Return how a setting changed. A changed setting never replaces anything."""
    if olds.get(name) is None:
        return protocol.PropertyDiffKind.ADD
    return protocol.PropertyDiffKind.DELETE if news.get(name) is None else protocol.PropertyDiffKind.UPDATE


def _named_in_table(difference: Difference) -> list[str]:
    """Return the properties that the engine's table names next to a replacement; if empty, the engine chooses.

    A resource has a single line in the table, and the names take room from its status. So `contentHash` is left out
    if the manifest is named. With ``--diff`` everything is shown.
    """
    if not difference.replaces:
        # If the program sets replaceOnChanges, the engine would replace the resource for a property named here.
        return []
    changed = {path.partition(".")[0] for path in (*difference.replacing, *difference.updating)}
    return sorted(changed - {"contentHash"} if "manifest" in changed else changed)


def _details(difference: Difference) -> Iterator[tuple[str, protocol.PropertyDiff]]:
    for path, change in difference.updating.items():
        yield path, protocol.PropertyDiff(_UPDATING[change], False)
    for path, change in difference.replacing.items():
        yield path, protocol.PropertyDiff(_REPLACING[change], False)


def _failures(problems: Iterable[Problem]) -> list[protocol.CheckFailure]:
    # Name no property: the engine would show its value, even a secret one.
    return [protocol.CheckFailure("", problem.as_failure()) for problem in problems]
