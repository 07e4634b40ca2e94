"""Send lines to an engine's log: through a build's events, and with bare calls."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

#: Seconds between two paced lines.
PERIOD = 0.02

_DESCRIPTION = "apt install ripgrep"
_URN = "urn:pulumi:dev::bench::pulumi-python:dynamic/opencomputer:Image::toolchain"


def lines_ours(port: str, count: str) -> Callable[[], object]:
    """Send that many lines, two for each pair of events: a transient one and a permanent one."""
    _send_ours(port, 1)
    return lambda: _send_ours(port, int(count) // 2)


def lines_bare(port: str, count: str) -> Callable[[], object]:
    """Send the same number of lines, with the same texts, by bare calls."""
    log = _bare_log(port)
    _send_bare(log, 1)
    return lambda: _send_bare(log, int(count) // 2)


def paced_ours(port: str, server: str, count: str) -> Callable[[], object]:
    """Follow a build whose server sends an event every 20 ms: from its socket to the engine."""
    from pulumi_opencomputer.api.client import Client  # noqa: PLC0415
    from pulumi_opencomputer.config import resolve  # noqa: PLC0415
    from pulumi_opencomputer.content.hashing import content_hash  # noqa: PLC0415
    from pulumi_opencomputer.content.request_body import BuildRequest  # noqa: PLC0415
    from pulumi_opencomputer.errors import BuildFailedError  # noqa: PLC0415

    image: dict[str, Any] = {"base": "base", "steps": []}
    request = BuildRequest("daily", image, expected_hash=content_hash(image))
    # As in a provider's process, load gRPC and connect to the engine before the measurement.
    _send_ours(port, 1)
    settings = resolve({"apiKey": "key-of-the-benchmark", "apiUrl": f"http://127.0.0.1:{server}"}, {})

    def build() -> None:
        progress = _progress(port, int(count) // 2)
        with Client(settings) as client:
            try:
                client.create_snapshot(request, timeout=600, on_event=progress.on_event)
            except BuildFailedError:
                pass  # how the stand-in ends its stream
            else:
                raise RuntimeError("the stream did not end as it should")
        progress.close()

    return build


def paced_bare(port: str, count: str) -> Callable[[], object]:
    """Make a bare call every 20 ms; the measured function returns the time of each."""
    log = _bare_log(port)
    _send_bare(log, 1)

    def send() -> list[float]:
        times = []
        for line, ephemeral in _lines(int(count) // 2):
            times.append(time.monotonic())
            log(line, ephemeral)
            time.sleep(max(0.0, times[0] + PERIOD * len(times) - time.monotonic()))
        return times

    return send


def messages(steps: int) -> Iterator[str]:
    """Yield the server's messages of a build, two for each step."""
    for number in range(1, steps + 1):
        yield f"Step {number}/{steps}: apt-get install ripgrep"
        yield f"Step {number}/{steps} completed"


def _lines(steps: int) -> Iterator[tuple[str, bool]]:
    for number in range(1, steps + 1):
        yield f"{number}/{steps} {_DESCRIPTION}", True
        yield f"[{number}/{steps}] {_DESCRIPTION} (0.0 s)", False


def _send_ours(port: str, steps: int) -> None:
    from pulumi_opencomputer.api.events import StepCompleted, StepStarted  # noqa: PLC0415

    progress = _progress(port, steps)
    for number in range(1, steps + 1):
        progress.on_event(StepStarted(number, "apt_install", "", number, steps, "apt-get install ripgrep"))
        progress.on_event(StepCompleted(number, "apt_install", "", number, steps))
    progress.close()


def _send_bare(log: Callable[[str, bool], None], steps: int) -> None:
    for line, ephemeral in _lines(steps):
        log(line, ephemeral)


def _progress(port: str, steps: int) -> Any:
    from pulumi_opencomputer.engine.log import EngineLog  # noqa: PLC0415
    from pulumi_opencomputer.lifecycle.build_log import BuildLog  # noqa: PLC0415
    from pulumi_opencomputer.lifecycle.log import ResourceLog  # noqa: PLC0415
    from pulumi_opencomputer.lifecycle.progress import BuildProgress  # noqa: PLC0415

    log = BuildLog(ResourceLog(EngineLog(f"127.0.0.1:{port}").log_for(_URN)))
    return BuildProgress(log, [_DESCRIPTION] * steps)


def _bare_log(port: str) -> Callable[[str, bool], None]:
    import grpc  # noqa: PLC0415
    from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc  # noqa: PLC0415

    stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(f"127.0.0.1:{port}"))

    def log(line: str, ephemeral: bool) -> None:
        stub.Log(engine_pb2.LogRequest(severity=engine_pb2.INFO, message=line, urn=_URN, ephemeral=ephemeral))

    return log
