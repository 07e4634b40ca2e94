"""Secrets that a program's transformations and transforms add after a resource was declared."""

from __future__ import annotations

import pytest

from adapters import DYNAMIC, only
from project import Project, Ran

# Functions that change the inputs, in place or by returning new ones. A resource's name says what is done to it.
CHANGES = """
    SECRET = "hunter2-hunter2"
    secret = pulumi.Output.secret(f"echo {SECRET}")

    def changed(args):
        props, name = dict(args.props), args.name
        manifest = dict(props["manifest"])
        if name == "new-step":
            manifest["steps"] = [*manifest["steps"], {"run": [secret]}]
        if name == "step-in-place":
            manifest["steps"].append({"run": [secret]})
        if name == "value":
            manifest["steps"] = [{"run": [name, secret]}]
        if name == "whole":
            manifest = pulumi.Output.secret({"base": "base", "steps": [{"run": [f"whole {SECRET}"]}]})
        if name == "base":
            manifest["base"] = secret
        if name == "fails":
            manifest["steps"] = [*manifest["steps"], {"run": [pulumi.Output.concat(secret, " FAIL_BUILD")]}]
        if name == "open":
            manifest["steps"] = [*manifest["steps"], {"run": [pulumi.Output.from_input("echo open")]}]
        return {**props, "manifest": manifest}

    def transformation(args):
        if "manifest" in args.props:
            return pulumi.ResourceTransformationResult(changed(args), args.opts)

    def transform(args):
        if "manifest" in args.props:
            return pulumi.ResourceTransformResult(changed(args), args.opts)

    Options = pulumi.ResourceOptions
"""
RESOURCES = """
    manifest = Manifest.base().run_commands("make", pulumi.Output.from_input("me"))
    for name in NAMES:
        # Each content is built, not taken from the cache.
        Snapshot(name, manifest.workdir(f"/{name}"), opts=OPTIONS)
"""

WAYS = {
    "transformations": "OPTIONS = Options(transformations=[transformation])",
    "a stack's transformation": "pulumi.runtime.register_stack_transformation(transformation); OPTIONS = None",
    "transforms": "OPTIONS = Options(transforms=[transform])",
    "a stack's transform": "pulumi.runtime.register_resource_transform(transform); OPTIONS = None",
    "transforms of a component": (
        'team = pulumi.ComponentResource("test:index:Team", "team", None, Options(transforms=[transform]));'
        " OPTIONS = Options(parent=team)"
    ),
}
SECRET = ("new-step", "step-in-place", "value", "whole", "base")


def written(way: str, *names: str) -> str:
    return CHANGES + f"    {WAYS[way]}\n    NAMES = {names}\n" + RESOURCES


def said(ran: Ran) -> str:
    return ran.text + str(ran.events)


@pytest.mark.parametrize("way", WAYS)
def test_a_secret_that_is_added_later_is_seen(project: Project, way: str) -> None:
    """It appears in no line, event or state, and an unchanged run changes nothing."""
    project.program(written(way, *SECRET))
    runs = [project.preview("--diff"), project.up()]
    assert "hunter2" not in "".join(map(said, runs)) + project.exported()
    for name in SECRET[:-1]:
        assert "(holds a secret)" in "\n".join(runs[-1].lines(name))
    assert set(project.up().steps().values()) <= {"same"}


@pytest.mark.parametrize("way", ["a stack's transformation", "a stack's transform"])
def test_a_secret_that_is_added_later_is_in_no_error(project: Project, way: str) -> None:
    """The server's text about the failed step is withheld."""
    project.program(written(way, "fails"))
    ran = project.up(fails=True)
    assert "hunter2" not in said(ran) + project.exported()
    assert "The build failed at step 3 (run)" in ran.text


@only(DYNAMIC)
@pytest.mark.parametrize("way", WAYS)
def test_what_the_program_gave_in_clear_stays_clear(project: Project, way: str) -> None:
    """The provider can't tell whether an added step has a secret, but the program's own steps are shown."""
    project.program(written(way, "open", "untouched"))
    ran = project.up()
    assert ran.lines("open")[0].startswith("[1/3] run make && me (")
    assert ran.lines("untouched")[0].startswith("[1/2] run make && me (")
