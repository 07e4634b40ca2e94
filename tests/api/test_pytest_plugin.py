"""The pytest plugin and the emulator process behind it, as users' own tests use them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from emulator_client import create, manifest
from emulator_process import wait_until
from pulumi_opencomputer.testing import Emulator, RunningEmulator

pytestmark = pytest.mark.long

TESTS = """
import os
import httpx

def make(emulator, name):
    image = {"steps": [{"type": "run", "args": {"commands": ["true"]}}]}
    emulator.ask("POST", "/api/snapshots", {"name": name, "image": image})

def test_the_environment_leads_to_it(opencomputer_emulator):
    assert os.environ["OPENCOMPUTER_API_URL"] == opencomputer_emulator.url
    assert os.environ["OPENCOMPUTER_API_KEY"] == opencomputer_emulator.api_key
    make(opencomputer_emulator, "a")
    assert opencomputer_emulator.snapshot("a")["status"] == "ready"

def test_each_test_begins_anew(opencomputer_emulator):
    assert opencomputer_emulator.snapshots() == []
    opencomputer_emulator.fail("failing-builds")

def test_faults_end_with_their_test(opencomputer_emulator):
    make(opencomputer_emulator, "a")
    assert opencomputer_emulator.applied() == []

def test_without_the_fixture_nothing_is_set():
    assert "OPENCOMPUTER_API_URL" not in os.environ
"""


def run_pytest(folder: Path, tests: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_users_own.py").write_text(tests)
    (folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OPENCOMPUTER_")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env={**clean, **environment}, check=False
    )


def test_the_fixture_gives_each_test_an_emulator_in_its_initial_state(tmp_path):
    """The fixture is available without an import."""
    ran = run_pytest(tmp_path, TESTS)
    assert ran.returncode == 0, ran.stdout
    assert "4 passed" in ran.stdout


def test_an_emulator_that_runs_already_is_used(tmp_path, start_emulator):
    """It may be a service of a CI job; the key is read from the environment."""
    emulator = start_emulator()
    create(emulator, "left", manifest("x"))
    ran = run_pytest(tmp_path, TESTS, "--opencomputer-emulator", emulator.url, OPENCOMPUTER_API_KEY=emulator.api_key)
    assert "4 passed" in ran.stdout, ran.stdout
    assert [record["name"] for record in emulator.snapshots()] == ["a"]


def test_arguments_of_the_emulator_can_be_set(tmp_path):
    """They are set in pytest's configuration."""
    tests = "def test_edge(opencomputer_emulator):\n    assert opencomputer_emulator.get('/health')['edge']\n"
    ran = run_pytest(tmp_path, tests, "-o", "opencomputer_emulator_arguments=--edge --edge-lag 0")
    assert ran.returncode == 0, ran.stdout


def test_the_plugin_imports_nothing_until_it_is_used(tmp_path):
    """It is loaded in every run of pytest where the package is installed."""
    tests = (
        "import sys\ndef test_none():\n    assert not {'httpx', 'pulumi', 'starlette', 'pydantic'} & set(sys.modules)\n"
    )
    ran = run_pytest(tmp_path, tests)
    assert ran.returncode == 0, ran.stdout


def test_an_emulator_ends_with_its_with_block():
    """Its arguments are those of the command line."""
    with Emulator("--edge") as emulator:
        assert emulator.get("/health")["edge"] is True
        assert emulator.environment == {"OPENCOMPUTER_API_URL": emulator.url, "OPENCOMPUTER_API_KEY": "local"}
    with pytest.raises(httpx.ConnectError):
        RunningEmulator(emulator.url).snapshots()


def test_an_emulator_that_does_not_start_raises_the_reason():
    """The error has the emulator's own output."""
    with pytest.raises(RuntimeError, match=r"(?s)did not start: .*there is no fault named 'none'"):
        Emulator("--fault", "none")


def test_time_can_be_advanced():
    """A test of a slow build does not have to wait."""
    with Emulator() as emulator:
        create_async = {"name": "a", "image": manifest("SLEEP_BUILD_200")}
        emulator.ask("POST", "/api/snapshots?async=1", create_async)
        wait_until(emulator.builds)
        emulator.advance(200)
        wait_until(lambda: emulator.snapshot("a")["status"] == "ready")
        emulator.change({"name": "a"}, status="building")
        assert emulator.snapshot("a")["status"] == "building"
