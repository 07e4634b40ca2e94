"""`pulumi-opencomputer generate`: files beside the program, records too large to import, and names in the program."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from emulator_process import Emulator
from generated import Run, imported
from pulumi_opencomputer import Manifest

LARGE = Manifest.base().add_file("/a", b"\xff" * 3_000_000).add_file("/b", b"\xfe" * 3_000_000)
SECRET = "hunter2-of-the-tests"


def as_text(path: str, text: str) -> dict[str, Any]:
    """A step that adds a text file, which is encoded in the API's form without saying so."""
    return {"type": "add_file", "args": {"path": path, "content": base64.b64encode(text.encode()).decode()}}


def test_an_image_too_large_to_import_is_declared_without_adopt(run: Run, emulator: Emulator) -> None:
    """An image has no name to take over; `adopt` would be an error in either language."""
    emulator.create("gone", LARGE.to_dict())
    emulator.ask("DELETE", "/api/snapshots/gone")
    said = run("generate", "--images")
    assert said.code == 0
    assert "can't be imported. Instead the program declares it: the first pulumi up makes it anew from" in said.err
    assert "adopt" not in Path("__main__.py").read_text()
    assert imported() == []
    assert run("generate", "--images", "--language", "yaml", "--out", "yaml").code == 0
    assert "adopt" not in Path("yaml/Pulumi.yaml").read_text()


def test_a_large_snapshot_of_another_hash_is_built_anew(run: Run, emulator: Emulator) -> None:
    """The server also hashes how a file's encoding is spelt, so the cache does not have what the program declares."""
    step = as_text("/a", "x" * 5_000_000)
    emulator.create("big", {"base": "base", "steps": [step]})
    said = run("generate")
    assert said.code == 0
    assert "the first pulumi up builds it anew, since its content hash differs" in said.err
    assert "cache" not in said.err


def test_a_snapshot_with_a_secret_has_its_files_beside_the_program(run: Run, emulator: Emulator) -> None:
    """The secret stays a reference to the configuration."""
    manifest = Manifest.base().env({"API_TOKEN": SECRET}).add_file("/b.bin", b"\xff" * 5000)
    emulator.create("both", manifest.to_dict())
    assert run("generate").code == 0
    program = Path("__main__.py").read_text()
    assert 'config.require_secret("bothApiToken")' in program
    assert '.add_local_file("./files/both/2-b.bin", "/b.bin")' in program
    assert Path("files/both/2-b.bin").read_bytes() == b"\xff" * 5000


def test_a_large_snapshot_with_a_secret_is_adopted(run: Run, emulator: Emulator) -> None:
    """Its files are beside the program, and its secret is in the configuration."""
    emulator.create("big", LARGE.env({"API_TOKEN": SECRET}).to_dict())
    said = run("generate")
    assert said.code == 0
    assert "takes over its name (adopt): the first pulumi up makes it anew from the server's cache." in said.err
    assert 'config.require_secret("bigApiToken")' in Path("__main__.py").read_text()
    assert Path("files/big/1-a").stat().st_size == 3_000_000


def test_the_files_of_what_is_left_out_are_not_written(run: Run, emulator: Emulator) -> None:
    """A large record whose words can't be declared is left out, with the words that are wrong."""
    commented: dict[str, Any] = {"type": "pip_install", "args": {"packages": ["numpy", "# later"]}}
    large = LARGE.to_dict()
    emulator.create("big", {**large, "steps": [commented, *large["steps"]]})
    emulator.create("small", Manifest.base().add_file("/b.bin", b"\xff" * 5000).to_dict())
    said = run("generate")
    assert said.code == 3
    assert (
        "big: left out: its files are larger than Pulumi's state can hold (4 MB), so it can't be imported" in said.err
    )
    assert "manifest.steps[0].pipInstall[1]: " in said.err
    assert [path.name for path in Path("files").iterdir()] == ["small"]


def test_files_that_fail_beside_the_program_are_reported(run: Run, emulator: Emulator) -> None:
    """They stay inside it, and the message says which check fails."""
    steps = [{"type": "pip_install", "args": {"packages": ["numpy", "# later"]}}, as_text("/t.txt", "x" * 5000)]
    emulator.create("commented", {"base": "base", "steps": steps})
    said = run("generate")
    assert said.code == 0
    assert "commented: its files stay inside the program, because beside it they fail: manifest.steps[0]" in said.err
    assert not Path("files").exists()


def test_a_configuration_key_differs_from_every_resource(run: Run, emulator: Emulator) -> None:
    """In YAML `${name}` is either, so Pulumi refuses a program in which both have one name."""
    for name in ("agents", "agentsToken"):
        emulator.create(name, Manifest.base().env({"TOKEN": SECRET}).to_dict())
    assert run("generate", "--language", "yaml").code == 0
    program = yaml.safe_load(Path("Pulumi.yaml").read_text())
    keys, names = list(program["config"]), list(program["resources"])
    assert len({each.lower() for each in keys + names}) == len(keys + names) == 4


@pytest.mark.parametrize(("folder", "project"), [("opencomputer", "opencomputer-images"), ("pulumi", "pulumi-images")])
def test_a_project_is_not_named_like_a_provider(run: Run, emulator: Emulator, folder: str, project: str) -> None:
    """Its configuration keys would be taken for the provider's settings."""
    emulator.create("agents", Manifest.base().env({"TOKEN": SECRET}).to_dict())
    for language in ("python", "yaml"):
        assert run("generate", "--language", language, "--out", f"{language}/{folder}").code == 0
        assert yaml.safe_load(Path(language, folder, "Pulumi.yaml").read_text())["name"] == project


def test_an_import_entry_of_a_secret_names_its_path(run: Run, emulator: Emulator) -> None:
    """This holds for a snapshot whose files are beside the program as well."""
    emulator.create("both", Manifest.base().add_file("/b", b"\xff" * 9).env({"API_TOKEN": SECRET}).to_dict())
    run("generate")
    (entry,) = imported()
    assert json.loads(entry["id"]) == {"id": "both", "secrets": ["manifest.steps[1].env.API_TOKEN"]}
