"""With the real command line, a failure names the program's line that declared the failing step."""

from __future__ import annotations

from typing import Any

import pytest

from adapters import DYNAMIC, PLUGIN, only
from emulator_process import Emulator
from project import Project
from pulumi_opencomputer.manifest.places import INPUT

# A typical program with a helper, a loop and an f-string. Two lines of imports are added before it.
PROGRAM = """
def tools(manifest, *names):
    for name in names:
        manifest = manifest.pip_install([f"{name}>=1"])
    return manifest

image = Image("image", tools(
    Manifest.base()
    .apt_install(["jq"])
    .run_commands("COMMAND"),
    "nump", "pandas"))
daily = Snapshot("daily", image, name="daily")
"""


def test_a_failed_build_names_the_programs_line(project: Project) -> None:
    """Even through helpers and loops. If only line numbers change, nothing is shown, changed or recorded."""
    project.program(PROGRAM.replace("COMMAND", "echo FAIL_BUILD"))
    ran = project.up(fails=True)
    assert ran.lines("image", "error") == [
        f"{'' if project.adapter is PLUGIN else 'BuildFailedError: '}"
        "The build failed at step 2 (run) with exit code 1: [2/4] run echo FAIL_BUILD. (OC1111)\n"
        '  at __main__.py:12 .run_commands("echo FAIL_BUILD")\n'
        "  The server said: E: simulated failure of: echo FAIL_BUILD"
    ]
    good = PROGRAM.replace("COMMAND", "make")
    project.program(good)
    made = project.up("--diff")
    before = recorded(project)
    project.program("\n\n" + good)
    for ran in (project.preview("--diff"), project.up("--diff")):
        assert set(ran.steps().values()) == {"same"}
        assert INPUT not in made.text + ran.text + str(made.events) + str(ran.events)
    assert recorded(project) == before
    assert "__main__.py" not in str(before)


def recorded(project: Project) -> list[Any]:
    """Return both resources' state without the stack traces that Pulumi itself records."""
    return [project.resource(name)[part] for name in ("image", "daily") for part in ("inputs", "outputs")]


MISTAKES = {
    "tools = lambda manifest, names: manifest.pip_install(names)\n\ntools(Manifest.base(), None)": (
        "__main__.py:3: manifest.steps[0].pipInstall: must be a list of strings, not None. (OC1002)"
    ),
    "Manifest.base().pip_instal(['jq'])": (
        "__main__.py:3: a Manifest has no 'pip_instal'; did you mean pip_install? (OC1002)"
    ),
    "Snapshot('a', Manifest.base(), name='fixed')\nSnapshot('b', Manifest.base(), name='fixed')": (
        "__main__.py:4: name: is also the name of the resource 'a', declared at __main__.py:3; give each a name of its "
        "own. (OC1002)"
    ),
    "none = pulumi.Output.from_input('x').apply(lambda _: None)\nSnapshot('daily', Manifest.base().env({'A': none}))": (
        "pulumi-python:dynamic/opencomputer:Snapshot resource 'daily' has a problem: __main__.py:4: "
        "manifest.steps[0].env.A: must be a string. It has no value, probably because what it is read from is not set. "
        "Give it a value, or leave it out. (OC1002)"
    ),
}


@only(DYNAMIC)
def test_a_mistake_in_a_program_is_told_without_a_traceback(project: Project, emulator: Emulator) -> None:
    """With the line that causes it, before anything is built. When the provider is debugged, the traceback shows."""
    for program, told in MISTAKES.items():
        project.program(program)
        ran = project.tried("up", "--yes")
        assert ran.returncode != 0
        assert f"error: {told}" in ran.stdout
        assert "Traceback" not in ran.stdout
    assert emulator.requests() == []
    project.program(next(iter(MISTAKES)))
    project.environment["OPENCOMPUTER_DEBUG"] = "1"
    assert "Traceback" in project.preview(fails=True).text


@only(DYNAMIC)
def test_the_image_of_the_sdk_in_place_of_the_resource_is_told(project: Project) -> None:
    """It accepts any arguments, so the program runs but builds nothing. A correct program gets no warning."""
    words = "This program makes a Manifest but declares no Image or Snapshot of it"
    program = "import opencomputer\nfrom pulumi_opencomputer import Manifest, Snapshot\n"
    for made, told in {"opencomputer.Image": True, "Snapshot": False}.items():
        (project.folder / "__main__.py").write_text(f'{program}{made}("x", Manifest.base().run_commands("make"))\n')
        assert (words in project.preview().text) == told


@only(PLUGIN)
@pytest.mark.usefixtures("yaml_host")
def test_a_failed_build_of_a_yaml_program_names_the_path(project: Project) -> None:
    """The path is the location in a YAML program; mistakes are reported with it too."""
    program = """
    resources:
      daily:
        type: opencomputer:Snapshot
        properties:
          manifest: {steps: [{aptInstall: [jq]}, {run: [COMMAND]}]}
    """
    project.yaml(program.replace("COMMAND", '"FAIL_BUILD"'))
    assert project.up(fails=True).lines("daily", "error") == [
        "The build failed at step 2 (run) with exit code 1: [2/2] run FAIL_BUILD. (OC1111)\n"
        "  at resources.daily.properties.manifest.steps[1].run\n"
        "  The server said: E: simulated failure of: FAIL_BUILD"
    ]
    project.yaml(program.replace("COMMAND", "8080"))
    (told,) = project.preview(fails=True).lines("daily", "error")
    assert told.endswith(
        "has a problem: resources.daily.properties.manifest.steps[1].run[0]: must be a string. Put the number or truth "
        "value in quotes. (OC1002)"
    )
