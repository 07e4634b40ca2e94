"""Whether a program is in YAML, according to the project file in the plugin's working directory or above it."""

from __future__ import annotations

import pytest

from pulumi_opencomputer.plugin.program import is_yaml


@pytest.fixture(autouse=True)
def forgotten():
    """Forget the result, which is cached for the life of the process."""
    is_yaml.cache_clear()
    yield
    is_yaml.cache_clear()


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("Pulumi.yaml", "name: x\nruntime: yaml\n", True),
        ("Pulumi.yaml", "name: x\nruntime: 'yaml'\nresources: {}\n", True),
        ("Pulumi.yaml", "name: x\nruntime:\n  name: yaml\n  options: {}\n", True),
        ("Pulumi.yaml", "name: x\nruntime: {name: yaml}\n", True),
        ("Pulumi.yml", "name: x\nruntime: yaml\n", True),
        ("Pulumi.json", '{"name": "x", "runtime": "yaml"}', True),
        ("Pulumi.yaml", "name: x\nruntime: python\n", False),
        ("Pulumi.yaml", "name: x\nruntime:\n  name: python\n  options: {virtualenv: yaml}\n", False),
        ("Pulumi.yaml", "name: yaml\nruntime: yamlish\n", False),
        ("Pulumi.yaml", "\udcff", False),
        ("other.yaml", "runtime: yaml\n", False),
    ],
)
@pytest.mark.parametrize("below", ["", "infra/program"])
def test_the_project_file_decides(tmp_path, monkeypatch, name, text, found, below):
    """Each form of the file is understood; one that can't be read does not count as YAML."""
    (tmp_path / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    (tmp_path / below).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(tmp_path / below)
    assert is_yaml() == found
