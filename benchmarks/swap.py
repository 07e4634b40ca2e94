"""How long a fixed name is missing while its content is replaced, and how long the complete replacement takes."""

from __future__ import annotations

import json
import random
import select
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx

from emulator_process import Emulator, wait_until
from pulumi_opencomputer.config import resolve
from pulumi_opencomputer.lifecycle import Lifecycle
from pulumi_opencomputer.lifecycle.build_job import Job
from pulumi_opencomputer.lifecycle.build_log import BuildLog
from pulumi_opencomputer.lifecycle.kinds import SNAPSHOT
from pulumi_opencomputer.lifecycle.log import ResourceLog, no_log

from . import ROOT
from .measure import ENGINE_RUNS, Goal, Outcome, Sides, alternate, in_turns, seconds
from .stack import emulator
from .throttle import throttled

_MEGABITS = 50
_PERIOD = 0.005
_ROUNDS = 9
_OURS, _BARE = "ours", "bare"


def swap(scratch: Path) -> Iterator[Outcome]:
    """The time without the name during a swap, with a small body and with one of 5 MB."""
    directory = scratch / "data"
    directory.mkdir()
    (directory / "file").write_bytes(random.Random(1).randbytes(4_000_000))
    embedding = [{"addDir": {"path": "/data", "source": str(directory)}}]
    with emulator(scratch) as api:
        for name, steps in (("a body of 1 KB", []), ("4 MB of local files", embedding)):
            swaps = _Swaps(api, steps)
            swaps.post_bare()
            sides = alternate(swaps.ours, swaps.bare, _ROUNDS)
            if not all(statistics.median(side) for side in (sides.ours, sides.beside)):
                raise RuntimeError(f"the gap of {name} is too short to be seen by polling")
            text = f"DELETE and cached POST: {seconds(sides.beside)}"
            yield Outcome(f"a name's gap in a swap, {name}", seconds(sides.ours), text, *sides.ratio(), Goal(3))
            api.clear()


def replacement(scratch: Path) -> Iterator[Outcome]:
    """The replacement of 64 MB of local files, and its gap, with and without a slow link to the server."""
    steps = [{"addDir": {"path": "/data", "source": str(_directory(scratch, 64))}}]
    what, slow = "64 MB of local files", f" over {_MEGABITS} Mbit/s"
    with emulator(scratch) as api, throttled(api.url, _MEGABITS) as link:
        near, far = _Swaps(api, steps, "near-"), _Swaps(api, steps, "far-", link)
        sides = (far.ours, near.ours, far.created, near.created)
        far_gaps, near_gaps, far_creates, near_creates = in_turns(*sides, runs=ENGINE_RUNS)
    gaps = Sides(far_gaps, near_gaps)
    text = f"the same without that link: {seconds(near_gaps)}"
    yield Outcome(f"a name's gap in a swap, {what}{slow}", seconds(far_gaps), text, *gaps.ratio(), Goal(1.5))
    for where, swaps, creates in (("", near, near_creates), (slow, far, far_creates)):
        times = Sides(swaps.times, creates)
        text = f"a first create: {seconds(creates)}"
        name = f"replacement of a fixed name, {what}{where}"
        # Without the link, two requests for the list take most of the remaining time; with it, the upload does.
        goal = Goal(2.3) if swaps is far else None
        yield Outcome(name, seconds(times.ours), text, *times.ratio(), goal)


def _directory(scratch: Path, megabytes: int) -> Path:
    directory = scratch / f"data-{megabytes}"
    directory.mkdir()
    for number in range(megabytes):
        (directory / f"file-{number}").write_bytes(random.Random(number).randbytes(1_000_000))
    return directory


class _Swaps:
    """Names whose content is replaced repeatedly: one by the provider, one by bare requests.

    Args:
        api: The server.
        steps: The steps of every manifest; a number is added so that each content is new.
        prefix: The names' prefix.
        link: The address that the provider uses for the server, or "" for the server's own.

    Attributes:
        times: The seconds of each whole replacement by `ours`.
    """

    def __init__(self, api: Emulator, steps: list[dict[str, Any]], prefix: str = "", link: str = "") -> None:
        self._api, self._steps, self._prefix, self._number = api, steps, prefix, 0
        self.times: list[float] = []
        settings = resolve({"apiKey": api.api_key, "apiUrl": link or api.url}, {})
        self._lifecycle = Lifecycle(lambda: settings, lambda: settings.api_url)
        self._http = httpx.Client(base_url=api.url, headers=api.headers, timeout=60, trust_env=False)
        self._state = self._create(prefix + _OURS)

    def ours(self) -> float:
        """Build new content and swap the name with the provider; return the seconds without the name."""
        name = self._prefix + _OURS
        self._number += 1
        inputs = self._inputs(name)
        self._lifecycle.diff(SNAPSHOT, _urn(name), self._state, inputs)

        def replace() -> None:
            started = time.perf_counter()
            self._state = self._lifecycle.create(SNAPSHOT, _urn(name), inputs, no_log).outputs
            self.times.append(time.perf_counter() - started)

        return _gap(self._api, name, replace)

    def created(self) -> float:
        """Build new content under a new name; return the seconds."""
        self._number += 1
        started = time.perf_counter()
        self._create(f"{self._prefix}new-{self._number}")
        return time.perf_counter() - started

    def bare(self) -> float:
        """Delete the name and post a body that is in the cache; return the seconds without the name."""
        name = self._prefix + _BARE
        body = self._body(name)

        def replace() -> None:
            self._http.delete(f"/api/snapshots/{name}").raise_for_status()
            self._send(body)

        return _gap(self._api, name, replace)

    def post_bare(self) -> None:
        """Create the snapshot that `bare` replaces."""
        self._send(self._body(self._prefix + _BARE))

    def _create(self, name: str) -> dict[str, Any]:
        return self._lifecycle.create(SNAPSHOT, _urn(name), self._inputs(name), no_log).outputs

    def _inputs(self, name: str) -> dict[str, Any]:
        manifest = {"base": "base", "steps": [*self._steps, {"env": {"NUMBER": str(self._number)}}]}
        inputs = {"manifest": manifest, "name": name, "urn": _urn(name)}
        return self._lifecycle.check(SNAPSHOT, _urn(name), {}, inputs).inputs

    def _body(self, name: str) -> bytes:
        return b"".join(Job(_urn(name), self._inputs(name), BuildLog(ResourceLog(no_log))).request(name))

    def _send(self, body: bytes) -> None:
        headers = {"Content-Type": "application/json"}
        self._http.post("/api/snapshots", content=body, headers=headers).raise_for_status()


def _gap(api: Emulator, name: str, replace: Callable[[], None]) -> float:
    """Return the seconds for which a poller did not find the name during a replacement; 0 if it saw no gap."""
    command = [sys.executable, "-m", "benchmarks.swap", api.url, api.api_key, name]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as poller:
        assert poller.stdout is not None
        poller.stdout.readline()
        replace()
        looks = json.loads(poller.communicate()[0])
    missing = [at for at, status in looks if status == 404]
    if not missing:
        return 0.0
    return next(at for at, status in looks if status == 200 and at > missing[0]) - missing[0]


def poll(url: str, api_key: str, name: str) -> None:
    """Look up a name until standard input is closed and the name is found; print times and statuses as JSON."""
    looks: list[tuple[float, int]] = []
    host = url.removeprefix("http://")

    def look() -> int:
        at = time.monotonic()
        looks.append((at, _status(host, api_key, name)))
        time.sleep(max(0.0, at + _PERIOD - time.monotonic()))
        return looks[-1][1]

    wait_until(lambda: look() == 200)
    print("ready", flush=True)
    while not _at_end() or looks[-1][1] != 200:
        look()
    print(json.dumps(looks))


def _status(host: str, api_key: str, name: str) -> int:
    """Return the status of a lookup without the manifest, on a new connection, since a kept one may be delayed."""
    connection = HTTPConnection(host, timeout=60)
    try:
        connection.request("GET", f"/api/snapshots/{name}/patches", headers={"X-API-Key": api_key})
        return connection.getresponse().status
    finally:
        connection.close()


def _at_end() -> bool:
    return bool(select.select([sys.stdin], [], [], 0)[0])


def _urn(name: str) -> str:
    return f"urn:pulumi:dev::bench::pulumi-python:dynamic/opencomputer:Snapshot::{name}"


if __name__ == "__main__":
    poll(*sys.argv[1:])
