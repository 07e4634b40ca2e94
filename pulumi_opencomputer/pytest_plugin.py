"""Fixtures for tests of programs that use OpenComputer. Pytest finds them if this package is installed."""

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
    """Add the option and the setting."""
    group = parser.getgroup("opencomputer", "OpenComputer's emulator")
    group.addoption(
        _OPTION,
        metavar="URL",
        help="the address of an emulator that runs already, whose key is OPENCOMPUTER_API_KEY or local;"
        " otherwise each session starts its own",
    )
    parser.addini(_ARGUMENTS, "arguments of the emulator that is started, as on its command line", "args", [])


@pytest.fixture(scope="session")
def opencomputer_emulator_process(request: pytest.FixtureRequest) -> Iterator[RunningEmulator]:
    """The emulator of this session, with anything that earlier tests left in it."""
    # Tests without these fixtures don't pay for the import.
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
    """A freshly reset emulator that the test's environment points to."""
    opencomputer_emulator_process.reset()
    for name, value in opencomputer_emulator_process.environment.items():
        monkeypatch.setenv(name, value)
    return opencomputer_emulator_process
