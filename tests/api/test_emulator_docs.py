"""docs/emulator.md describes the emulator: its tables are compared to the code."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp, Message

from pulumi_opencomputer.emulator.app import create_app
from pulumi_opencomputer.emulator.command import PORT
from pulumi_opencomputer.emulator.faults.rules import KINDS, NAMED, Rule
from pulumi_opencomputer.emulator.greeting import DEFAULT_KEY
from pulumi_opencomputer.emulator.options import Options
from pulumi_opencomputer.testing import RunningEmulator

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "emulator.md").read_text("utf-8")


def rows(table: str) -> list[list[str]]:
    """The cells of each row of a table."""
    lines = TEXT.partition(f"<!-- table: {table} -->\n")[2].partition("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def quoted(cell: str) -> list[str]:
    """The texts in backticks."""
    return re.findall(r"`([^`]*)`", cell)


def defaults() -> dict[str, object]:
    """The default of each field of a rule, except its kind and its counters."""
    return {
        each.name: each.default_factory() if each.default_factory is not MISSING else each.default
        for each in fields(Rule)
        if each.name not in ("kind", "met", "applied")
    }


def test_the_table_has_all_kinds_of_faults():
    """They have the order of the code."""
    assert [quoted(row[0])[0] for row in rows("kinds")] == list(KINDS)


def test_the_table_has_all_names_of_faults():
    """None is missing, and none is invented."""
    assert {quoted(row[0])[0] for row in rows("names")} == set(NAMED)


def test_the_table_has_the_fields_of_faults_with_their_defaults():
    """The kinds and fields that they depend on exist."""
    told: dict[str, object] = {}
    for names, of, values, _ in rows("fields"):
        told |= dict(zip(quoted(names), map(json.loads, quoted(values)), strict=True))
        assert set(quoted(of)) <= {*KINDS, *defaults()}
    assert told == defaults()


async def end(app: ASGIApp) -> None:
    """End an app that serves nothing, so that it closes its databases."""

    async def receive() -> Message:
        return {"type": "lifespan.shutdown"}

    async def send(_: Message) -> None:
        pass

    await app({"type": "lifespan"}, receive, send)


def test_the_table_has_all_addresses(monkeypatch):
    """Each has its methods."""
    seen: list[Route] = []

    def remember(routes: list[Route], **more: Any) -> Starlette:
        seen.extend(routes)
        return Starlette(routes=routes, **more)

    monkeypatch.setattr("pulumi_opencomputer.emulator.control.Starlette", remember)
    asyncio.run(end(create_app(Options(("key",)))))
    there = {
        (method, route.path.replace("{id}", "ID"))
        for route in seen
        for method in (route.methods or set()) - {"HEAD"}
        if not route.path.startswith("/_emulator/page/")
    }
    told = set()
    for row in rows("addresses"):
        *methods, last = quoted(row[0])
        method, path = last.split()
        told |= {(each, path) for each in (*methods, method)}
    assert told == there


@pytest.mark.parametrize("name", sorted(quoted(TEXT.partition("| on the fixture |")[2].partition("\n\n")[0]), key=str))
def test_the_fixture_has_each_documented_member(name):
    """These are the methods and attributes of the documentation's table."""
    word = re.match(r"\w+", name)
    assert word
    if word[0] not in ("status", "age"):
        assert hasattr(RunningEmulator("http://localhost"), word[0]), name


def test_the_documented_port_and_key_are_the_commands_defaults():
    """They are in the line that the command prints."""
    assert f"export OPENCOMPUTER_API_URL=http://127.0.0.1:{PORT} OPENCOMPUTER_API_KEY={DEFAULT_KEY}" in TEXT
    container = (ROOT / "Containerfile").read_text("utf-8")
    assert f'"--port", "{PORT}"' in container
    assert f"EXPOSE {PORT}" in container


@pytest.mark.tools
def test_the_documented_github_service_is_valid():
    """actionlint checks the snippet in a job."""
    found = shutil.which("actionlint", path=str(ROOT / ".tools" / "bin")) or shutil.which("actionlint")
    if found is None:
        pytest.skip("actionlint is neither in .tools/bin nor on PATH; make setup installs it")
    snippet = TEXT.partition("```yaml\n    services:")[2].partition("```")[0]
    job = f"on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    services:{snippet}    steps: [{{run: pytest}}]\n"
    command = [found, "-no-color", "-shellcheck=", "-pyflakes=", "-"]
    for text, code in ((job, 0), (job.replace("ports:", "port:"), 1)):
        ran = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        assert ran.returncode == code, ran.stdout


def test_the_pictures_exist_and_are_small():
    """`make screenshots` creates them."""
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", TEXT)
    assert len(pictures) == 2
    for picture in pictures:
        assert (ROOT / "docs" / picture).stat().st_size < 150_000
