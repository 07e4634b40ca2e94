"""The time from the start of a provider's process to its first response."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .measure import Outcome, alternate, seconds

_DYNAMIC = (sys.executable, "-u", "-m", "pulumi.dynamic", "127.0.0.1:1")
_PLUGIN = (str(Path(sys.executable).with_name("pulumi-resource-opencomputer")), "127.0.0.1:1")
_ROUNDS = 9
_URN = "urn:pulumi:dev::bench::pulumi-python:dynamic/opencomputer:Snapshot::daily"
_PLUGIN_URN = "urn:pulumi:dev::bench::opencomputer:index:Snapshot::daily"
_INPUTS = {"manifest": {"base": "base", "steps": [{"aptInstall": ["ripgrep"]}]}, "name": "daily"}


def provider_start(scratch: Path) -> Iterator[Outcome]:
    """The time from a provider process's start to its first check, for the dynamic provider and the plugin."""
    del scratch
    from pulumi.dynamic.dynamic import serialize_provider  # noqa: PLC0415 - here alone, it takes half a second

    from pulumi_opencomputer.dynamic import SnapshotProvider  # noqa: PLC0415

    from .others import NothingProvider  # noqa: PLC0415

    ours, nothing = (
        {**_INPUTS, "urn": _URN, "__provider": serialize_provider(kind())}
        for kind in (SnapshotProvider, NothingProvider)
    )
    recorded = {"contentHash": "0" * 64}
    starts = {
        "dynamic provider's process to its first answer": lambda: first_answer(_DYNAMIC, ours, _URN),
        "dynamic provider's, of a snapshot that is deployed": lambda: first_answer(
            _DYNAMIC, ours, _URN, {**ours, **recorded}
        ),
        "plugin's process to its first answer": lambda: first_answer(_PLUGIN, _INPUTS, _PLUGIN_URN),
        "plugin's, of a snapshot that is deployed": lambda: first_answer(
            _PLUGIN, _INPUTS, _PLUGIN_URN, {**_INPUTS, **recorded}
        ),
    }
    for name, start in starts.items():
        sides = alternate(start, lambda: first_answer(_DYNAMIC, nothing, _URN), _ROUNDS)
        figure, (low, high) = sides.excess()
        text = f"a dynamic one that does nothing: {seconds(sides.beside)}"
        yield Outcome(name, seconds(sides.ours), text, figure * 1000, (low * 1000, high * 1000), unit=" ms")


def first_answer(
    command: Sequence[str], inputs: dict[str, Any], urn: str, recorded: dict[str, Any] | None = None
) -> float:
    """Return the seconds from a provider process's start to its response to a check.

    Args:
        command: The command that starts it. It prints its port as its first line.
        inputs: The inputs to check.
        urn: The resource's URN.
        recorded: The checked inputs of its last deployment, if there was one.
    """
    import grpc  # noqa: PLC0415
    from google.protobuf.struct_pb2 import Struct  # noqa: PLC0415
    from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc  # noqa: PLC0415

    olds, news = Struct(), Struct()
    olds.update(recorded or {})
    news.update(inputs)
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        with grpc.insecure_channel(f"127.0.0.1:{process.stdout.readline().strip()}") as channel:
            stub = provider_pb2_grpc.ResourceProviderStub(channel)
            answer = stub.Check(provider_pb2.CheckRequest(urn=urn, olds=olds, news=news), wait_for_ready=True)
            took = time.perf_counter() - started
        process.kill()
    if answer.failures:
        raise RuntimeError(f"the first check failed: {answer.failures}")
    return took
