"""The plugin in a separate process, called as the engine calls it: over gRPC, with the engine's own messages."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from concurrent import futures
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime import proto
from pulumi.runtime.proto import engine_pb2_grpc, provider_pb2_grpc
from pulumi.runtime.rpc import UNKNOWN as UNKNOWN_TEXT

DEADLINE = 60.0
SNAPSHOT, IMAGE = "opencomputer:index:Snapshot", "opencomputer:index:Image"

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"
_ASSET = "c44067f5952c0a294b673a41bacd8c17"
_ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
_RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"

UNKNOWN = UNKNOWN_TEXT


def secret(value: Any) -> dict[str, Any]:
    """Return a value marked as secret, as the engine marks it."""
    return {_SIGNATURE: _SECRET, "value": value}


def asset(text: str) -> dict[str, Any]:
    """Return a text asset."""
    return {_SIGNATURE: _ASSET, "text": text, "hash": "0"}


def archive(path: str) -> dict[str, Any]:
    """Return an archive of a directory."""
    return {_SIGNATURE: _ARCHIVE, "path": path, "hash": "0"}


def resource(urn: str) -> dict[str, Any]:
    """Return a reference to a resource."""
    return {_SIGNATURE: _RESOURCE, "urn": urn}


def struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    """Convert properties to the form in which the engine sends them."""
    return json_format.ParseDict(dict(values), struct_pb2.Struct())


def plain(properties: struct_pb2.Struct) -> dict[str, Any]:
    """Convert properties to mappings and lists; secrets keep their mark."""
    found: dict[str, Any] = json_format.MessageToDict(properties)
    return found


def urn(name: str = "daily", token: str = SNAPSHOT) -> str:
    """Return the URN of a resource."""
    return f"urn:pulumi:dev::pytest::{token}::{name}"


@dataclass
class FakeEngine(engine_pb2_grpc.EngineServicer):
    """The part of an engine that the plugin needs. Records the log lines that it receives.

    Attributes:
        lines: The URN, severity and text of each line.
    """

    lines: list[tuple[str, int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._server = grpc.server(futures.ThreadPoolExecutor(8))
        engine_pb2_grpc.add_EngineServicer_to_server(self, self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def Log(self, request: Any, context: Any) -> empty_pb2.Empty:  # noqa: N802 - a name of the protocol
        self.lines.append((request.urn, request.severity, request.message))
        return empty_pb2.Empty()

    def of(self, urn: str) -> list[str]:
        """Return the lines logged for a resource."""
        return [text for owner, _, text in self.lines if owner == urn]

    def stop(self) -> None:
        """Stop abruptly, like an engine that is killed."""
        self._server.stop(None).wait()


class Plugin:
    """A running plugin.

    Attributes:
        stub: The gRPC stub, for calls without a method here.
        engine: The engine that it is connected to.
        process: The plugin's process.
    """

    def __init__(self, engine: FakeEngine, environment: Mapping[str, str], folder: Any) -> None:
        """Start the plugin in a folder, as the engine starts it in the project's folder."""
        self.engine = engine
        inherited = {
            key: value for key, value in os.environ.items() if not key.startswith(("OPENCOMPUTER_", "PULUMI_"))
        }
        self._errors = (folder / "plugin-stderr.txt").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pulumi_opencomputer.plugin", engine.address, "--logtostderr"],
            cwd=folder,
            env={**inherited, **environment},
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self._channel = grpc.insecure_channel(f"127.0.0.1:{self._port()}")
        self.stub = provider_pb2_grpc.ResourceProviderStub(self._channel)

    def call(self, method: str, request: Any) -> Any:
        """Make a call and return its response."""
        return getattr(self.stub, method)(request, timeout=DEADLINE)

    def fails(self, method: str, request: Any) -> tuple[grpc.StatusCode, str]:
        """Make a call that must fail; return its status and message."""
        with pytest.raises(grpc.RpcError) as caught:
            self.call(method, request)
        error: Any = caught.value
        assert not _details(error), "an error with details may be taken for a resource that failed to initialize"
        return error.code(), error.details()

    def configure(self, **settings: Any) -> Any:
        """Send the handshake and the configuration, as the engine does."""
        self.call("Handshake", proto.ProviderHandshakeRequest(engine_address=self.engine.address))
        return self.call(
            "Configure", proto.ConfigureRequest(args=struct(settings), acceptSecrets=True, acceptResources=True)
        )

    def check(self, news: Mapping[str, Any], olds: Mapping[str, Any] | None = None, *, of: str = urn()) -> Any:
        """Check inputs."""
        return self.call("Check", proto.CheckRequest(urn=of, olds=struct(olds or {}), news=struct(news)))

    def checked(
        self, news: Mapping[str, Any], olds: Mapping[str, Any] | None = None, *, of: str = urn()
    ) -> dict[str, Any]:
        """Check valid inputs; return the checked inputs."""
        answer = self.check(news, olds, of=of)
        assert not answer.failures, answer.failures
        return plain(answer.inputs)

    def problems(self, news: Mapping[str, Any], *, of: str = urn()) -> list[str]:
        """Check invalid inputs; return the reasons why they are rejected."""
        failures = self.check(news, of=of).failures
        assert not any(failure.property for failure in failures), "a named property's value is shown in clear"
        return [failure.reason for failure in failures]

    def diff(self, old: Deployed, news: Mapping[str, Any]) -> Any:
        """Compare a deployed resource with checked inputs."""
        return self.call(
            "Diff",
            proto.DiffRequest(
                urn=old.urn, id=old.id, olds=struct(old.outputs), news=struct(news), old_inputs=struct(old.inputs)
            ),
        )

    def create(
        self, inputs: Mapping[str, Any], *, of: str = urn(), timeout: float = 0, preview: bool = False
    ) -> Deployed:
        """Create a resource from checked inputs."""
        answer = self.call("Create", create_request(inputs, of=of, timeout=timeout, preview=preview))
        return Deployed(of, answer.id, dict(inputs), plain(answer.properties))

    def up(self, news: Mapping[str, Any], *, of: str = urn(), timeout: float = 0) -> Deployed:
        """Check the inputs and create the resource."""
        return self.create(self.checked(news, of=of), of=of, timeout=timeout)

    def read(self, old: Deployed) -> Any:
        """Refresh a resource."""
        return self.call(
            "Read",
            proto.ReadRequest(urn=old.urn, id=old.id, properties=struct(old.outputs), inputs=struct(old.inputs)),
        )

    def import_(self, id_: str, *, of: str = urn()) -> Any:
        """Import a resource: read it by its id alone."""
        return self.call("Read", proto.ReadRequest(urn=of, id=id_))

    def delete(self, old: Deployed) -> None:
        """Delete a resource."""
        self.call("Delete", proto.DeleteRequest(urn=old.urn, id=old.id, properties=struct(old.outputs)))

    def invoke(self, function: str, **arguments: Any) -> dict[str, Any]:
        """Call a function."""
        answer = self.call("Invoke", proto.InvokeRequest(tok=f"opencomputer:index:{function}", args=struct(arguments)))
        return plain(getattr(answer, "return"))

    def errors(self) -> str:
        """Return what the plugin has written to standard error."""
        self._errors.seek(0)
        text: str = self._errors.read()
        return text

    def end(self) -> int:
        """Ask the plugin to stop, as the engine does; return its exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(DEADLINE)

    def close(self) -> None:
        """Kill the process if it still runs, and close the connection and its files."""
        self._channel.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(DEADLINE)
        if self.process.stdout:
            self.process.stdout.close()
        self._errors.close()

    def _port(self) -> int:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], DEADLINE)
        line = self.process.stdout.readline() if ready else ""
        assert line, self.errors()
        return int(line)


@dataclass(frozen=True)
class Deployed:
    """A resource in the engine's state."""

    urn: str
    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]


def create_request(
    inputs: Mapping[str, Any], *, of: str = urn(), timeout: float = 0, preview: bool = False
) -> proto.CreateRequest:
    """Return a request to create a resource."""
    return proto.CreateRequest(urn=of, properties=struct(inputs), timeout=timeout, preview=preview)


def _details(error: Any) -> list[Any]:
    return [entry for entry in error.trailing_metadata() or () if entry.key == "grpc-status-details-bin"]
