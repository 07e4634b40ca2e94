"""Wrong values in a program's manifest are reported at once, with the step and what to write instead."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

import opencomputer
import pulumi
import pytest

from pulumi_opencomputer.errors import InvalidInputError
from pulumi_opencomputer.manifest.builder import Manifest
from pulumi_opencomputer.manifest.forms import to_declared
from pulumi_opencomputer.manifest.prepared import examine, prepare

START = Manifest.base().run_commands("true")


def problem(call: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(InvalidInputError) as caught:
        call()
    ((path, reason),) = caught.value.problems
    return path, reason


def checked(*steps: Any) -> list[tuple[str, str]]:
    return [
        (path, reason) for path, reason in examine({"base": "base", "steps": list(steps)}, lambda _: False).problems
    ]


@pytest.mark.parametrize(
    "call",
    [
        lambda: START.env({"A": "1", "TOKEN": None}),  # type: ignore[dict-item]
        lambda: Manifest.from_dict({"steps": [{"run": ["true"]}, {"env": {"TOKEN": None}}]}),
        lambda: to_declared({"steps": [{"run": ["true"]}, {"env": {"TOKEN": None}}]}, lenient=True),
        lambda: to_declared(
            opencomputer.Image.base().run_commands("true").env({"TOKEN": None}).to_dict(), lenient=True
        ),
    ],
)
def test_a_variable_without_a_value_is_refused_in_the_program(call):
    """Pulumi would drop it and build without it; the error names the variable and the likely cause."""
    path, reason = problem(call)
    assert path == "manifest.steps[1].env.TOKEN"
    assert "what it is read from is not set" in reason


@pytest.mark.parametrize("whole", [False, True])
def test_an_output_without_a_value_is_refused_once_it_is_known(loops, whole):
    """The value, or the whole mapping, may become known only later."""
    value: Any = pulumi.Output.from_input({"TOKEN": None} if whole else None)
    manifest = START.env(value if whole else {"TOKEN": value})
    known = asyncio.get_event_loop().run_until_complete(pulumi.Output.from_input(manifest.steps[1]["env"]).future())
    ((path, reason),) = checked({"run": ["true"]}, {"env": known})
    assert path == "manifest.steps[1].env.TOKEN"
    assert "It has no value, probably because what it is read from is not set." in reason


def test_an_output_with_a_value_stays_an_output(loops):
    """It stays secret."""
    found = START.env({"TOKEN": pulumi.Output.secret("s3cret")}).steps[1]["env"]["TOKEN"]
    loop = asyncio.get_event_loop()
    assert loop.run_until_complete(found.future()) == "s3cret"
    assert loop.run_until_complete(found.is_secret())


NOTES = [
    "Calling __str__ on an Output[T] is not supported.\n\nTo get the value",
    "Calling [toString] on an [Output<T>] is not supported.",
    "Calling [ToString] on an [Output<T>] is not supported.",
]


@pytest.mark.parametrize("note", NOTES)
def test_an_output_converted_to_text_is_a_problem_anywhere(note):
    """Pulumi's message would become part of the image; the reason says how to write such a text."""
    steps = [
        {"run": ["true", f"echo 'id={note}'"]},
        {"env": {"A": note}},
        {"addFile": {"path": "/f", "content": f"x {note}"}},
        {"workdir": f"/{note}"},
        {"pipInstall": [note]},
    ]
    found = checked(*steps)
    assert [path for path, _ in found] == [
        "manifest.steps[0].run[1]",
        "manifest.steps[1].env.A",
        "manifest.steps[2].addFile.content",
        "manifest.steps[3].workdir",
        "manifest.steps[4].pipInstall[0]",
    ]
    assert all("pulumi.Output.concat" in reason for _, reason in found)


@pytest.mark.filterwarnings("ignore")
def test_the_message_of_the_installed_pulumi_is_recognised(loops):
    """The message differs between versions of Pulumi."""
    text = f"echo {pulumi.Output.from_input('x')}"
    assert "Output.concat" in checked({"run": [text]})[0][1]


def generated() -> Iterator[str]:
    yield "a"


@pytest.mark.parametrize(
    ("value", "cure"),
    [
        ({"a", "b"}, "sorted("),
        (frozenset("a"), "sorted("),
        ({"a": 1}.keys(), "sorted("),
        (generated(), "list("),
        (map(str, "a"), "list("),
        (object(), "give text, a list or a mapping"),
    ],
)
@pytest.mark.parametrize(
    ("call", "path"),
    [
        (START.apt_install, "manifest.steps[1].aptInstall"),
        (START.pip_install, "manifest.steps[1].pipInstall"),
        (START.env, "manifest.steps[1].env"),
        (START.workdir, "manifest.steps[1].workdir"),
        (START.run_commands, "manifest.steps[1].run[0]"),
        (lambda value: START.add_local_dir(".", "/a", ignore=value), "manifest.steps[1].addDir.ignore"),
        (lambda value: to_declared({"steps": [{}, {"run": value}]}, lenient=True), "manifest.steps[1].run"),
    ],
)
def test_a_value_that_pulumi_cannot_send_is_reported_with_its_step(value, cure, call, path):
    """Pulumi's own error would contain the whole manifest; this one shows no value."""
    found, reason = problem(lambda: call(value))
    assert found == path
    assert f"is a value of type {type(value).__name__}" in reason
    assert cure in reason


@pytest.mark.parametrize("path", [PurePosixPath("/w/a"), PureWindowsPath("/w/a")])
def test_path_objects_are_accepted_for_every_path(path):
    """A path in the sandbox has slashes, whatever system the program runs on."""
    manifest = Manifest.base().workdir(path).add_file(path, "x").add_local_file("a", path).add_local_dir("b", path)
    places = [step.get("workdir") or next(iter(step.values()))["path"] for step in manifest.steps]
    assert places == ["/w/a"] * 4
    assert to_declared({"steps": [{"workdir": path}]})["steps"] == [{"workdir": "/w/a"}]


@pytest.mark.parametrize(("value", "word"), [(None, "None"), ({"pandas": "2"}, "a mapping")])
@pytest.mark.parametrize("method", ["apt_install", "pip_install"])
def test_packages_must_be_a_list(method, value, word):
    """The error has the step's path and the type that was given."""
    path, reason = problem(lambda: getattr(START, method)(value))
    assert path.startswith("manifest.steps[1].")
    assert reason == f"must be a list of strings, not {word}."


@pytest.mark.parametrize("base", ["python:3.12", "ghcr.io/a/b", "ubuntu@sha256"])
def test_a_container_image_as_a_base_is_a_warning(base):
    """The server decides, but it has no images of container registries."""
    ((path, reason),) = prepare({"base": base, "steps": []}).warnings
    assert path == "manifest.base"
    assert "Start from base" in reason


@pytest.mark.parametrize("base", ["base", "ubuntu", "default", "gpu-2"])
def test_an_unknown_base_is_no_warning(base):
    """A server may have more bases."""
    assert prepare({"base": base, "steps": []}).warnings == ()


def test_a_misspelt_method_is_an_error_with_a_suggestion():
    """It is an ordinary AttributeError, so that `hasattr` works."""
    with pytest.raises(AttributeError, match=re.escape("a Manifest has no 'pip_instal'; did you mean pip_install?")):
        Manifest.base().pip_instal(["pandas"])  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="it has add_file, add_local_dir"):
        _ = Manifest.base().zzzzzz  # type: ignore[attr-defined]
    assert not hasattr(Manifest.base(), "apply")
