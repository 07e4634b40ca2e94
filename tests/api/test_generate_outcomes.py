"""`pulumi-opencomputer generate`: exit codes, incomplete lists, names that can't be declared, and interruptions."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from emulator_process import Emulator, wait_until
from generated import Run, imported
from pulumi_opencomputer import Manifest
from pulumi_opencomputer.lifecycle import functions

pytestmark = pytest.mark.long

TOOLS = Manifest.base().apt_install(["jq"])


def seeded(emulator: Emulator, number: int) -> None:
    """Create so many snapshots, `s000` first."""
    for each in range(number):
        emulator.create(f"s{each:03}", TOOLS.to_dict())


@pytest.mark.emulator(edge=True)
def test_a_truncated_list_is_reported(run: Run, emulator: Emulator) -> None:
    """The public endpoint lists 200 records; an older snapshot can be named."""
    seeded(emulator, 201)
    emulator.advance(3600)
    said = run("generate", "--quiet", "--images")
    assert said.code == 3
    assert "lists only its 200 newest snapshots. To take older ones too, give their names.\n" in said.err
    assert "lists only its 200 newest images. Older images that no snapshot names are missing.\n" in said.err
    assert len(imported()) == 200
    said = run("generate", "s000", "--force", "--quiet")
    assert (said.code, "newest" in said.err) == (0, False)
    assert [entry["id"] for entry in imported()] == ["s000"]


def test_a_long_list_of_another_server_is_whole(run: Run, emulator: Emulator) -> None:
    """Only the public endpoint cuts its lists, and only there do records name a cell."""
    seeded(emulator, 200)
    said = run("generate", "--quiet", "--images", "--out", "two-hundred")
    assert (said.code, "newest" in said.err) == (0, False)
    emulator.create("another", TOOLS.to_dict())
    assert run("generate", "--quiet", "--images", "--out", "more").code == 0
    assert len(imported("more")) == 201


def test_records_that_cannot_be_read_are_reported(run: Run, emulator: Emulator) -> None:
    """The others are written."""
    seeded(emulator, 3)
    rule = {"kind": "record", "method": "GET", "path": "/api/snapshots", "where": {"name": "s001"}}
    emulator.fail({**rule, "set": {"contentHash": "short"}, "count": 0})
    said = run("generate")
    assert said.code == 3
    assert "1 of the 3 snapshots that the server lists can't be read, so they are left out.\n" in said.err
    assert [entry["id"] for entry in imported()] == ["s000", "s002"]


def test_a_list_that_is_cut_off_is_reported(run: Run, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says how many records were read, and how to take the others."""
    emulator.create("large", Manifest.base().add_file("/a", "x" * 500_000).to_dict())
    emulator.create("small", TOOLS.to_dict())
    monkeypatch.setattr(functions, "LARGEST_ANSWER", 100_000)
    said = run("generate")
    assert said.code == 3
    told = "The server's list of snapshots is too large to be read to its end: 1 were read. To take older ones too, "
    assert f"{told}give their names.\n" in said.err
    assert [entry["id"] for entry in imported()] == ["small"]


def test_an_exact_name_wins_over_the_pattern(run: Run, emulator: Emulator) -> None:
    """A name with brackets, stars or question marks is chosen by itself."""
    for name in ("a[1]", "a1", "b*", "bc"):
        emulator.create(name, TOOLS.to_dict())
    assert run("generate", "a[1]", "b*").code == 0
    assert [entry["id"] for entry in imported()] == ["a[1]", "b*"]


@pytest.mark.parametrize("name", ["a\nb", "a\x1bMb", "a\u202eb", "a\tb"])
def test_a_name_that_cannot_be_declared_is_left_out_and_reported(run: Run, emulator: Emulator, name: str) -> None:
    """This holds for names with control characters and invisible ones, listed or given; the others are written."""
    for each in (name, "base"):
        emulator.ask("POST", "/api/snapshots", {"name": each, "image": TOOLS.to_dict()})
    for arguments in ([], [name, "base", "--force"]):
        said = run("generate", *arguments)
        assert said.code == 3
        assert "left out: its name " in said.err
        assert "Create it again under another name." in said.err
        assert "no such snapshot" not in said.err
        assert [entry["id"] for entry in imported()] == ["base"]


def test_if_nothing_is_found_nothing_is_written(run: Run) -> None:
    """The exit code says so, and no empty folder stays."""
    said = run("generate", "nope", "--out", "new/deep")
    assert said.code == 1
    assert said.err.endswith("nope: left out: the server has no such snapshot.\nNothing is written: all is left out.\n")
    assert not Path("new").exists()


def test_an_empty_account_is_reported(run: Run) -> None:
    """There is no program without a resource."""
    said = run("generate", "--out", "new")
    assert said == (1, "", "Nothing is written: the account has nothing to take over.\n")
    assert not Path("new").exists()


@pytest.mark.parametrize(
    ("obstacle", "language", "told"),
    [
        ("import.json/", "python", "'import.json' is a folder, and a file must be written there."),
        ("__main__.py/", "python", "'__main__.py' is a folder, and a file must be written there."),
        ("files", "yaml", "'files' is not a folder, and files must be written into it."),
    ],
)
def test_what_is_in_the_way_is_reported_before_anything_is_replaced(
    run: Run, emulator: Emulator, obstacle: str, language: str, told: str
) -> None:
    """This holds with --force as well."""
    emulator.create("base", TOOLS.to_dict())
    Path("Pulumi.yaml").write_text("name: mine\nruntime: python\n")
    if obstacle.endswith("/"):
        Path(obstacle).mkdir()
    else:
        Path(obstacle).touch()
    said = run("generate", "--force", "--language", language)
    assert (said.code, said.err) == (2, f"{told} Give another folder with --out, or move it away.\n")
    assert Path("Pulumi.yaml").read_text() == "name: mine\nruntime: python\n"


def test_a_python_program_is_not_written_beside_another_runtime(run: Run, emulator: Emulator) -> None:
    """Pulumi would run the YAML program of an earlier run in place of the new one."""
    emulator.create("base", TOOLS.to_dict())
    assert run("generate", "--language", "yaml").code == 0
    said = run("generate", "--force")
    assert said.code == 2
    assert "'Pulumi.yaml' has the runtime 'yaml', with which Pulumi would not run a Python program." in said.err
    assert not Path("__main__.py").exists()


def test_a_link_among_the_files_is_replaced_and_its_target_stays(run: Run, emulator: Emulator) -> None:
    """Files are never written through a link."""
    emulator.create("app", Manifest.base().add_file("/b", b"\xff").to_dict())
    Path("mine").mkdir()
    Path("files").mkdir()
    Path("files/app").symlink_to("../mine")
    assert run("generate", "--force").code == 0
    assert list(Path("mine").iterdir()) == []
    assert [path.name for path in Path("files/app").iterdir()] == ["1-b"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_leaves_nothing(emulator: Emulator, tmp_path: Path, number: signal.Signals) -> None:
    """This holds even if one snapshot was already fetched, and its files written."""
    emulator.create("a", Manifest.base().add_file("/b", b"\xff").to_dict())
    emulator.create("b", TOOLS.to_dict())
    emulator.fail({"kind": "hang", "path": "/api/snapshots/b", "seconds": 60})
    command = [sys.executable, "-m", "pulumi_opencomputer.cli", "generate", "--out", "new/deep"]
    environment = {**os.environ, **emulator.environment}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as process:
        wait_until(lambda: emulator.applied() == [1])
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert said.endswith("Interrupted. Nothing is written.\n")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_value_ends_without_a_traceback(emulator: Emulator, tmp_path: Path) -> None:
    """Nothing is printed, so that no command stores half a value."""
    emulator.create("b", TOOLS.to_dict())
    emulator.fail({"kind": "hang", "path": "/api/snapshots/b", "seconds": 60})
    command = [sys.executable, "-m", "pulumi_opencomputer.cli", "value", "b", "manifest.steps[0].aptInstall[0]"]
    environment = {**os.environ, **emulator.environment}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=pipe, stderr=pipe, text=True) as process:
        wait_until(lambda: emulator.applied() == [1])
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=60)
    assert (process.returncode, printed, said) == (130, "", "Interrupted.\n")


def test_an_interruption_while_files_are_moved_says_what_is_there(
    run: Run, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program comes last, so that none refers to what is missing."""
    emulator.create("app", Manifest.base().add_file("/b", b"\xff").to_dict())
    replace = os.replace

    def interrupted(source: Path, target: Path) -> None:
        if target.name == "__main__.py":
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", interrupted)
    said = run("generate", "--out", "new")
    assert said.code == 130
    assert "Interrupted. Only a part is written: files/app, " in said.err
    assert "import.json" in said.err
    assert said.err.endswith(" in 'new'. Run the same command again, with --force.\n")
    assert {path.name for path in Path("new").iterdir()} == {"files", "import.json", "Pulumi.yaml", "requirements.txt"}
    assert yaml.safe_load(Path("new/Pulumi.yaml").read_text())["runtime"] == "python"
