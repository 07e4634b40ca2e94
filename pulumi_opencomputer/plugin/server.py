"""The gRPC server, with everything that Pulumi's experimental one lacks.

This is the only place that works around these defects:

- It shows every exception as "Unexpected <class …>", with a traceback in its text and no status.
- ``DiffConfig`` fails if a detailed diff is returned, because it reads an attribute that does not exist. Neither it nor
  ``Diff`` passes the old inputs on.
- It reports a resource that is gone as one without properties, which the engine then records.
- It does not answer the handshake, and drops the user's settings for generated names.
- Its process does not end when told to as long as an operation is running, and never ends if its engine is killed.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
from abc import abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import CheckRequest, DiffRequest, DiffResponse, PropertyDiffKind, Provider
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime import proto
from pulumi.runtime.proto import provider_pb2_grpc

from ..engine.watch import when_gone
from ..lifecycle import Autonaming
from .grpc_status import status_of

# A manifest with its inline files may be large; the engine's own limit is the same.
_LARGEST_MESSAGE = 400 * 1024 * 1024
_OPTIONS = (
    ("grpc.max_receive_message_length", _LARGEST_MESSAGE),
    ("grpc.max_send_message_length", _LARGEST_MESSAGE),
    # While a large manifest is decoded, no other request is answered. gRPC would drop those that wait longer than 30 s.
    ("grpc.server_max_unrequested_time_in_server", 30 * 60),
)

# Seconds in which to finish. The engine kills a plugin 5 s after telling it to end.
_PATIENCE = 4.0


class StoppableProvider(Provider):
    """A provider with operations that must not be interrupted."""

    @abstractmethod
    async def settle(self, seconds: float) -> None:
        """Wait until this process can end without leaving anything half done.

        Args:
            seconds: The longest wait.
        """

    @abstractmethod
    async def finished(self) -> None:
        """Start nothing more, and wait until no operation is running."""


class Servicer(ProviderServicer):
    """Pulumi's experimental servicer without the defects listed above."""

    async def Handshake(  # noqa: N802 - a name of the protocol
        self, _request: proto.ProviderHandshakeRequest, _context: Any
    ) -> proto.ProviderHandshakeResponse:
        """Tell the engine what this provider supports, before it is configured."""
        return proto.ProviderHandshakeResponse(accept_secrets=True, supports_autonaming_configuration=True)

    async def Configure(  # noqa: N802
        self, request: proto.ConfigureRequest, context: Any
    ) -> proto.ConfigureResponse:
        """Apply the settings."""
        response: proto.ConfigureResponse = await super().Configure(request, context)
        response.supports_autonaming_configuration = True
        return response

    async def Check(self, request: proto.CheckRequest, _context: Any) -> proto.CheckResponse:  # noqa: N802
        """Validate a resource's inputs."""
        response = await self._provider.check(FullCheckRequest(request))
        failures = [proto.CheckFailure(property=each.property, reason=each.reason) for each in response.failures or ()]
        return proto.CheckResponse(inputs=PropertyValue.marshal_map(response.inputs or {}), failures=failures)

    async def Diff(self, request: proto.DiffRequest, _context: Any) -> proto.DiffResponse:  # noqa: N802
        """Compare a resource's state with its checked inputs."""
        return _diff_response(await self._provider.diff(FullDiffRequest(request)))

    async def DiffConfig(self, request: proto.DiffRequest, _context: Any) -> proto.DiffResponse:  # noqa: N802
        """Compare a provider's old settings with its new ones."""
        return _diff_response(await self._provider.diff_config(FullDiffRequest(request)))

    async def Read(self, request: proto.ReadRequest, context: Any) -> proto.ReadResponse:  # noqa: N802
        """Read a resource's current state."""
        response = await super().Read(request, context)
        # The engine treats a resource as deleted only if there are no properties at all, not even an empty mapping.
        return response if response.id else proto.ReadResponse()


class FullCheckRequest(CheckRequest):
    """A check request with the user's settings for generated names, which the library omits.

    Attributes:
        autonaming: These settings, or None.
    """

    def __init__(self, request: proto.CheckRequest) -> None:
        super().__init__(
            request.urn,
            PropertyValue.unmarshal_map(request.olds),
            PropertyValue.unmarshal_map(request.news),
            request.randomSeed,
        )
        self.autonaming = _autonaming(request.autonaming) if request.HasField("autonaming") else None


def _autonaming(options: proto.CheckRequest.AutonamingOptions) -> Autonaming:
    modes = proto.CheckRequest.AutonamingOptions
    return Autonaming("" if options.mode == modes.DISABLE else options.proposed_name, options.mode == modes.ENFORCE)


class FullDiffRequest(DiffRequest):
    """A diff request with the old inputs, which the library omits.

    Attributes:
        old_inputs: The checked inputs of the last deployment.
    """

    def __init__(self, request: proto.DiffRequest) -> None:
        super().__init__(
            request.urn,
            request.id,
            PropertyValue.unmarshal_map(request.olds),
            PropertyValue.unmarshal_map(request.news),
            list(request.ignoreChanges),
        )
        self.old_inputs = PropertyValue.unmarshal_map(request.old_inputs)


_KINDS = {kind: proto.PropertyDiff.Kind.Value(kind.name) for kind in PropertyDiffKind}


def _diff_response(response: DiffResponse) -> proto.DiffResponse:
    details = {
        path: proto.PropertyDiff(kind=_KINDS[each.kind], inputDiff=each.input_diff)
        for path, each in response.detailed_diff.items()
    }
    return proto.DiffResponse(
        changes=proto.DiffResponse.DIFF_SOME if response.changes else proto.DiffResponse.DIFF_NONE,
        replaces=response.replaces,
        diffs=response.diffs,
        deleteBeforeReplace=response.delete_before_replace,
        detailedDiff=details,
        hasDetailedDiff=True,
    )


class _Statuses(grpc.aio.ServerInterceptor):  # type: ignore[misc]
    """Answers each error with its gRPC status and its own text only."""

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], details: grpc.HandlerCallDetails
    ) -> Any:
        handler = await continuation(details)
        if handler is None or handler.unary_unary is None:
            return handler

        async def answer(request: Any, context: Any) -> Any:
            try:
                answered = handler.unary_unary(request, context)
                return await answered if inspect.isawaitable(answered) else answered
            except grpc.aio.AbortError:
                raise
            except Exception as error:
                await context.abort(*status_of(_original(error)))

        return grpc.unary_unary_rpc_method_handler(
            answer, request_deserializer=handler.request_deserializer, response_serializer=handler.response_serializer
        )


def _original(error: Exception) -> BaseException:
    """Return the original exception, not the servicer's wrapper, which has a traceback in its text."""
    hidden = error.__context__
    return hidden if type(error) is Exception and hidden is not None else error


def serve(provider: StoppableProvider, engine: str, version: str) -> None:
    """Answer the engine until this process is told to end or the engine is gone. Then end the process; never return.

    Args:
        provider: The provider.
        engine: The engine's gRPC address.
        version: The plugin's version.
    """
    asyncio.run(_serve(provider, Servicer([], version, provider, engine), engine))


async def _serve(provider: StoppableProvider, servicer: Servicer, engine: str) -> None:
    server = grpc.aio.server(options=_OPTIONS, interceptors=(_Statuses(),))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Not loop.add_signal_handler, which Windows does not have.
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(ended.set))
    # The engine reads the port from the first line of the output.
    print(port, flush=True)  # noqa: T201
    gone = asyncio.Event()
    when_gone(engine, lambda: loop.call_soon_threadsafe(gone.set))
    finishing = asyncio.create_task(_finish(provider, gone, ended))
    await ended.wait()
    finishing.cancel()
    # A swap that is cut off halfway would leave the name undefined.
    await provider.settle(_PATIENCE)
    # Exit at once: the interpreter would wait for threads that are in the middle of a request. The stream guard, a
    # separate process, keeps running builds alive.
    os._exit(0)


async def _finish(provider: StoppableProvider, gone: asyncio.Event, ended: asyncio.Event) -> None:
    """Set `ended` once the engine is gone and its operations are finished."""
    await gone.wait()
    await provider.finished()
    ended.set()
