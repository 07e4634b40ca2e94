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
    """The folders of the engine and of this environment's Python, as a part of PATH."""
    path = os.pathsep.join([str(_ROOT / ".tools" / "bin"), str(Path(sys.executable).parent)])
    _needed("pulumi", "there is no pulumi on PATH; `make setup` installs one", path)
    return path


@pytest.fixture(scope="session")
def yaml_host(tools: str) -> str:
    """The language host that runs YAML programs."""
    return _needed("pulumi-language-yaml", "there is no YAML host on PATH; `make setup` installs one", tools)


@pytest.fixture(scope="session")
def go() -> str:
    """The Go command."""
    return _needed("go", "Go is not installed; no SDK is generated from the schema")


@pytest.fixture(scope="session")
def npm() -> str:
    """npm, and with it Node.js."""
    return _needed("npm", "Node.js is not installed; no TypeScript program is run")


@pytest.fixture(scope="session")
def mvn() -> str:
    """Maven, and with it a JDK."""
    return _needed("mvn", "Maven is not installed; no Java program is run")


@pytest.fixture(scope="session")
def java_host(tools: str) -> str:
    """The language host that runs Java programs."""
    return _needed("pulumi-language-java", "there is no Java host on PATH; `make test-all` installs one", tools)


@pytest.fixture(scope="session")
def sdks(go: str, tmp_path_factory: pytest.TempPathFactory) -> Sdks:
    """The plugin's SDKs for each language."""
    return generate(tmp_path_factory.mktemp("codegen"))


def _needed(name: str, reason: str, path: str = "") -> str:
    """Return an executable's path; if it is missing, skip the test, or fail it on CI."""
    found = shutil.which(name, path=path + os.pathsep + os.environ["PATH"])
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture(scope="session")
def pulumi_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder for Pulumi, shared by the session's tests."""
    return tmp_path_factory.mktemp("pulumi-home")


@pytest.fixture(scope="session", params=[DYNAMIC, PLUGIN], ids=lambda adapter: adapter.name)
def adapter(request: pytest.FixtureRequest) -> Adapter:
    """The way to reach the provider: a test runs with both, unless `adapters.only` marks it."""
    found: Adapter = request.param
    return found


@pytest.fixture
def project(tmp_path: Path, emulator: Emulator, tools: str, pulumi_home: Path, adapter: Adapter) -> Project:
    """A project whose provider uses the emulator."""
    settings = {"OPENCOMPUTER_API_URL": emulator.url, "OPENCOMPUTER_API_KEY": emulator.api_key}
    return Project(tmp_path / "pulumi", settings, tools, pulumi_home, adapter)


@pytest.fixture
def world(
    tmp_path: Path, emulator: Emulator, tools: str, pulumi_home: Path, column: Column, request: pytest.FixtureRequest
) -> World:
    """A project with the column's kind of program, and its server."""
    if column.is_yaml:
        request.getfixturevalue("yaml_host")
    settings = {"OPENCOMPUTER_API_URL": emulator.url, "OPENCOMPUTER_API_KEY": emulator.api_key}
    emulator.forget_requests()
    return World(Project(tmp_path / "pulumi", settings, tools, pulumi_home, column.adapter), emulator, column)
