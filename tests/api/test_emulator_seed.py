"""Snapshots that exist when an emulator starts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from emulator_client import call, manifest, stream
from emulator_process import API_KEY
from pulumi_opencomputer.content.hashing import content_hash


def write(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value))
    return path


@pytest.mark.parametrize("form", ["folder", "manifest", "manifests by name", "list of records"])
def test_a_seed_has_one_of_these_forms(start_emulator, tmp_path, form):
    """The snapshots exist, ready and cached, without a build."""
    a, b = manifest("a"), manifest("b", mark="kept")
    folder = tmp_path / "seed"
    folder.mkdir()
    if form == "folder":
        write(folder / "a.json", a)
        write(folder / "b.json", b)
        seed = folder
    elif form == "manifest":
        seed = write(folder / "b.json", b)
    elif form == "manifests by name":
        seed = write(folder / "any.json", {"a": a, "b": b})
    else:
        seed = write(folder / "any.json", [{"name": "a", "manifest": a, "id": "1"}, {"name": "b", "manifest": b}])
    emulator = start_emulator(seed=str(seed))
    assert {record["name"] for record in emulator.snapshots()} == ({"b"} if form == "manifest" else {"a", "b"})
    record = emulator.snapshot("b")
    assert (record["status"], record["manifest"]) == ("ready", b)
    assert record["contentHash"] == content_hash(b) + ":named:b"
    assert call(emulator, "POST", "/api/sandboxes", json={"snapshot": "b"}).status_code == 201
    assert stream(emulator, "/api/snapshots", {"name": "c", "image": b})[0][1]["type"] == "cache_hit"
    assert emulator.builds() == []


def test_the_response_of_a_list_is_a_seed(start_emulator, emulator, tmp_path):
    """A single command creates a seed."""
    stream(emulator, "/api/snapshots", {"name": "a", "image": manifest("echo é")})
    seed = write(tmp_path / "seed.json", emulator.snapshots())
    assert start_emulator(seed=str(seed)).snapshot("a")["manifest"] == emulator.snapshot("a")["manifest"]


def test_the_edge_shows_a_seed_from_the_start(start_emulator, tmp_path):
    """Everything else appears in the index later."""
    emulator = start_emulator(seed=str(write(tmp_path / "a.json", manifest("a"))), edge_lag="900")
    assert [record["name"] for record in emulator.snapshots()] == ["a"]
    stream(emulator, "/api/snapshots", {"name": "b", "image": manifest("b")})
    assert [record["name"] for record in emulator.snapshots()] == ["a"]


def test_a_seed_does_not_change_existing_data(start_emulator, tmp_path):
    """An existing name stays, even if it was deleted and created again."""
    emulator = start_emulator(seed=str(write(tmp_path / "a.json", manifest("a"))))
    call(emulator, "DELETE", "/api/snapshots/a")
    stream(emulator, "/api/snapshots", {"name": "a", "image": manifest("other")})
    before = emulator.snapshot("a")
    emulator.kill()
    emulator.restart()
    assert emulator.snapshot("a") == before
    assert len(emulator.records()) == 3


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("{", "Expecting property name"),
        (3, "must hold a manifest, an object of manifests by name, or a list of records"),
        ([{"manifest": {}}], "a list must hold records as GET /api/snapshots returns them, each with a name"),
        ({"a/b": {}}, "snapshot 'a/b': a name must not be empty, contain a slash"),
        ({"a": 3}, "snapshot 'a': a manifest must be an object"),
        ({"steps": [{"aptInstall": ["jq"]}]}, "each step needs a type and args"),
        ({"steps": [{"type": "nix", "args": {}}]}, "steps[0] (nix): unknown step type: nix"),
        (manifest("echo '"), "steps[0] (run): "),
        ({"base": "base", "builderMemoryMB": "x"}, "builderMemoryMB must be a whole number"),
        ({"a": manifest("\0")}, "SQLSTATE 22P05"),
    ],
    ids=str,
)
def test_an_unusable_seed_is_a_clear_error(tmp_path, value, reason):
    """The error has the file, the snapshot and the step."""
    seed = tmp_path / "seed.json"
    seed.write_text(value if isinstance(value, str) else json.dumps(value))
    assert f"The seed can't be used: {seed}: " in (told := refused(seed))
    assert reason in told


def test_a_missing_or_empty_seed_is_a_clear_error(tmp_path):
    """So is a name that occurs in two files."""
    assert "No such file or directory" in refused(tmp_path / "none.json")
    assert "no file whose name ends in .json" in refused(tmp_path)
    write(tmp_path / "a.json", manifest("a"))
    write(tmp_path / "b.json", {"a": manifest("b")})
    assert "there are two snapshots named 'a'" in refused(tmp_path)


def refused(seed: Path) -> str:
    command = [sys.executable, "-m", "pulumi_opencomputer.emulator", "--port", "0", "--api-key", API_KEY]
    ran = subprocess.run([*command, "--seed", str(seed)], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
    return ran.stderr
