"""The resources of a Python program on the plugin: the same arguments, under the plugin's tokens."""

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
    """The translation is that of the dynamic resources."""
    registered = run(lambda: Snapshot("x", wrap(form), name="fixed", adopt=True) and None)
    assert registered.types == {"x": "opencomputer:index:Snapshot"}
    assert registered.inputs["x"] == {"manifest": MANIFEST, "name": "fixed", "adopt": True}


def test_nothing_of_the_dynamic_provider_is_sent(run):
    """The plugin is told by the engine what a dynamic provider has to be given."""
    registered = run(lambda: Image("x", MANIFEST) and None)
    assert registered.types == {"x": "opencomputer:index:Image"}
    assert registered.inputs["x"] == {"manifest": MANIFEST}


@pytest.mark.parametrize("kind", [Image, pulumi_opencomputer.Image], ids=["the plugin's", "a dynamic one"])
def test_an_image_gives_a_snapshot_its_manifest(run, kind):
    """An image of either kind stands for its manifest, as the program declares it and not as it was last deployed."""
    registered = run(lambda: Snapshot("x", kind("image", Manifest.base().add_local_file("f", "/f"))) and None)
    assert registered.inputs["x"]["manifest"]["steps"] == [{"addFile": {"path": "/f", "source": str(Path.cwd() / "f")}}]


def test_outputs_have_their_names(run):
    """What the provider fills in reaches the program under the names of the dynamic resources."""
    found: dict[str, Any] = {}

    def program():
        snapshot = Snapshot("x", MANIFEST, name="fixed")
        pulumi.Output.all(snapshot.content_hash, snapshot.name).apply(lambda both: found.update(both=both))

    run(program)
    assert found["both"] == ["0" * 64, "fixed"]


def test_each_is_an_alias_of_the_dynamic_one():
    """A program that changes its import keeps its resources."""
    options: Any = _options("Snapshot", MANIFEST, None, None)
    (alias,) = options.aliases
    assert alias.type_ == f"pulumi-python:{pulumi_opencomputer.Snapshot._resource_type_name}"


def test_a_timeout_becomes_the_engines():
    """The plugin is given customTimeouts with each request; other options stay."""
    options: Any = _options("Image", MANIFEST, 90, pulumi.ResourceOptions(protect=True))
    assert (options.custom_timeouts.create, options.protect) == ("90s", True)


@pytest.mark.parametrize("given", [pulumi.CustomTimeouts("1h", delete="5m"), {"create": "1h", "delete": "5m"}])
def test_a_timeout_leaves_the_other_custom_timeouts(given):
    """It is in place of the one for a create alone."""
    options: Any = _options("Image", MANIFEST, 0.5, pulumi.ResourceOptions(custom_timeouts=given))
    timeouts = options.custom_timeouts
    assert (timeouts.create, timeouts.update, timeouts.delete) == ("0.5s", None, "5m")


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), True, "30m"])
def test_a_timeout_that_is_none_is_refused_in_the_program(timeout):
    """The engine would take no limit for it, or another error's words."""
    with pytest.raises(InvalidInputError, match="timeout: must be a number of seconds, above zero"):
        _options("Image", MANIFEST, timeout, None)


def test_what_is_no_manifest_is_refused_in_the_program(run):
    """At the line that gives it."""
    with pytest.raises(InvalidInputError, match="manifest: must be a Manifest"):
        run(lambda: Image("x", cast(Any, 5)) and None)


def test_a_timeout_limits_updates_too_where_they_build():
    """Versions are made by updates; an update's own limit stays."""
    options: Any = _options("Snapshot", MANIFEST, 90, None, updates=True)
    assert (options.custom_timeouts.create, options.custom_timeouts.update) == ("90s", "90s")
    opts = pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(update="2m"))
    options = _options("Snapshot", MANIFEST, 90, opts, updates=True)
    assert options.custom_timeouts.update == "2m"
