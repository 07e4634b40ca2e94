"""Fixtures: clients of a scripted server, a clock that only sleeping advances, and the package's command."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emulator_process import Emulator
from generated import Run, Said
from pulumi_opencomputer import cli
from pulumi_opencomputer.api.client import Client
from wire import Clock, connecting


@pytest.fixture
def clock() -> Clock:
    """A clock that only sleeping advances."""
    return Clock()


@pytest.fixture
def connect(clock: Clock) -> Iterator[Callable[..., Client]]:
    """A function that creates clients of a server; all are closed at the end."""
    with connecting(clock) as make:
        yield make


@pytest.fixture
def run(emulator: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """A function that runs a command of the package in its own folder, against the emulator."""
    for name, value in emulator.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Said:
        code = 0
        try:
            cli.main(arguments)
        except SystemExit as ended:
            code = int(ended.code or 0)
        return Said(code, *capsys.readouterr())

    return run
