"""Log lines on their way into an engine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from . import ROOT
from .measure import Goal, Outcome, alternate, growth, shown, work

_LINES = 2000


def log_lines(scratch: Path) -> Iterator[Outcome]:
    """2,000 lines as fast as they come, into an engine's stand-in that counts them."""
    del scratch
    sides = alternate(lambda: _measure("lines-ours", _LINES), lambda: _measure("lines-bare", _LINES))
    rates = [shown(_LINES / sorted(side)[len(side) // 2], " lines/s") for side in (sides.ours, sides.beside)]
    sizes = (_LINES // 4, _LINES // 2, _LINES)
    grown = growth(sizes, [min(_measure("lines-ours", size) for _ in range(2)) for size in sizes])
    name = "2,000 log lines as fast as they come"
    yield Outcome(name, rates[0], f"bare calls: {rates[1]}", *sides.speed(), Goal(0.8, at_least=True), grown)


def _measure(task: str, lines: int) -> float:
    """The seconds that the lines took; fails if one was lost or out of order."""
    command = [sys.executable, "-m", "benchmarks.log_lines"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as engine:
        assert engine.stdout is not None
        took = work(task, engine.stdout.readline().strip(), str(lines)).seconds
        seen = engine.communicate()[0].splitlines()
    # The first two are those of the task's first, unmeasured time.
    numbers = [int(line[1:].partition("/")[0]) for line in seen[2:]]
    if numbers != [number for number in range(1, lines // 2 + 1) for _ in range(2)]:
        raise RuntimeError(f"{task}: of {lines} lines {len(numbers)} arrived, or in another order")
    return took


def serve() -> None:
    """Stand in for an engine: print the port, count until standard input ends, print what was logged."""
    import grpc  # noqa: PLC0415 - the measuring process does without
    from google.protobuf import empty_pb2  # noqa: PLC0415
    from pulumi.runtime.proto import engine_pb2_grpc  # noqa: PLC0415

    seen: list[str] = []

    class Engine(engine_pb2_grpc.EngineServicer):
        def Log(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - named by gRPC
            seen.append(request.message)
            return empty_pb2.Empty()

    server = grpc.server(ThreadPoolExecutor(4))
    engine_pb2_grpc.add_EngineServicer_to_server(Engine(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    sys.stdin.read()
    server.stop(None).wait()
    print("\n".join(seen))


if __name__ == "__main__":
    serve()
