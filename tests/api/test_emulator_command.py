"""The command that starts an emulator: its requirements, its output, and how it ends."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from emulator_client import call, create, manifest, stream
from emulator_process import DEADLINE, wait_until
from pulumi_opencomputer.emulator.command import PORT, first_free

COMMAND = [sys.executable, "-m", "pulumi_opencomputer.cli"]
EMULATORS = [[*COMMAND, "emulator"], [sys.executable, "-m", "pulumi_opencomputer.emulator"]]
SCRIPT = Path(sys.executable).with_name("pulumi-opencomputer")


class Started:
    """An emulator started as a user starts it."""

    def __init__(self, folder: Path, *command: str, **environment: str) -> None:
        self._log = folder / "stderr"
        clean = {name: value for name, value in os.environ.items() if not name.startswith("OPENCOMPUTER_")}
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, text=True, env={**clean, **environment}
            )
        assert self.process.stdout
        self.said = json.loads(self.process.stdout.readline())

    def end(self, signum: int = signal.SIGTERM) -> int:
        assert self.process.stdout
        self.process.send_signal(signum)
        code = self.process.wait(DEADLINE)
        self.process.stdout.close()
        return code

    def log(self) -> str:
        return self._log.read_text()


@pytest.mark.parametrize("command", EMULATORS, ids=["pulumi-opencomputer emulator", "python -m"])
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_it_needs_no_argument_and_ends_cleanly(tmp_path, command, signum):
    """The printed exports work; Ctrl-C or SIGTERM ends it with code 0 and without a traceback."""
    started = Started(tmp_path, *command)
    url = started.said["url"]
    assert f"export OPENCOMPUTER_API_URL={url} OPENCOMPUTER_API_KEY=local" in started.log()
    assert f'$env:OPENCOMPUTER_API_URL="{url}"; $env:OPENCOMPUTER_API_KEY="local"' in started.log()
    assert "nothing is downloaded, installed or run" in started.log()
    answer = httpx.get(f"{url}/api/snapshots", headers={"X-API-Key": "local"}, trust_env=False, verify=False)
    assert answer.json() == []
    assert started.end(signum) == 0
    assert "Traceback" not in started.log()
    assert started.log().endswith("The emulator has ended.\n")


def test_a_key_of_the_users_own_is_accepted_and_never_shown(tmp_path):
    """A real key may be set in the environment."""
    started = Started(tmp_path, *EMULATORS[0], OPENCOMPUTER_API_KEY="osb_real_key")
    for key, status in (("osb_real_key", 200), ("local", 403)):
        headers = {"X-API-Key": key}
        answer = httpx.get(started.said["url"] + "/api/snapshots", headers=headers, trust_env=False, verify=False)
        assert answer.status_code == status
    started.end()
    assert "osb_real_key" not in started.log()
    assert "set to the key that this emulator was given" in started.log()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "99999"], "--port: must be a port from 0 to 65535, not '99999'"),
        (["--port", "http"], "--port: must be a port from 0 to 65535, not 'http'"),
        (["--step-seconds", "x"], "--step-seconds: must be a number that is not negative, not 'x'"),
        (["--wait-seconds=-1"], "--wait-seconds: must be a number that is not negative, not '-1'"),
        (["--api-key", ""], "--api-key: must not be empty"),
        (["--data", __file__], f"The folder {__file__} can't be used for --data: File exists"),
    ],
    ids=["port too high", "port not a number", "not a number", "negative", "empty key", "data is a file"],
)
def test_a_wrong_argument_is_an_error_that_says_what_is_right(arguments, said):
    """There is no traceback, and no name from the code."""
    ran = subprocess.run([*EMULATORS[0], *arguments], capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert ran.returncode in (1, 2)
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    ("asked", "in_use", "tried"),
    [(None, (), [PORT]), (None, (PORT,), [PORT, 0]), (0, (), [0]), (PORT, (PORT,), [PORT])],
)
def test_its_port_is_always_the_same_unless_it_is_in_use(asked, in_use, tried):
    """If the default port is in use, any free one is taken; a port that the user gives is never replaced."""
    ports = []

    def listen(_host, port):
        ports.append(port)
        if port in in_use:
            raise OSError("in use")
        return socket.socket()

    with contextlib.suppress(OSError):
        first_free(listen, "127.0.0.1", asked).close()
    assert ports == tried


def test_the_printed_address_is_never_0_0_0_0(tmp_path):
    """An emulator that listens on all addresses prints one that clients can use."""
    started = Started(tmp_path, *EMULATORS[0], "--host", "0.0.0.0")
    started.end()
    assert "export OPENCOMPUTER_API_URL=http://127.0.0.1:" in started.log()


def test_a_terminal_gets_no_json():
    """The JSON line is only for programs that start an emulator."""
    terminal, end = pty.openpty()
    process = subprocess.Popen([*EMULATORS[0], "--port", "0"], stdin=end, stdout=end, stderr=end)
    os.close(end)
    shown = b""
    try:
        limit = time.monotonic() + DEADLINE
        while b"Ctrl-C ends it." not in shown and time.monotonic() < limit:
            if select.select([terminal], [], [], 0.1)[0]:
                shown += os.read(terminal, 65536)
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE) == 0
    finally:
        process.kill()
        os.close(terminal)
    assert b"A page that shows what happens: http://127.0.0.1:" in shown
    assert b"{" not in shown


def test_the_installed_command_prints_its_version_and_subcommands():
    """It is installed as `pulumi-opencomputer`."""
    told = subprocess.run([SCRIPT, "--version"], capture_output=True, text=True, check=True).stdout
    assert told.strip().split(".")[0].isdigit()
    helped = subprocess.run([SCRIPT, "--help"], capture_output=True, text=True, check=True).stdout
    assert "emulator" in helped
    missing = subprocess.run([SCRIPT], capture_output=True, text=True, check=False)
    assert (missing.returncode, "COMMAND" in missing.stderr) == (2, True)


def test_missing_packages_are_an_error_with_the_command_that_installs_them(tmp_path):
    """The emulator's packages are an extra of this one."""
    (tmp_path / "starlette.py").write_text("raise ModuleNotFoundError(name='starlette')")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    ran = subprocess.run(EMULATORS[0], capture_output=True, text=True, env=environment, check=False)
    assert ran.returncode == 1
    assert ran.stderr == "The emulator needs starlette: pip install 'pulumi-opencomputer[emulator]'\n"


def test_a_reset_ends_running_builds(start_emulator):
    """Their clients get an error at once, and no record of them appears later."""
    emulator = start_emulator()
    answers: list[tuple[str, Any]] = []
    body = {"name": "a", "image": manifest("SLEEP_BUILD_200", "true")}
    waiting = threading.Thread(target=lambda: answers.extend(stream(emulator, "/api/snapshots", body)))
    waiting.start()
    wait_until(lambda: [build["outcome"] for build in emulator.builds()] == ["running"])
    emulator.reset()
    waiting.join(DEADLINE)
    assert answers[-1] == ("error", {"error": "image build failed: image build failed: context canceled"})
    assert emulator.records() == []
    assert create(emulator, "a", manifest("x")).status_code == 201


def test_a_reset_restores_the_initial_state(start_emulator, tmp_path):
    """Records, requests, time and the edge are reset, and the faults given at the start are active again."""
    seed = tmp_path / "base.json"
    seed.write_text(json.dumps(manifest("seeded")))
    emulator = start_emulator(seed=str(seed), fault="failing-builds", edge_lag="0")
    assert create(emulator, "a", manifest("x")).status_code == 500
    emulator.fail("too-large")
    emulator.advance(3600)
    emulator.set_edge(lag=[50, 50], hasCell=False)
    call(emulator, "DELETE", "/api/snapshots/base")
    assert call(emulator, "POST", "/_emulator/reset", headers={"X-API-Key": "wrong"}).status_code == 401
    emulator.reset()
    assert emulator.builds() == []
    assert emulator.requests() == []
    assert emulator.get("/_emulator/edge") == {"hasCell": True, "lag": [0, 0], "pendingEvents": 0}
    assert emulator.applied() == [0]
    assert [record["name"] for record in emulator.snapshots()] == ["base"]
    assert create(emulator, "a", manifest("y")).status_code == 500
