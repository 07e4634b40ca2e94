"""The emulator's start-up time, and the cost of many streams and of large bodies."""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from .measure import TIMES, Goal, Outcome, alternate, seconds

_EMULATOR = (sys.executable, "-m", "pulumi_opencomputer.emulator", "--port", "0", "--api-key", "bench")
_IMPORTS = (sys.executable, "-c", "import starlette.applications, uvicorn")
_HEADERS = {"X-API-Key": "bench", "Content-Type": "application/json"}
_STREAMS = 1000
_BODY_MB = 255
_MB = 1024 * 1024
_LIMIT = 300.0


def emulator(scratch: Path) -> Iterator[Outcome]:
    """The time from process start to first response, the time to open 1,000 streams, the memory for a large body."""
    sides = alternate(first_answer, imported, 9)
    figures = sorted(value * 1000 for value in sides.ours)
    text = f"Python with uvicorn and Starlette imported: {seconds(sides.beside)}"
    spread = (figures[2], figures[6])
    yield Outcome(
        "emulator's process to its first answer", seconds(sides.ours), text, figures[4], spread, Goal(1000, unit=" ms")
    )
    times = sorted(open_streams() for _ in range(3))
    name = f"{_STREAMS:,} builds stream at once: until all run"
    yield Outcome(name, seconds(times), "", times[1], (times[0], times[2]), Goal(30, unit=" s"))
    peaks = sorted(large_body(scratch / f"data-{number}") for number in range(3))
    ours = f"{statistics.median(peaks) * _BODY_MB:.0f} MB"
    name = f"emulator's memory for a body of {_BODY_MB} MB"
    yield Outcome(name, ours, f"the body: {_BODY_MB} MB", peaks[1], (peaks[0], peaks[2]), Goal(4, unit=TIMES))


def first_answer() -> float:
    """Return the seconds from an emulator's start to its first response."""
    started = time.perf_counter()
    with running() as (_, url):
        httpx.get(f"{url}/health", trust_env=False, verify=False).raise_for_status()
        return time.perf_counter() - started


def imported() -> float:
    """Return the seconds that a Python process takes to import the emulator's libraries."""
    started = time.perf_counter()
    subprocess.run(_IMPORTS, check=True)
    return time.perf_counter() - started


def open_streams() -> float:
    """Return the seconds until that many builds are running, each with its own stream."""
    with running() as (_, url):
        return asyncio.run(_open_streams(url))


async def _open_streams(url: str) -> float:
    host, port = url.removeprefix("http://").split(":")
    started = time.perf_counter()
    writers = []
    for number in range(_STREAMS):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(_request(number))
        writers.append((reader, writer))
    async with httpx.AsyncClient(trust_env=False, verify=False) as client:
        while (await client.get(f"{url}/health")).json()["counts"]["runningBuilds"] < _STREAMS:
            await asyncio.sleep(0.01)
            if time.perf_counter() - started > _LIMIT:
                raise TimeoutError("the streams do not all run")
    took = time.perf_counter() - started
    for _, writer in writers:
        writer.close()
    return took


def _request(number: int) -> bytes:
    steps = [{"type": "run", "args": {"commands": [f"{number} SLEEP_BUILD_250"]}}]
    body = json.dumps({"name": f"n{number}", "image": {"base": "base", "steps": steps}}).encode()
    headers = {"Host": "localhost", "Accept": "text/event-stream", "Content-Length": str(len(body)), **_HEADERS}
    lines = ["POST /api/snapshots HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode() + body


def large_body(data: Path) -> float:
    """Return how many times the body's size the emulator's memory grows while it receives a large body."""
    with running("--data", str(data)) as (process, url), httpx.Client(trust_env=False, verify=False) as client:
        before = _peak(process.pid)
        headers = {**_HEADERS, "Accept": "text/event-stream"}
        with client.stream("POST", f"{url}/api/snapshots", content=_large(), headers=headers, timeout=_LIMIT) as answer:
            received = sum(map(len, answer.iter_bytes()))
        if received < _BODY_MB * _MB:
            raise RuntimeError(f"the answer has {received} bytes")
        return (_peak(process.pid) - before) / _BODY_MB


def _large() -> Iterator[bytes]:
    yield b'{"name":"a","image":{"steps":[{"type":"add_file","args":{"path":"/f","content":"'
    for _ in range(_BODY_MB):
        yield b"QUJD" * (_MB // 4)
    yield b'"}}]}}'


def _peak(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run an emulator; yield its process and its address."""
    command = [*_EMULATOR, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            assert process.stdout
            yield process, json.loads(process.stdout.readline())["url"]
        finally:
            process.kill()
