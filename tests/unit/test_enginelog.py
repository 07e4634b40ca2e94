"""The engine's log, over a real gRPC channel to a stand-in for the engine."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from pulumi_opencomputer.engine import log as enginelog
from pulumi_opencomputer.engine.log import EngineLog
from pulumi_opencomputer.lifecycle.log import Severity

URN = "urn:pulumi:dev::tests::pulumi-python:dynamic/opencomputer:Image::toolchain"


class Engine(engine_pb2_grpc.EngineServicer):
    """Stores the log requests that it receives."""

    address: str
    stop: Callable[[], object]

    def __init__(self) -> None:
        self.logged: list[Any] = []
        self.open = threading.Event()
        self.open.set()

    def Log(self, request: Any, context: Any) -> Any:  # noqa: N802 - named by gRPC
        self.logged.append(request)
        self.open.wait(20)
        return empty_pb2.Empty()


@pytest.fixture
def engine() -> Iterator[Engine]:
    """A stand-in for the engine that listens at `address`."""
    servicer = Engine()
    server = grpc.server(ThreadPoolExecutor(4))
    engine_pb2_grpc.add_EngineServicer_to_server(servicer, server)
    servicer.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    servicer.stop = lambda: server.stop(None).wait()
    server.start()
    yield servicer
    servicer.open.set()
    servicer.stop()


def test_lines_have_a_urn_and_a_kind(engine: Engine):
    """A log request has the resource's URN, its severity, and whether it is ephemeral."""
    log = EngineLog(engine.address).log_for(URN)
    log(Severity.INFO, "said")
    log(Severity.WARNING, "warned")
    log(Severity.INFO, "passing", ephemeral=True)
    kinds = [(one.severity, one.message, one.ephemeral, one.urn) for one in engine.logged]
    assert kinds == [
        (engine_pb2.INFO, "said", False, URN),
        (engine_pb2.WARNING, "warned", False, URN),
        (engine_pb2.INFO, "passing", True, URN),
    ]


def test_a_proxy_of_the_environment_is_not_asked(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    """The engine runs on this machine, so a proxy for other machines is not used."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    EngineLog(engine.address).log_for(URN)(Severity.INFO, "said")
    assert [one.message for one in engine.logged] == ["said"]


@pytest.mark.parametrize("urn", ["", "toolchain", "urn:pulumi:dev", "urn:pulumi:dev::tests::type with space::x"])
def test_an_invalid_urn_is_left_out(engine: Engine, urn: str):
    """The engine panics if it can't parse a URN, so such a line is shown at the stack."""
    EngineLog(engine.address).log_for(urn)(Severity.INFO, "said")
    assert [(one.message, one.urn) for one in engine.logged] == [("said", "")]


def test_lines_to_a_stopped_engine_are_dropped(engine: Engine):
    """They cause no error, and after the first one no further connection is attempted."""
    log = EngineLog(engine.address).log_for(URN)
    log(Severity.INFO, "said")
    engine.stop()
    for _ in range(100):
        log(Severity.INFO, "to nobody")
    with socket.create_server(("127.0.0.1", int(engine.address.rpartition(":")[2]))) as successor:
        successor.setblocking(False)
        log(Severity.INFO, "to nobody")
        with pytest.raises(BlockingIOError):
            successor.accept()
    assert [one.message for one in engine.logged] == ["said"]


def test_a_line_to_an_engine_that_hangs_is_dropped(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    """After a time limit the line is given up; the next one is sent normally."""
    monkeypatch.setattr(enginelog, "_LIMIT", 0.05)
    log = EngineLog(engine.address).log_for(URN)
    engine.open.clear()
    log(Severity.INFO, "stuck")
    engine.open.set()
    monkeypatch.setattr(enginelog, "_LIMIT", 20)
    log(Severity.INFO, "next")
    assert engine.logged[-1].message == "next"
