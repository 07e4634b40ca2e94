"""`pulumi-opencomputer generate`: what it writes, what it leaves out and reports, and what it never overwrites."""

from __future__ import annotations

import ast
import base64
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from account_seed import ODD, SECRET, SECRETS
from emulator_process import Emulator
from generated import Run, Said, imported
from pulumi_opencomputer import Manifest

TOOLS = Manifest.base().apt_install(["jq"])


def test_names_and_patterns_select_snapshots(run: Run, emulator: Emulator) -> None:
    """All snapshots are written unless some are named."""
    for name in ("agents-1", "agents-2", "base", "other"):
        emulator.create(name, TOOLS.to_dict())
    assert run("generate", "agents-*", "base").code == 0
    assert [entry["id"] for entry in imported()] == ["agents-1", "agents-2", "base"]
    assert run("generate", "--force").code == 0
    assert [entry["id"] for entry in imported()] == ["agents-1", "agents-2", "base", "other"]


def test_a_pattern_that_matches_nothing_is_an_error(run: Run, emulator: Emulator) -> None:
    """Nothing is written."""
    emulator.create("base", TOOLS.to_dict())
    said = run("generate", "agents-*")
    assert (said.code, list(Path().iterdir())) == (1, [])
    assert said.err == "None of the 1 snapshots of this account matches 'agents-*'.\n"


def test_a_missing_snapshot_is_left_out_and_reported(run: Run, emulator: Emulator) -> None:
    """The others are written, and the exit code shows that one is missing."""
    emulator.create("base", TOOLS.to_dict())
    said = run("generate", "base", "bose")
    assert said.code == 3
    assert "bose: left out: the server has no such snapshot.\n" in said.err
    assert [entry["id"] for entry in imported()] == ["base"]


@pytest.mark.parametrize("status", ["building", "failed"])
def test_a_snapshot_that_is_not_ready_is_left_out_and_reported(run: Run, emulator: Emulator, status: str) -> None:
    """The message has its status."""
    for name in ("base", "other"):
        emulator.create(name, TOOLS.to_dict())
    emulator.change({"name": "other"}, status=status)
    said = run("generate")
    assert said.code == 3
    assert f"'other' is {status}" in said.err
    assert [entry["id"] for entry in imported()] == ["base"]


def test_a_snapshot_of_a_pulumi_program_is_left_out_unless_named(run: Run, emulator: Emulator) -> None:
    """Two programs must not have the same snapshot."""
    marks = {"pulumiProject": "shop", "pulumiStack": "dev", "pulumiResource": "tools", "pulumiMark": "0" * 16}
    emulator.create("tools", {**TOOLS.to_dict(), **marks})
    emulator.create("base", TOOLS.to_dict())
    said = run("generate", "--out", "all")
    assert said.code == 3
    assert "tools: left out: belongs to a Pulumi program already: tools of project shop, stack dev" in said.err
    assert run("generate", "tools").code == 0


def test_nothing_is_overwritten_without_force(run: Run, emulator: Emulator) -> None:
    """With --force the program is; an existing Pulumi.yaml is kept even then."""
    emulator.create("base", TOOLS.to_dict())
    Path("__main__.py").write_text("mine")
    Path("Pulumi.yaml").write_text("name: mine\nruntime: python\n")
    said = run("generate")
    assert said.code == 2
    assert "already has __main__.py. Give another folder with --out, or replace these with --force" in said.err
    assert {path.name for path in Path().iterdir()} == {"__main__.py", "Pulumi.yaml"}
    assert run("generate", "--force").code == 0
    assert Path("__main__.py").read_text() != "mine"
    assert Path("Pulumi.yaml").read_text() == "name: mine\nruntime: python\n"


def test_a_second_run_removes_files_of_the_first(run: Run, emulator: Emulator) -> None:
    """A leftover file would become part of the image."""
    emulator.create("app", Manifest.base().to_dict() | _directory({"a": "1", "b": "2"}))
    run("generate")
    emulator.ask("DELETE", "/api/snapshots/app")
    emulator.create("app", Manifest.base().to_dict() | _directory({"a": "1"}))
    assert run("generate", "--force").code == 0
    assert [path.name for path in Path("files/app/1-srv").iterdir()] == ["a"]


def _directory(files: dict[str, str]) -> dict[str, Any]:
    entries = [
        {"relativePath": name, "content": base64.b64encode(text.encode()).decode()} for name, text in files.items()
    ]
    return {"steps": [{"type": "add_dir", "args": {"path": "/srv", "files": entries}}]}


def test_an_error_of_the_server_leaves_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even an empty folder is created."""
    monkeypatch.setenv("OPENCOMPUTER_API_KEY", "wrong")
    said = run("generate", "--out", "new")
    assert said.code == 1
    assert "API key" in said.err
    assert not Path("new").exists()


def test_a_fault_during_the_run_leaves_nothing(run: Run, emulator: Emulator) -> None:
    """Either everything is written, or nothing."""
    emulator.create("base", TOOLS.to_dict())
    emulator.fail({"kind": "status", "path": "/api/snapshots/.+", "status": 403, "body": '{"error":"invalid API key"}'})
    said = run("generate", "--out", "new")
    assert (said.code, Path("new").exists()) == (1, False)


def test_large_and_binary_files_are_written_beside_the_program(run: Run, emulator: Emulator) -> None:
    """Small text files stay in the program."""
    manifest = Manifest.base().add_file("/small.txt", "hello\n").add_file("/large.txt", "x" * 5000)
    emulator.create("files", manifest.add_file("/b.bin", b"\xff\x00").to_dict())
    assert run("generate").code == 0
    program = Path("__main__.py").read_text()
    assert '.add_file("/small.txt", "hello\\n")' in program
    assert '.add_local_file("./files/files/2-large.txt", "/large.txt")' in program
    assert Path("files/files/2-large.txt").read_text() == "x" * 5000
    assert Path("files/files/3-b.bin").read_bytes() == b"\xff\x00"
    run("generate", "--force", "--inline-bytes", "5000")
    assert "2-large.txt" not in Path("__main__.py").read_text()


def test_a_manifest_that_only_works_as_recorded_keeps_its_files_inline(run: Run, emulator: Emulator) -> None:
    """An unquoted `pandas>=2` is accepted only in a recorded manifest, which separate files would change."""
    emulator.create("unquoted", ODD["unquoted-with-files"])
    said = run("generate")
    assert "unquoted: manifest.steps[0].pipInstall: keeps the wording of the server's record" in said.err
    assert "source" not in Path("__main__.py").read_text()
    assert not Path("files").exists()


def test_a_snapshot_too_large_to_import_is_adopted(run: Run, emulator: Emulator) -> None:
    """It can't be imported, and a message says so."""
    emulator.create(
        "big", Manifest.base().add_file("/a", b"\xff" * 3_000_000).add_file("/b", b"\xfe" * 3_000_000).to_dict()
    )
    said = run("generate")
    assert said.code == 0
    assert "big: its files are larger than Pulumi's state can hold" in said.err
    assert "adopt=True" in Path("__main__.py").read_text()
    assert imported() == []
    assert Path("files/big/1-a").stat().st_size == 3_000_000


def test_secrets_go_into_the_configuration_by_default(run: Run, emulator: Emulator) -> None:
    """No file and no output contains one; the printed commands put them into the stack's configuration."""
    for name, form in SECRETS.items():
        emulator.create(name, form)
    said = run("generate")
    assert said.code == 0
    assert SECRET not in said.out + said.err
    assert [path for path in Path().rglob("*") if path.is_file() and SECRET in path.read_text()] == []
    assert "pulumi-opencomputer value -- with-token 'manifest.steps[0].env.API_TOKEN'" in said.out
    assert "pulumi config set --secret withTokenApiToken" in said.out
    assert 'config.require_secret("withTokenApiToken")' in Path("__main__.py").read_text()
    assert {entry["name"]: json.loads(entry["id"])["secrets"] for entry in imported()} == {
        "with-dotenv": ["manifest.steps[0].addDir.files[0].content"],
        "with-index": ["manifest.steps[0].pipInstall[1]"],
        "with-token": ["manifest.steps[0].env.API_TOKEN"],
    }


@pytest.mark.parametrize(("answer", "in_clear"), [("n\n", True), ("y\n", False), ("\n", False), ("", False)])
def test_the_user_is_asked_about_a_secret(
    run: Run, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, answer: str, in_clear: bool
) -> None:
    """A value is written in plain text only if the answer is no."""
    emulator.create("with-token", SECRETS["with-token"])
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    said = run("generate", "--secrets", "ask")
    assert (
        "with-token: step 1, env API_TOKEN looks like a secret. Keep it in the stack's configuration? [Y/n]" in said.err
    )
    assert (SECRET in Path("__main__.py").read_text()) is in_clear


def test_value_prints_only_the_value(run: Run, emulator: Emulator) -> None:
    """It is meant for a pipe; `pulumi config set` removes the added line end."""
    emulator.create("with-token", SECRETS["with-token"])
    assert run("value", "with-token", "manifest.steps[0].env.API_TOKEN") == Said(0, f"{SECRET}\n", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nothing", "manifest.base"), "There is no snapshot 'nothing'"),
        (("with-token", "manifest.steps[0].env.X"), "'manifest.steps[0].env.X' names no value in the manifest of"),
    ],
)
def test_value_reports_what_is_missing(run: Run, emulator: Emulator, arguments: tuple[str, ...], said: str) -> None:
    """The error contains no other values."""
    emulator.create("with-token", SECRETS["with-token"])
    told = run("value", *arguments)
    assert (told.code, told.out) == (1, "")
    assert said in told.err


def test_images_without_a_name_are_written_on_request(run: Run, emulator: Emulator) -> None:
    """The images of snapshots are not: a snapshot already has its image."""
    emulator.create("base", TOOLS.to_dict())
    lone = Manifest.base().run_commands("make")
    emulator.create("gone", lone.to_dict())
    emulator.ask("DELETE", "/api/snapshots/gone")
    assert run("generate", "--images").code == 0
    assert {entry["type"]: entry["id"] for entry in imported()} == {
        "opencomputer:index:Snapshot": "base",
        "opencomputer:index:Image": lone.cache_key(),
    }
    ast.parse(Path("__main__.py").read_text())


def test_a_yaml_program_keeps_every_text(run: Run, emulator: Emulator) -> None:
    """Dollar signs are escaped, and words that YAML could interpret stay strings."""
    words = {"A": "${B}", "B": "yes", "C": "1e3", "D": "$$x", "E": " x "}
    emulator.create("words", Manifest.base().env(words).to_dict())
    assert run("generate", "--language", "yaml").code == 0
    program = yaml.safe_load(Path("Pulumi.yaml").read_text())
    manifest = program["resources"]["words"]["properties"]["manifest"]
    assert manifest["steps"][0]["env"] == {**words, "A": "$${B}", "D": "$$$x"}


def test_a_name_that_cannot_be_looked_up_is_left_out_and_reported(run: Run, emulator: Emulator) -> None:
    """The other snapshots are written."""
    emulator.ask("POST", "/api/snapshots", {"name": "a/b", "image": TOOLS.to_dict()})
    emulator.create("base", TOOLS.to_dict())
    said = run("generate")
    assert said.code == 3
    assert "a/b: left out: No snapshot can be looked up under the name 'a/b'" in said.err
    assert [entry["id"] for entry in imported()] == ["base"]


def test_help_lists_files_and_exit_codes(run: Run) -> None:
    """Scripts depend on them."""
    said = run("generate", "--help")
    assert said.code == 0
    assert "exit codes:" in said.out
    assert "import.json" in said.out
