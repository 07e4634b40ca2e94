"""Importing with the paths of secrets, because a server's record does not mark them."""

from __future__ import annotations

import json

import grpc
import pytest
from pulumi.runtime import proto

from emulator_client import create
from emulator_process import Emulator
from plugin_process import Plugin, urn

MANIFEST = {"base": "base", "steps": [{"type": "env", "args": {"vars": {"REGION": "eu", "TOKEN": "hunter2"}}}]}
SECRET_MARK = "1b47061264138c4ac30d75fd1eb44270"


def with_secrets(*paths: str) -> str:
    """The id of an import that names secrets."""
    return json.dumps({"id": "seeded", "secrets": list(paths)})


def test_the_paths_that_an_import_names_become_secret(plugin: Plugin, emulator: Emulator) -> None:
    """They are secret in inputs and outputs, and nothing else is; the resource's id is only the name."""
    create(emulator, "seeded", MANIFEST).raise_for_status()
    answer = plugin.import_(with_secrets("manifest.steps[0].env.TOKEN"))
    assert answer.id == "seeded"
    for properties in (answer.inputs, answer.properties):
        variables = properties["manifest"]["steps"][0]["env"]
        assert variables["REGION"] == "eu"
        assert (SECRET_MARK in variables["TOKEN"].values(), variables["TOKEN"]["value"]) == (True, "hunter2")


@pytest.mark.parametrize("paths", [["manifest.steps[0].env.TOKN"], ["manifest"], [5]], ids=str)
def test_a_path_that_names_no_value_is_refused(plugin: Plugin, emulator: Emulator, paths: list[str]) -> None:
    """Otherwise a mistake would leave the secret in plain text."""
    create(emulator, "seeded", MANIFEST).raise_for_status()
    code, said = plugin.fails("Read", proto.ReadRequest(urn=urn(), id=with_secrets(*paths)))
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert "hunter2" not in said


@pytest.mark.parametrize("name", ["{odd}", '{"id": "x"}', '{"id": 5, "secrets": []}'])
def test_a_name_in_json_form_is_still_a_name(plugin: Plugin, emulator: Emulator, name: str) -> None:
    """Users may give their snapshots any name."""
    create(emulator, name, MANIFEST).raise_for_status()
    assert plugin.import_(name).id == name
