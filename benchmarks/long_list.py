"""The cost of looking for an image in a long list of large records."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from emulator_process import Emulator
from pulumi_opencomputer.api.client import Client
from pulumi_opencomputer.config import resolve

from .measure import RUNS, Goal, Outcome, seconds
from .stack import emulator

_RECORDS, _MEGABYTES = 20, 25


def long_list(scratch: Path) -> Iterator[Outcome]:
    """The list request of a silent build stream and of a refresh of images, with 500 MB of records."""
    with emulator(scratch) as api:
        for number in range(_RECORDS):
            _build(api, number)
        settings = resolve({"apiKey": api.api_key, "apiUrl": api.url}, {})
        with Client(settings) as client:
            whole = _read_whole(api)
            times = sorted(_look(client) for _ in range(RUNS))
    name = f"a look for a content among {_RECORDS * _MEGABYTES} MB of image records"
    text = f"reading them all: {seconds([whole])}"
    yield Outcome(name, seconds(times), text, statistics.median(times), (times[1], times[3]), Goal(10, unit=" s"))


def _build(api: Emulator, number: int) -> None:
    content = "QUJD" * (_MEGABYTES * 1024 * 1024 // 4)
    steps = [{"type": "add_file", "args": {"path": f"/{number}", "content": content}}]
    body = json.dumps({"name": f"n{number}", "image": {"base": "base", "steps": steps}}).encode()
    headers = {**api.headers, "Content-Type": "application/json"}
    with httpx.Client(base_url=api.url, headers=headers, timeout=60, trust_env=False) as client:
        client.post("/api/snapshots", content=body).raise_for_status()
        client.delete(f"/api/snapshots/n{number}").raise_for_status()


def _read_whole(api: Emulator) -> float:
    started = time.perf_counter()
    answer = httpx.get(f"{api.url}/api/images", headers=api.headers, timeout=120, trust_env=False)
    answer.raise_for_status()
    if len(answer.content) < _RECORDS * _MEGABYTES * 1024 * 1024:
        raise RuntimeError(f"the list has {len(answer.content)} bytes")
    return time.perf_counter() - started


def _look(client: Client) -> float:
    started = time.perf_counter()
    if client.list_images().is_whole:
        raise RuntimeError("the look read the whole list")
    return time.perf_counter() - started
