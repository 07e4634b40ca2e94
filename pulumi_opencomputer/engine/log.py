"""The engine's log: lines on a resource's status line while its operation is under way.

Both kinds of provider are given the engine's address, and log by gRPC with the resource's URN. A line
is never worth an operation: where the engine can't be reached any more, lines are dropped in silence. Where
a line is shown by itself, it begins with the resource's name.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from ..lifecycle.log import Log, Severity
from ..sanitize import clean
from .display import is_bare

# The engine panics over a URN that it can't parse; a line without one is shown against the stack.
_URN = re.compile(r"urn:pulumi:[^:]+::[^:]+::[^\s]+::.+", re.DOTALL)

#: Seconds that a line may take. The engine answers within milliseconds, or is gone.
_LIMIT = 30.0

# Lines that passed, in which one that stays is looked for.
_REMEMBERED = 64

#: The engine is on this machine: a proxy of the environment could not reach it, and gRPC would ask one all the same.
ENGINE_OPTIONS = (("grpc.enable_http_proxy", 0),)


class EngineLog:
    """Sends lines to one engine.

    Args:
        address: The engine's gRPC address, as the provider process was given it.
        are_bare: Tells whether lines are shown without the name of their resource; asked with the first line.
    """

    def __init__(self, address: str, are_bare: Callable[[], bool] = is_bare) -> None:
        self._address = address
        self._are_bare = are_bare
        self._bare: bool | None = None
        self._passed: deque[str] = deque(maxlen=_REMEMBERED)
        self._lock = threading.Lock()
        self._stub: Any = None
        self._dead = False

    def log_for(self, urn: str) -> Log:
        """The log of one resource."""

        def log(severity: Severity, message: str, *, ephemeral: bool = False) -> None:
            self._send(urn, severity, message, ephemeral)

        return log

    def _send(self, urn: str, severity: Severity, message: str, ephemeral: bool) -> None:
        if self._dead:
            return
        import grpc  # noqa: PLC0415 - a program that only declares never loads it
        from pulumi.runtime.proto import engine_pb2  # noqa: PLC0415

        kinds = {Severity.INFO: engine_pb2.INFO, Severity.WARNING: engine_pb2.WARNING}
        is_resource = bool(_URN.fullmatch(urn))
        if self._is_bare():
            message = f"{clean(urn.rpartition('::')[2])}: {message}" if is_resource else message
            if self._is_repeated(message, ephemeral):
                return
        request = engine_pb2.LogRequest(
            severity=kinds[severity],
            message=message,
            urn=urn if is_resource else "",
            ephemeral=ephemeral,
        )
        try:
            self._engine().Log(request, timeout=_LIMIT)
        except grpc.RpcError as error:
            # A line that took too long is lost; an engine that is gone stays gone.
            self._dead = error.code() is grpc.StatusCode.UNAVAILABLE

    def _is_bare(self) -> bool:
        with self._lock:
            if self._bare is None:
                self._bare = self._are_bare()
            return self._bare

    def _is_repeated(self, message: str, ephemeral: bool) -> bool:
        """Whether a line that stays is one that has passed; shown by itself, it would look as if said twice."""
        with self._lock:
            if ephemeral:
                self._passed.append(message)
            return not ephemeral and message in self._passed

    def _engine(self) -> Any:
        with self._lock:
            if self._stub is None:
                import grpc  # noqa: PLC0415
                from pulumi.runtime.proto import engine_pb2_grpc  # noqa: PLC0415

                self._stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(self._address, ENGINE_OPTIONS))
            return self._stub
