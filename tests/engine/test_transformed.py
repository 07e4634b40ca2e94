"""Secrets that a program's transformations and transforms add after a resource was declared."""

from __future__ import annotations

import pytest

from adapters import DYNAMIC, Adapter, only
from project import Project, Ran

# What each way of changing inputs puts in: a secret command to a list that has others, in place or as a new list.
CHANGES = {
    "a new step": 'manifest["steps"] = [*manifest["steps"], {"run": [secret]}]',
    "a step in place": 'manifest["steps"].append({"run": [secret]})',
    "a value of a step": 'manifest["steps"] = [{"run": ["true", secret]}]',
    "the whole manifest": 'manifest = pulumi.Output.secret({"base": "base", "steps": [{"run": [f"echo {SECRET}"]}]})',
    "the base": 'manifest["base"] = secret',
}

WAYS = {
    "transformations": """
        def change(args):
            return pulumi.ResourceTransformationResult(changed(args.props), args.opts)
        OPTIONS = pulumi.ResourceOptions(transformations=[change])
    """,
    "a stack's transformation": """
        def change(args):
            if args.type_ == "pulumi:pulumi:Stack":
                return None
            return pulumi.ResourceTransformationResult(changed(args.props), args.opts)
        pulumi.runtime.register_stack_transformation(change)
        OPTIONS = None
    """,
    "transforms": """
        def change(args):
            return pulumi.ResourceTransformResult(changed(args.props), args.opts)
        OPTIONS = pulumi.ResourceOptions(transforms=[change])
    """,
    "a stack's transform": """
        def change(args):
            return pulumi.ResourceTransformResult(changed(args.props), args.opts) if "manifest" in args.props else None
        pulumi.runtime.register_resource_transform(change)
        OPTIONS = None
    """,
    "transforms of a component": """
        def change(args):
            return pulumi.ResourceTransformResult(changed(args.props), args.opts) if "manifest" in args.props else None
        options = pulumi.ResourceOptions(transforms=[change])
        component = pulumi.ComponentResource("test:index:Team", "team", None, options)
        OPTIONS = pulumi.ResourceOptions(parent=component)
    """,
}

PROGRAM = """
    SECRET = "hunter2-hunter2"
    secret = pulumi.Output.secret(f"echo {SECRET}")

    def changed(props):
        manifest = dict(props["manifest"])
        CHANGE
        return {**props, "manifest": manifest}
    WAY
    Snapshot("daily", Manifest.base().run_commands("make"), opts=OPTIONS)
    pulumi.export("done", True)
"""


def written(way: str, change: str) -> str:
    return PROGRAM.replace("WAY", WAYS[way].replace("\n    ", "\n")).replace("CHANGE", CHANGES[change])


def said(ran: Ran) -> str:
    return ran.text + str(ran.events)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("way", WAYS)
def test_a_secret_that_is_added_later_is_seen(project: Project, way: str, change: str) -> None:
    """It stands in no line, event or state, and an unchanged run changes nothing."""
    project.program(written(way, change))
    ran = project.up()
    assert "hunter2" not in said(ran) + project.exported()
    if change != "the base":
        assert "(holds a secret)" in "\n".join(ran.lines("daily"))
    assert set(project.up().steps().values()) <= {"same"}


@pytest.mark.parametrize("way", ["a stack's transformation", "a stack's transform"])
def test_a_secret_that_is_added_later_is_in_no_error(project: Project, way: str) -> None:
    """The server's text of the failed step is withheld."""
    project.program(written(way, "a new step").replace("echo {SECRET}", "echo {SECRET} FAIL_BUILD"))
    ran = project.up(fails=True)
    assert "hunter2" not in said(ran) + project.exported()
    assert "The build failed at step 2 (run)" in ran.text


@only(DYNAMIC)
@pytest.mark.parametrize("way", WAYS)
def test_what_the_program_gave_in_clear_stays_clear(project: Project, adapter: Adapter, way: str) -> None:
    """A transform that adds nothing, or something else, hides no step of the program's own."""
    program = written(way, "a new step").replace("{SECRET}", "open").replace("Output.secret(", "Output.from_input(")
    project.program(program.replace('"make"', '"make", pulumi.Output.from_input("me")'))
    lines = project.up().lines("daily")
    assert lines[0].startswith("[1/2] run make && me (")
