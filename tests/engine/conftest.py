"""Fixtures of the tests that run the real engine."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from adapters import DYNAMIC, PLUGIN, Adapter
from declared_program import Column
from emulator_process import Emulator
from project import Project
from sdks import Sdks, generate
from world import World

_ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def tools() -> str:
    """The folders that hold the engine and this environment's Python, as a part of PATH."""
    path = os.pathsep.join([str(_ROOT / ".tools" / "bin"), str(Path(sys.executable).parent)])
    _needed("pulumi", "there is no pulumi on PATH; `make setup` installs one", path)
    return path


@pytest.fixture(scope="session")
def yaml_host(tools: str) -> str:
    """What runs YAML programs."""
    return _needed("pulumi-language-yaml", "there is no YAML host on PATH; `make setup` installs one", tools)


@pytest.fixture(scope="session")
def go() -> str:
    """Go."""
    return _needed("go", "Go is not installed; no SDK is generated from the schema")


@pytest.fixture(scope="session")
def npm() -> str:
    """Node.js, by its package manager."""
    return _needed("npm", "Node.js is not installed; no TypeScript program is run")


@pytest.fixture(scope="session")
def mvn() -> str:
    """Maven, and with it a JDK."""
    return _needed("mvn", "Maven is not installed; no Java program is run")


@pytest.fixture(scope="session")
def java_host(tools: str) -> str:
    """What runs Java programs."""
    return _needed("pulumi-language-java", "there is no Java host on PATH; `make test-all` installs one", tools)


@pytest.fixture(scope="session")
def sdks(go: str, tmp_path_factory: pytest.TempPathFactory) -> Sdks:
    """The plugin's SDKs for each language."""
    return generate(tmp_path_factory.mktemp("codegen"))


def _needed(name: str, reason: str, path: str = "") -> str:
    """Where an executable is; without it the test is skipped, or fails on CI."""
    found = shutil.which(name, path=path + os.pathsep + os.environ["PATH"])
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture(scope="session")
def pulumi_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of the engine's own, shared by the session's tests."""
    return tmp_path_factory.mktemp("pulumi-home")


@pytest.fixture(scope="session", params=[DYNAMIC, PLUGIN], ids=lambda adapter: adapter.name)
def adapter(request: pytest.FixtureRequest) -> Adapter:
    """Each way to the provider; `adapters.only` marks what one alone can do."""
    found: Adapter = request.param
    return found


@pytest.fixture
def project(tmp_path: Path, emulator: Emulator, tools: str, pulumi_home: Path, adapter: Adapter) -> Project:
    """A project whose provider talks to the emulator."""
    settings = {"OPENCOMPUTER_API_URL": emulator.url, "OPENCOMPUTER_API_KEY": emulator.api_key}
    return Project(tmp_path / "pulumi", settings, tools, pulumi_home, adapter)


@pytest.fixture
def world(
    tmp_path: Path, emulator: Emulator, tools: str, pulumi_home: Path, column: Column, request: pytest.FixtureRequest
) -> World:
    """A project in the column's kind of program."""
    if column.is_yaml:
        request.getfixturevalue("yaml_host")
    settings = {"OPENCOMPUTER_API_URL": emulator.url, "OPENCOMPUTER_API_KEY": emulator.api_key}
    emulator.forget_requests()
    return World(Project(tmp_path / "pulumi", settings, tools, pulumi_home, column.adapter), emulator, column)
