"""What all suites share: emulators as real processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator_process import Emulator


@pytest.fixture(scope="session")
def _shared_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with Emulator(tmp_path_factory.mktemp("emulator")) as emulator:
        yield emulator


@pytest.fixture
def emulator(request: pytest.FixtureRequest, start_emulator: Callable[..., Emulator]) -> Emulator:
    """An emulator without rows; it must not be killed. ``@pytest.mark.emulator(ideal=True)`` sets its options."""
    marker = request.node.get_closest_marker("emulator")
    if marker:
        return start_emulator(**marker.kwargs)
    shared: Emulator = request.getfixturevalue("_shared_emulator")
    shared.clear()
    return shared


@pytest.fixture
def start_emulator(tmp_path: Path) -> Iterator[Callable[..., Emulator]]:
    """Start emulators with options of one's own; they may be killed, and are when the test ends."""
    started: list[Emulator] = []

    def start(**options: Any) -> Emulator:
        started.append(Emulator(tmp_path / f"emulator-{len(started)}", **options))
        return started[-1]

    yield start
    for emulator in started:
        emulator.kill()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "emulator(**options): start this test's emulator with these options")
