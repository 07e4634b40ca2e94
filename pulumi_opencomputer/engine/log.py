"""The engine's log, which shows lines for a resource while its operation is running.

Both kinds of provider get the engine's address, and send each line over gRPC with the resource's URN. A lost line
never fails an operation: once the engine can't be reached, lines are dropped silently. If the CLI shows lines without
the name of their resource, each line begins with it.
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

# The engine panics on a URN that it can't parse. A line without a URN is shown as the stack's.
_URN = re.compile(r"urn:pulumi:[^:]+::[^:]+::[^\s]+::.+", re.DOTALL)

#: Seconds that sending a line may take. The engine answers within milliseconds, or is gone.
_LIMIT = 30.0

# How many ephemeral lines to remember, to recognise a permanent line that repeats one.
_REMEMBERED = 64

#: Ignore the environment's proxy. The engine is on this machine, which a proxy can't reach, but gRPC would use one.
ENGINE_OPTIONS = (("grpc.enable_http_proxy", 0),)


class EngineLog:
    """Sends lines to one engine.

    Args:
        address: The engine's gRPC address, as the provider process was given it.
        are_bare: Tells whether lines are shown without the name of their resource; called for the first line.
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
        """Return the log of one resource."""

        def log(severity: Severity, message: str, *, ephemeral: bool = False) -> None:
            self._send(urn, severity, message, ephemeral)

        return log

    def _send(self, urn: str, severity: Severity, message: str, ephemeral: bool) -> None:
        if self._dead:
            return
        import grpc  # noqa: PLC0415 - a program that only declares resources never loads it
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
            # After a timeout only this line is lost, but once the engine is gone, it stays gone.
            self._dead = error.code() is grpc.StatusCode.UNAVAILABLE

    def _is_bare(self) -> bool:
        with self._lock:
            if self._bare is None:
                self._bare = self._are_bare()
            return self._bare

    def _is_repeated(self, message: str, ephemeral: bool) -> bool:
        """Tell whether a permanent line repeats an ephemeral one. Bare output keeps both: it would appear twice."""
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
