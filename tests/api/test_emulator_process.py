"""The emulator as a process: durability, how it ends, its command line, large bodies."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from typing import Any

import httpx
import pytest

from emulator_client import STREAM, call, client, create, manifest, open_post
from emulator_process import API_KEY, Emulator, wait_until

pytestmark = pytest.mark.long

COMMAND = [sys.executable, "-m", "pulumi_opencomputer.emulator"]
BIG = 32 * 1024 * 1024


def test_completed_requests_survive_a_kill(start_emulator):
    emulator: Emulator = start_emulator()
    records = [create(emulator, f"n{number}", manifest(str(number))).json() for number in range(5)]
    call(emulator, "DELETE", "/api/snapshots/n0")
    sandbox = call(emulator, "POST", "/api/sandboxes", json={"snapshot": "n1"}).json()
    before = emulator.images()
    emulator.kill()
    emulator.restart()
    assert emulator.images() == before
    assert [record["id"] for record in emulator.snapshots()] == [record["id"] for record in reversed(records[1:])]
    assert emulator.get(f"/api/sandboxes/{sandbox['sandboxID']}") == sandbox


def test_a_kill_during_creates_loses_no_completed_one(start_emulator):
    emulator: Emulator = start_emulator()
    answered: list[str] = []

    def create_many() -> None:
        with client(emulator) as http:
            for number in range(10_000):
                body: dict[str, Any] = {"name": f"n{number}", "image": manifest(str(number))}
                try:
                    response = http.post("/api/snapshots", json=body)
                except httpx.TransportError:
                    return
                assert response.status_code == 201
                answered.append(body["name"])

    thread = threading.Thread(target=create_many)
    thread.start()
    wait_until(lambda: len(answered) >= 20)
    emulator.kill()
    thread.join()
    emulator.restart()
    kept = [record["name"] for record in emulator.snapshots()]
    assert set(answered) <= set(kept)
    assert len(kept) - len(answered) in (0, 1)


def test_an_async_build_interrupted_by_a_kill_leaves_both_records_building(start_emulator):
    emulator: Emulator = start_emulator()
    create(emulator, "a", manifest("SLEEP_BUILD_20"), query="?async=1")
    wait_until(emulator.builds)
    emulator.kill()
    emulator.restart()
    assert [record["status"] for record in emulator.images()] == ["building", "building"]


def test_it_ends_at_once_with_streams_open(start_emulator):
    emulator: Emulator = start_emulator()
    with open_post(
        emulator, "/api/snapshots", {"name": "a", "image": manifest("SLEEP_BUILD_99")}, accept=STREAM["Accept"]
    ):
        wait_until(emulator.builds)
        start = time.monotonic()
        assert emulator.stop() == 0
        assert time.monotonic() - start < 5
    assert "Traceback" not in emulator.log()


def test_large_manifests_are_returned_complete(start_emulator):
    emulator: Emulator = start_emulator()
    image = {"steps": [{"type": "add_file", "args": {"path": "/big", "content": "QUJD" * (BIG // 4)}}]}
    body = json.dumps({"name": "a", "image": image}).encode()
    headers = {"Content-Type": "application/json", **STREAM}
    with client(emulator) as http:
        text = http.post("/api/snapshots", content=body, headers=headers).text
        assert json.loads(text.rpartition("data: ")[2])["manifest"] == image
        assert http.get("/api/snapshots/a").json()["manifest"] == image
        assert len(http.get("/api/images").json()) == 2


def test_help_says_that_steps_are_simulated():
    result = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, check=True)
    assert "steps of a build are SIMULATED" in result.stdout
    for option in (
        "--host",
        "--port",
        "--data",
        "--api-key",
        "--step-seconds",
        "--ideal",
        "--edge",
        "--edge-lag",
        "--fault",
    ):
        assert option in result.stdout


def test_a_port_in_use_is_a_clear_error(emulator):
    port = emulator.url.rpartition(":")[2]
    result = subprocess.run(
        [*COMMAND, "--api-key", API_KEY, "--port", port], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert f"can't listen on 127.0.0.1, port {port}" in result.stderr


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "soon"])
def test_an_invalid_duration_is_refused(value):
    result = subprocess.run(
        [*COMMAND, "--api-key", API_KEY, f"--step-seconds={value}"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 2


def test_it_does_not_import_pulumi():
    modules = "pulumi_opencomputer.emulator.app, pulumi_opencomputer.emulator.server"
    code = f"import sys, {modules}; print('pulumi' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
