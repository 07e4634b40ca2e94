"""Fixtures of the tests that run the real engine."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from emulator_process import Emulator
from project import Project

_ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def tools() -> str:
    """The folders that hold the engine and this environment's Python, as a part of PATH."""
    path = os.pathsep.join([str(_ROOT / ".tools" / "bin"), str(Path(sys.executable).parent)])
    if shutil.which("pulumi", path=path + os.pathsep + os.environ["PATH"]) is None:
        reason = "there is no pulumi on PATH; `make setup` installs one"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path


@pytest.fixture(scope="session")
def pulumi_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of the engine's own, shared by the session's tests."""
    return tmp_path_factory.mktemp("pulumi-home")


@pytest.fixture
def project(tmp_path: Path, emulator: Emulator, tools: str, pulumi_home: Path) -> Project:
    """A project whose provider talks to the emulator."""
    settings = {"OPENCOMPUTER_API_URL": emulator.url, "OPENCOMPUTER_API_KEY": emulator.api_key}
    return Project(tmp_path / "pulumi", settings, tools, pulumi_home)
