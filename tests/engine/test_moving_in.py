"""One command turns an account of handmade snapshots into a program whose first `pulumi up` has no changes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from account_seed import SECRET, SECRETS, fifty
from emulator_process import Emulator


@pytest.fixture
def account(start_emulator: Callable[..., Emulator], tmp_path: Path) -> Emulator:
    """An account with fifty snapshots, and three with a secret."""
    seed = tmp_path / "seed.json"
    seed.write_text(json.dumps({**fifty(), **SECRETS}))
    return start_emulator(seed=str(seed))


@pytest.fixture
def environment(account: Emulator, tools: str, pulumi_home: Path, tmp_path: Path) -> Mapping[str, str]:
    """The environment for commands, with the test's own state."""
    state = tmp_path / "state"
    state.mkdir()
    unset = ("OPENCOMPUTER_", "PULUMI_")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(unset)},
        **account.environment,
        "PATH": tools + os.pathsep + os.environ["PATH"],
        "PULUMI_BACKEND_URL": state.as_uri(),
        # Enables the option --event-log.
        "PULUMI_DEBUG_COMMANDS": "1",
        "PULUMI_CONFIG_PASSPHRASE": "a passphrase of the tests",
        "PULUMI_HOME": str(pulumi_home),
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        # As if it was activated; else the first command to run makes one from the published package.
        "VIRTUAL_ENV": sys.prefix,
    }


def ran(command: str, folder: Path, environment: Mapping[str, str]) -> str:
    """Run a shell command; return its output."""
    done = subprocess.run(
        command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert SECRET not in done.stdout + done.stderr
    return done.stdout


def operations(events: Path) -> list[str]:
    """Return the operations on each resource, including providers."""
    found = [json.loads(line).get("resourcePreEvent") for line in events.read_text().splitlines()]
    return [event["metadata"]["op"] for event in found if event]


@pytest.mark.usefixtures("yaml_host")
@pytest.mark.parametrize("language", ["python", "yaml"])
def test_an_account_becomes_a_program_without_changes(
    language: str, account: Emulator, environment: Mapping[str, str], tmp_path: Path
) -> None:
    """The printed commands are all that is needed; secrets appear in no file, on no screen and in no state."""
    said = ran(f"pulumi-opencomputer generate --language {language} --out moved", tmp_path, environment)
    folder = tmp_path / "moved"
    _, _, *commands = [line.strip() for line in said.splitlines()]
    assert commands[0] == "cd moved"
    if language == "yaml":
        # The YAML host that `make setup` installs only knows the key `config` under its old name.
        program = folder / "Pulumi.yaml"
        program.write_text(program.read_text().replace("\nconfig:", "\nconfiguration:", 1))
    for command in commands[1:-1]:
        ran(f"{command} --yes" if command.startswith("pulumi import") else command, folder, environment)
    before = account.records()
    account.forget_requests()
    assert commands[-1] == "pulumi up"
    events = tmp_path / "events.json"
    ran(f"pulumi up --yes --skip-preview --expect-no-changes --event-log {events}", folder, environment)
    assert set(operations(events)) == {"same"}
    assert account.requests() == []
    assert account.records() == before
    resources = json.loads(ran("pulumi stack export", folder, environment))["deployment"]["resources"]
    snapshots = [each for each in resources if each["type"] == "opencomputer:index:Snapshot"]
    assert {each["id"] for each in snapshots} == set(fifty()) | set(SECRETS)
    written = [file for file in tmp_path.rglob("*") if file.is_file() and "emulator-0" not in file.parts]
    assert [file for file in written if SECRET in file.read_text("utf-8", "replace")] == [tmp_path / "seed.json"]
