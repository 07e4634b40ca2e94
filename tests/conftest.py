"""What all suites share: emulators as real processes, what is left out of a run, and time limits."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from amounts import ALL, SOAKING
from emulator_process import Emulator

_ENGINE_TESTS = Path(__file__).with_name("engine")

# pyproject.toml has the limit of all other tests. Limits end a test that hangs; on a quiet machine the longest tests
# take a fifth of them. Who compiles with Go waits for all that the engine is made of.
_ENGINE_SECONDS = 600
_GO_SECONDS = 1200


def pytest_configure() -> None:
    """Let signals end the processes that tests start, even if the tests run under nohup or in a shell's background."""
    for name in ("SIGINT", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL)


@pytest.fixture(scope="session")
def _shared_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with Emulator(tmp_path_factory.mktemp("emulator")) as emulator:
        yield emulator


@pytest.fixture
def emulator(request: pytest.FixtureRequest, start_emulator: Callable[..., Emulator]) -> Emulator:
    """An emulator without records; it must not be killed. ``@pytest.mark.emulator(ideal=True)`` sets its options."""
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


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what needs an engine, give each test a time limit, and leave out what only `make test-all` runs."""
    for item in items:
        if _ENGINE_TESTS in item.path.parents:
            item.add_marker(pytest.mark.engine)
        limit = _limit(item)
        if limit is not None and not SOAKING and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(limit))
    if not ALL:
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("full")])
        items[:] = [item for item in items if not item.get_closest_marker("full")]


def _limit(item: pytest.Item) -> int | None:
    """How many seconds a test may take, with the making of what it is the first to use; None for the usual limit."""
    if item.get_closest_marker("tools") or "sdks" in getattr(item, "fixturenames", ()):
        return _GO_SECONDS
    return _ENGINE_SECONDS if item.get_closest_marker("engine") else None
