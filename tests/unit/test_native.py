"""The resources for Python programs that use the plugin: the same arguments, under the plugin's type tokens."""

from pathlib import Path
from typing import Any, cast

import pulumi
import pytest

import pulumi_opencomputer
from pulumi_opencomputer import Manifest
from pulumi_opencomputer.errors import InvalidInputError
from pulumi_opencomputer.native import Image, Snapshot, _options

MANIFEST: Any = {"base": "base", "steps": [{"run": ["true"]}]}


@pytest.mark.parametrize("wrap", [lambda value: value, pulumi.Output.from_input], ids=["plain", "Output"])
@pytest.mark.parametrize("form", [Manifest.base().run_commands("true"), MANIFEST], ids=["Manifest", "mapping"])
def test_every_form_of_a_manifest_becomes_the_declared_one(run, form, wrap):
    """The arguments are translated as for the dynamic resources."""
    registered = run(lambda: Snapshot("x", wrap(form), name="fixed", adopt=True) and None)
    assert registered.types == {"x": "opencomputer:index:Snapshot"}
    assert registered.inputs["x"] == {"manifest": MANIFEST, "name": "fixed", "adopt": True}


def test_inputs_of_the_dynamic_provider_are_not_sent(run):
    """A dynamic provider needs extra inputs; the plugin gets the same from the engine."""
    registered = run(lambda: Image("x", MANIFEST) and None)
    assert registered.types == {"x": "opencomputer:index:Image"}
    assert registered.inputs["x"] == {"manifest": MANIFEST}


@pytest.mark.parametrize("kind", [Image, pulumi_opencomputer.Image], ids=["the plugin's", "a dynamic one"])
def test_an_image_may_be_given_as_a_manifest(run, kind):
    """The snapshot gets the manifest that the program declares, not the one that was last deployed."""
    registered = run(lambda: Snapshot("x", kind("image", Manifest.base().add_local_file("f", "/f"))) and None)
    assert registered.inputs["x"]["manifest"]["steps"] == [{"addFile": {"path": "/f", "source": str(Path.cwd() / "f")}}]


def test_outputs_have_the_names_of_the_dynamic_resources(run):
    """The program sees what the provider fills in under these names."""
    found: dict[str, Any] = {}

    def program():
        snapshot = Snapshot("x", MANIFEST, name="fixed")
        pulumi.Output.all(snapshot.content_hash, snapshot.name).apply(lambda both: found.update(both=both))

    run(program)
    assert found["both"] == ["0" * 64, "fixed"]


def test_each_resource_has_an_alias_of_the_dynamic_type():
    """A program that changes its import keeps its resources."""
    options: Any = _options("Snapshot", MANIFEST, None, None)
    (alias,) = options.aliases
    assert alias.type_ == f"pulumi-python:{pulumi_opencomputer.Snapshot._resource_type_name}"


def test_a_timeout_becomes_a_custom_timeout():
    """The plugin gets customTimeouts with each request. Other options are kept."""
    options: Any = _options("Image", MANIFEST, 90, pulumi.ResourceOptions(protect=True))
    assert (options.custom_timeouts.create, options.protect) == ("90s", True)


@pytest.mark.parametrize("given", [pulumi.CustomTimeouts("1h", delete="5m"), {"create": "1h", "delete": "5m"}])
def test_a_timeout_leaves_the_other_custom_timeouts(given):
    """It replaces only the timeout of creates."""
    options: Any = _options("Image", MANIFEST, 0.5, pulumi.ResourceOptions(custom_timeouts=given))
    timeouts = options.custom_timeouts
    assert (timeouts.create, timeouts.update, timeouts.delete) == ("0.5s", None, "5m")


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), True, "30m"])
def test_an_invalid_timeout_is_refused_in_the_program(timeout):
    """The engine would take it for no limit, or report another error."""
    with pytest.raises(InvalidInputError, match="timeout: must be a number of seconds, above zero"):
        _options("Image", MANIFEST, timeout, None)


def test_an_invalid_manifest_is_refused_in_the_program(run):
    """The error is raised at the line of the program."""
    with pytest.raises(InvalidInputError, match="manifest: must be a Manifest"):
        run(lambda: Image("x", cast(Any, 5)) and None)


def test_a_timeout_also_limits_updates_that_build():
    """Updates create versions. If an update timeout is given, it is kept."""
    options: Any = _options("Snapshot", MANIFEST, 90, None, updates=True)
    assert (options.custom_timeouts.create, options.custom_timeouts.update) == ("90s", "90s")
    opts = pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(update="2m"))
    options = _options("Snapshot", MANIFEST, 90, opts, updates=True)
    assert options.custom_timeouts.update == "2m"
