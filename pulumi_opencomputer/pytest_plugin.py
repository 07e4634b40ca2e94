"""Pytest fixtures for tests of programs that use OpenComputer. Installing this package makes them available."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .testing import RunningEmulator

_OPTION = "--opencomputer-emulator"
_ARGUMENTS = "opencomputer_emulator_arguments"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the command-line option and the ini setting."""
    group = parser.getgroup("opencomputer", "OpenComputer's emulator")
    group.addoption(
        _OPTION,
        metavar="URL",
        help="the address of a running emulator, whose key is OPENCOMPUTER_API_KEY or local; without it each session"
        " starts an emulator of its own",
    )
    parser.addini(_ARGUMENTS, "command-line arguments of the emulator that a session starts", "args", [])


@pytest.fixture(scope="session")
def opencomputer_emulator_process(request: pytest.FixtureRequest) -> Iterator[RunningEmulator]:
    """The session's emulator. It is not reset between tests; the fixture `opencomputer_emulator` does that."""
    # Imported here so that tests without these fixtures don't pay for it.
    from .testing import Emulator, RunningEmulator  # noqa: PLC0415

    url = request.config.getoption(_OPTION)
    if url:
        yield RunningEmulator(url, os.environ.get("OPENCOMPUTER_API_KEY") or "local")
        return
    with Emulator(*request.config.getini(_ARGUMENTS)) as emulator:
        yield emulator


@pytest.fixture
def opencomputer_emulator(
    opencomputer_emulator_process: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> RunningEmulator:
    """The session's emulator, reset for this test; the test's environment variables point to it."""
    opencomputer_emulator_process.reset()
    for name, value in opencomputer_emulator_process.environment.items():
        monkeypatch.setenv(name, value)
    return opencomputer_emulator_process
