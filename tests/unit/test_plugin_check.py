"""A missing or old plugin is reported with the command that installs or upgrades it."""

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
    """The advice for a program in an empty project."""
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


def test_a_missing_plugin_is_reported_with_two_ways_to_use_the_packages_own(machine, tmp_path) -> None:
    """Both can be copied as they are."""
    said = advice(machine, tmp_path)
    assert said is not None
    assert "finds none on PATH and among its plugins" in said
    assert 'export PATH="/venv/bin:$PATH"' in said
    assert "plugins: {providers: [{name: opencomputer, path: /venv/bin}]}" in said


@pytest.mark.parametrize(("number", "is_old"), [("0.0.9", True), (version(), False), ("99.0.0", False)])
def test_an_older_plugin_on_path_is_reported(machine, tmp_path, number, is_old) -> None:
    """The advice has both versions and the command that upgrades."""
    python_environment(tmp_path, number)
    said = advice(machine, tmp_path)
    assert (said is not None) is is_old
    if said:
        assert f"is version {number}, older than this program's package ({version()})" in said
        assert "pipx upgrade pulumi-opencomputer" in said


@pytest.mark.parametrize(("numbers", "is_told"), [(["0.0.9"], True), (["0.0.9", version()], False)])
def test_the_newest_plugin_that_pulumi_installed_counts(machine, tmp_path, numbers, is_told) -> None:
    """Older ones next to it don't matter."""
    for number in numbers:
        (tmp_path / "home" / "plugins" / f"resource-opencomputer-v{number}").mkdir(parents=True)
    said = advice(machine, tmp_path)
    assert (said is not None) is is_told
    if said:
        assert "only an older one, 0.0.9" in said


def test_a_project_that_names_the_plugin_gets_no_advice(machine, tmp_path) -> None:
    """Pulumi uses that plugin, whatever is on PATH."""
    (tmp_path / "project").mkdir()
    named = "name: p\nruntime: python\nplugins:\n  providers:\n    - name: opencomputer\n      path: .venv/bin\n"
    (tmp_path / "project" / "Pulumi.yaml").write_text(named)
    assert advice(machine, tmp_path) is None


def test_a_plugin_of_unknown_version_gets_no_advice(machine, tmp_path) -> None:
    """It may be a binary, or a script that somebody wrote."""
    plugin = tmp_path / "bin" / "pulumi-resource-opencomputer"
    plugin.write_bytes(b"\x7fELF")
    plugin.chmod(0o755)
    assert advice(machine, tmp_path) is None


def test_an_attached_plugin_gets_no_advice(machine, tmp_path) -> None:
    """It is run by a debugger."""
    assert advice({**machine, "PULUMI_DEBUG_PROVIDERS": "opencomputer:1234"}, tmp_path) is None
