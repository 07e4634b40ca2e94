"""Fixtures of the lifecycle tests: an emulator that fails on demand, and a stack that uses it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from emulator_process import wait_until
from faulty_process import FaultyEmulator
from stack import SharedTime, Stack, StartEdge


@pytest.fixture(scope="session", autouse=True)
def _one_certificate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give clients a trust store of one certificate: loading the default one is slow, and no test here uses TLS."""
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
    """A reset emulator, shared because starting one for each of these many tests would take too long."""
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
    """A shared emulator behind the public edge, whose index lags a little; the stack's waits move its clock too."""
    _shared_edge.fail()
    wait_until(lambda: "running" not in {build["outcome"] for build in _shared_edge.builds()})
    _shared_edge.clear()
    return _shared_edge


@pytest.fixture
def faulty(tmp_path: Path) -> Iterator[FaultyEmulator]:
    """An emulator used by this test only, so that a build lost by the test can't affect others."""
    with FaultyEmulator(tmp_path / "faulty") as emulator:
        yield emulator


@pytest.fixture
def start_faulty(tmp_path: Path) -> Iterator[Callable[..., FaultyEmulator]]:
    """A function that starts emulators with the test's own options."""
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


@pytest.fixture
def start_edge(start_faulty: Callable[..., FaultyEmulator]) -> StartEdge:
    """A function that starts an emulator behind the edge, and returns a stack that shares its time."""

    def start(lag: float | tuple[float, float], **options: object) -> Stack:
        least, most = lag if isinstance(lag, tuple) else (lag, lag)
        emulator = start_faulty(edge_lag=f"{least}..{most}", **options)
        return Stack(emulator, time=SharedTime(emulator))

    return start
