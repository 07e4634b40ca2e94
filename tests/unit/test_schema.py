"""The package schema: generated from the models, complete, and with an example for each resource and function."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from pulumi_opencomputer.manifest.steps import KINDS
from pulumi_opencomputer.plugin import schema

SPEC = schema.generate()
ENTRIES = {**SPEC["resources"], **SPEC["functions"]}


def _properties(spec: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property of every type, resource, function and setting, with its path in the schema."""
    if not isinstance(spec, dict):
        return
    for key, value in spec.items():
        if key in ("properties", "inputProperties", "variables"):
            yield from ((f"{path}.{key}.{name}", each) for name, each in value.items())
        yield from _properties(value, f"{path}.{key}")


def test_committed_schema_is_current() -> None:
    """`python -m pulumi_opencomputer.plugin.schema` would not change schema.json."""
    assert schema.PATH.read_text(encoding="utf-8") == schema.text()


def test_everything_is_described() -> None:
    """Each type, resource, function, setting and property has a description."""
    described = [*_properties(SPEC), *SPEC["types"].items(), *ENTRIES.items(), ("provider", SPEC["provider"])]
    assert len(described) > 60
    assert [path for path, spec in described if not spec.get("description")] == []


@pytest.mark.parametrize("token", ENTRIES)
@pytest.mark.parametrize("language", ["yaml", "typescript", "python", "go", "java"])
def test_resources_and_functions_have_an_example_in_each_language(token: str, language: str) -> None:
    """A reader of any language sees how a resource is declared and a function called."""
    assert f"```{language}\n" in ENTRIES[token]["description"]


def test_each_kind_of_step_is_an_optional_property() -> None:
    """The schema offers exactly the steps that the models accept."""
    step = SPEC["types"]["opencomputer:index:Step"]
    assert set(step["properties"]) == set(KINDS)
    assert "required" not in step


def test_settings_are_those_of_the_provider() -> None:
    """An explicit provider and the stack's configuration have the same settings, and the key is secret in both."""
    for settings in (SPEC["config"]["variables"], SPEC["provider"]["inputProperties"]):
        assert list(settings) == ["apiKey", "apiUrl", "sdkVersion", "allowHttp", "logs", "logFile"]
        assert [name for name, setting in settings.items() if setting.get("secret")] == ["apiKey"]


def test_no_setting_is_copied_out_of_the_environment() -> None:
    """A default from the environment would put the key into the state of every explicit provider."""
    assert [path for path, spec in _properties(SPEC) if "default" in spec or "defaultInfo" in spec] == []


def test_manifest_is_the_same_type_in_and_out() -> None:
    """An image's manifest output can be a snapshot's input."""
    manifest = "#/types/opencomputer:index:Manifest"
    for resource in SPEC["resources"].values():
        assert resource["inputProperties"]["manifest"]["$ref"] == manifest
        assert resource["properties"]["manifest"]["$ref"] == manifest


def test_memory_sizes_are_spelled_as_in_the_models() -> None:
    """The keys of a manifest are those of the declared form, including capital letters."""
    manifest = json.loads(schema.PATH.read_text())["types"]["opencomputer:index:Manifest"]
    assert set(manifest["properties"]) == {"base", "steps", "builderMemoryMB", "runtimeMemoryMB", "rebuild"}
