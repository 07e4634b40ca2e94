"""Typical mistakes, in Python and in YAML, and the complete message that the user gets for each.

A message says what is wrong, where it is (the step, and the program's line in Python or its path in YAML), and what to
write instead. A mistake that a language does not permit has no row for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import opencomputer
import pulumi
import pytest
import yaml
from pulumi.provider.experimental import provider as protocol

from pulumi_opencomputer import Image, Manifest, Snapshot, dynamic
from pulumi_opencomputer.engine.session import Session
from pulumi_opencomputer.lifecycle import Lifecycle
from pulumi_opencomputer.plugin import provider as plugin
from pulumi_opencomputer.plugin.properties import send
from pulumi_opencomputer.program import failures, fixed_names

MISTAKES = yaml.safe_load(Path(__file__).with_name("mistakes.yaml").read_text("utf-8"))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder in which the program runs, with a directory of one file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "main.py").write_text("print('hello')\n")
    (tmp_path / "Dockerfile").write_text("FROM ubuntu:22.04\nUSER app\n")
    return tmp_path


def lifecycle() -> Lifecycle:
    def never() -> Any:
        raise AssertionError("a check asks for no settings")

    return Lifecycle(never, lambda: "http://127.0.0.1:1")


def python_says(run: Callable[..., Any], folder: Any, monkeypatch: pytest.MonkeyPatch, text: str) -> list[str]:
    """The error that ends a program, or else the problems and warnings of the dynamic provider."""
    for module in (failures, fixed_names):
        monkeypatch.setattr(module, "runs_for_an_engine", lambda: True)
    names = {"Image": Image, "Manifest": Manifest, "Snapshot": Snapshot, "pulumi": pulumi, "opencomputer": opencomputer}
    code = compile(text, str(folder / "__main__.py"), "exec")
    try:
        engine = run(lambda: exec(code, names))
    except pulumi.RunError as error:
        return [str(error)]
    warnings: list[str] = []
    session = Session("")
    monkeypatch.setattr(session, "lifecycle", lifecycle())
    monkeypatch.setattr(session, "log", lambda _: lambda _, text: warnings.append(text))
    monkeypatch.setattr(dynamic, "_session", lambda: session)
    problems: list[str] = []
    for name, inputs in engine.inputs.items():
        provider = dynamic.ImageProvider() if "Image" in engine.types[name] else dynamic.SnapshotProvider()
        found = provider.check({}, {**inputs, **engine.hidden[name]})
        problems += [failure.reason for failure in found.failures]
    return [*problems, *warnings]


def yaml_says(monkeypatch: pytest.MonkeyPatch, text: str) -> list[str]:
    """The problems and warnings that the plugin finds in the properties of a snapshot."""
    monkeypatch.setattr(plugin, "is_yaml", lambda: True)
    made = plugin.OpenComputerProvider("", "0")
    warnings: list[str] = []
    monkeypatch.setattr(made._session, "log", lambda _: lambda _, text: warnings.append(text))
    problems: list[str] = []

    async def check(name: str, properties: str) -> None:
        urn = f"urn:pulumi:dev::project::opencomputer:index:Snapshot::{name}"
        # The engine sends numbers as floats.
        request = protocol.CheckRequest(urn, {}, send(yaml.safe_load(properties)), b"")
        problems.extend(failure.reason for failure in (await made.check(request)).failures or ())

    if text.endswith("name: fixed\n") and "manifest" in text:
        asyncio.run(check("first", text))
    asyncio.run(check("daily", text))
    return [*problems, *warnings]


def by_name(key: str) -> list[Any]:
    return [pytest.param(row, id=row["mistake"]) for row in MISTAKES if key in row]


# Pulumi itself warns if an Output is converted to text.
@pytest.mark.filterwarnings("ignore:.*Output")
@pytest.mark.parametrize("row", by_name("python"))
def test_a_mistake_in_a_python_program_has_a_complete_message(row, run, folder, monkeypatch):
    """The message has the mistake, the program's line, the step, and what to write."""
    said = python_says(run, folder, monkeypatch, row["python"])
    assert [text.replace(str(folder), "/FOLDER") for text in said] == row["says"]


@pytest.mark.parametrize("row", by_name("yaml"))
def test_a_mistake_in_a_yaml_program_has_a_complete_message(row, folder, monkeypatch):
    """The message has the mistake, the path in the program, and what to write."""
    said = yaml_says(monkeypatch, row["yaml"])
    assert [text.replace("resources.daily.properties.", "PATH.") for text in said] == row["yaml says"]


def test_there_are_thirty_mistakes_in_each_language():
    """The table has enough of the mistakes that people make."""
    assert len(by_name("python")) >= 30
    assert len(by_name("yaml")) >= 30
