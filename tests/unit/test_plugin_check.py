"""A missing or old plugin is told with the command that mends it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pulumi_opencomputer.about import version
from pulumi_opencomputer.program.plugin_check import plugin_advice


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """An environment in which no plugin is found."""
    (tmp_path / "bin").mkdir()
    return {"PATH": str(tmp_path / "bin"), "PULUMI_HOME": str(tmp_path / "home")}


def advice(machine: dict[str, str], tmp_path: Path) -> str | None:
    """What is said about a program in an empty project."""
    project = tmp_path / "project"
    project.mkdir(exist_ok=True)
    return plugin_advice(machine, project, Path("/venv/bin"))


def python_environment(tmp_path: Path, number: str) -> None:
    """Put the plugin of another Python environment on PATH."""
    environment = tmp_path / "pipx"
    (environment / "lib/python3.12/site-packages" / f"pulumi_opencomputer-{number}.dist-info").mkdir(parents=True)
    plugin = tmp_path / "bin" / "pulumi-resource-opencomputer"
    plugin.write_text(f"#!{environment}/bin/python\n")
    plugin.chmod(0o755)


def test_a_missing_plugin_is_told_with_two_ways_to_the_packages_own(machine, tmp_path) -> None:
    """Both are to be copied as they stand."""
    said = advice(machine, tmp_path)
    assert said is not None
    assert "finds none on PATH and among its plugins" in said
    assert 'export PATH="/venv/bin:$PATH"' in said
    assert "plugins: {providers: [{name: opencomputer, path: /venv/bin}]}" in said


@pytest.mark.parametrize(("number", "is_old"), [("0.0.9", True), (version(), False), ("99.0.0", False)])
def test_an_older_plugin_on_path_is_told(machine, tmp_path, number, is_old) -> None:
    """With both versions, and what upgrades it."""
    python_environment(tmp_path, number)
    said = advice(machine, tmp_path)
    assert (said is not None) is is_old
    if said:
        assert f"is version {number}, and this program's package {version()}" in said
        assert "pipx upgrade pulumi-opencomputer" in said


@pytest.mark.parametrize(("numbers", "is_told"), [(["0.0.9"], True), (["0.0.9", version()], False)])
def test_plugins_that_pulumi_installed_count(machine, tmp_path, numbers, is_told) -> None:
    """The newest of them."""
    for number in numbers:
        (tmp_path / "home" / "plugins" / f"resource-opencomputer-v{number}").mkdir(parents=True)
    said = advice(machine, tmp_path)
    assert (said is not None) is is_told
    if said:
        assert "only an older one, 0.0.9" in said


def test_a_project_that_names_the_plugin_is_told_nothing(machine, tmp_path) -> None:
    """Pulumi looks there, whatever PATH holds."""
    (tmp_path / "project").mkdir()
    named = "name: p\nruntime: python\nplugins:\n  providers:\n    - name: opencomputer\n      path: .venv/bin\n"
    (tmp_path / "project" / "Pulumi.yaml").write_text(named)
    assert advice(machine, tmp_path) is None


def test_a_plugin_whose_version_can_not_be_told_is_trusted(machine, tmp_path) -> None:
    """A binary, or a script of somebody's own."""
    plugin = tmp_path / "bin" / "pulumi-resource-opencomputer"
    plugin.write_bytes(b"\x7fELF")
    plugin.chmod(0o755)
    assert advice(machine, tmp_path) is None


def test_a_plugin_that_is_attached_is_told_nothing(machine, tmp_path) -> None:
    """A debugger runs it."""
    assert advice({**machine, "PULUMI_DEBUG_PROVIDERS": "opencomputer:1234"}, tmp_path) is None
