"""The lifecycle's tests: an emulator that fails on demand, and a stack on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from emulator_process import wait_until
from faulty_process import FaultyEmulator
from stack import Stack


@pytest.fixture(scope="session", autouse=True)
def _one_certificate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Spare each client the loading of all the world's certificates: nothing here is asked over TLS."""
    path = tmp_path_factory.mktemp("certificate") / "one.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(path))
        yield


@pytest.fixture(scope="session")
def _shared_faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyEmulator]:
    with FaultyEmulator(tmp_path_factory.mktemp("faulty")) as emulator:
        yield emulator


@pytest.fixture
def shared_faulty(_shared_faulty: FaultyEmulator) -> FaultyEmulator:
    """An emulator without rows, faults and running builds, for tests so many that each can't start its own."""
    _shared_faulty.fail()
    wait_until(lambda: "running" not in {build["outcome"] for build in _shared_faulty.builds()})
    _shared_faulty.clear()
    return _shared_faulty


@pytest.fixture(scope="session")
def _shared_edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyEmulator]:
    with FaultyEmulator(tmp_path_factory.mktemp("edge"), edge_lag="0.3") as emulator:
        yield emulator


@pytest.fixture
def shared_edge(_shared_edge: FaultyEmulator) -> FaultyEmulator:
    """The same behind the public edge, whose index is a little behind; the time that a stack waits passes there too."""
    _shared_edge.fail()
    wait_until(lambda: "running" not in {build["outcome"] for build in _shared_edge.builds()})
    _shared_edge.clear()
    return _shared_edge


@pytest.fixture
def faulty(tmp_path: Path) -> Iterator[FaultyEmulator]:
    """An emulator of the test's own: what a lost build does after a test is nobody else's affair."""
    with FaultyEmulator(tmp_path / "faulty") as emulator:
        yield emulator


@pytest.fixture
def start_faulty(tmp_path: Path) -> Iterator[Callable[..., FaultyEmulator]]:
    """Start emulators with options of one's own."""
    started: list[FaultyEmulator] = []

    def start(**options: Any) -> FaultyEmulator:
        started.append(FaultyEmulator(tmp_path / f"faulty-{len(started)}", **options))
        return started[-1]

    yield start
    for emulator in started:
        emulator.kill()


@pytest.fixture
def stack(faulty: FaultyEmulator) -> Stack:
    """A stack without resources."""
    return Stack(faulty)
