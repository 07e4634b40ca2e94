"""Importing: the inputs are made from a record so that the next run changes nothing."""

from __future__ import annotations

import base64
from typing import Any

import grpc
import pytest
from pulumi.runtime import proto

from emulator_client import call, create
from emulator_process import Emulator, wait_until
from plugin_process import IMAGE, Deployed, Plugin, plain, urn
from pulumi_opencomputer.content.hashing import content_hash


def step(kind: str, **args: Any) -> dict[str, Any]:
    """A step in the API's form."""
    return {"type": kind, "args": args}


def encoded(content: bytes) -> str:
    """Encode to base64."""
    return base64.b64encode(content).decode()


ALL_KINDS = [
    step("apt_install", packages=["jq"]),
    step("pip_install", packages=["pandas"]),
    step("run", commands=["make", "make test"]),
    step("env", vars={"A": "b"}),
    step("workdir", path="/workspace"),
    step("add_file", path="/text", content=encoded(b"hello\n"), encoding="base64"),
    step("add_file", path="/bytes", content=encoded(b"\x00\xff"), encoding="base64"),
    step("add_dir", path="/app", files=[{"relativePath": name, "content": encoded(b"x")} for name in ("a", "b/c")]),
]
UNSORTED = step("add_dir", path="/app", files=[{"relativePath": name, "content": encoded(b"x")} for name in ("b", "a")])


def seed(emulator: Emulator, steps: list[dict[str, Any]], name: str = "seeded", **more: Any) -> str:
    """Create a snapshot as another tool would; return its content hash."""
    manifest = {"base": "base", "steps": steps, **more}
    create(emulator, name, manifest).raise_for_status()
    return content_hash(manifest)


def imported(plugin: Plugin, id_: str, of: str = urn()) -> Deployed:
    """Import a resource."""
    answer = plugin.import_(id_, of=of)
    return Deployed(of, answer.id, plain(answer.inputs), plain(answer.properties))


def is_unchanged(plugin: Plugin, made: Deployed, keys: tuple[str, ...] = ("manifest", "name")) -> bool:
    """Whether a program with the imported inputs has no changes."""
    program = {key: made.inputs[key] for key in keys if key in made.inputs}
    found = plugin.diff(made, plugin.checked(program, made.inputs, of=made.urn))
    return found.changes == proto.DiffResponse.DIFF_NONE


@pytest.mark.parametrize(
    ("steps", "more"),
    [
        ([], {}),
        (ALL_KINDS, {}),
        (ALL_KINDS, {"builderMemoryMB": 4096, "runtimeMemoryMB": 2048, "pulumiMark": "0" * 16, "other": 1}),
        ([step("run", commands=["make"], rebuild="2026-08")], {}),
        ([step("run", commands=["make"], rebuild=2)], {}),
        ([UNSORTED], {}),
        ([step("add_file", path="/plain", content=encoded(b"hello"))], {}),
    ],
)
def test_an_imported_snapshot_has_no_changes(plugin: Plugin, emulator: Emulator, steps, more) -> None:
    """This holds for any tool that created the record; the record's own hash is in the state."""
    wanted = seed(emulator, steps, **more)
    made = imported(plugin, "seeded")
    (record,) = emulator.snapshots()
    assert made.id == made.inputs["name"] == "seeded"
    assert (made.outputs["snapshotId"], made.outputs["builtHash"]) == (record["id"], wanted)
    assert made.outputs["apiUrl"] == emulator.url
    assert is_unchanged(plugin, made)
    plugin.delete(made)
    assert emulator.snapshots() == []


def test_a_lookup_uses_only_the_id(plugin: Plugin, emulator: Emulator) -> None:
    """`Snapshot.get` may pass part of a state, which this provider did not write."""
    seed(emulator, ALL_KINDS)
    looked_up = plugin.read(Deployed(urn(), "seeded", {}, {"name": "seeded"}))
    assert plain(looked_up.properties) == imported(plugin, "seeded").outputs


def test_files_are_imported_inline(plugin: Plugin, emulator: Emulator) -> None:
    """Text is imported as text and bytes as base64, in files and in directories."""
    seed(emulator, ALL_KINDS)
    text, raw, folder = imported(plugin, "seeded").inputs["manifest"]["steps"][5:]
    assert text == {"addFile": {"path": "/text", "content": "hello\n"}}
    assert raw == {"addFile": {"path": "/bytes", "content": encoded(b"\x00\xff"), "encoding": "base64"}}
    files = [{"relativePath": "a", "content": "x"}, {"relativePath": "b/c", "content": "x"}]
    assert folder == {"addDir": {"path": "/app", "files": files}}


def test_a_programs_rebuild_token_is_imported_but_a_variants_number_is_not(plugin: Plugin, emulator: Emulator) -> None:
    """A string is a program's token. A number was added for a blocked build; the hash is that without it."""
    seed(emulator, [step("run", commands=["make"], rebuild="2026-08")], "token")
    seed(emulator, [step("run", commands=["make"], rebuild=1)], "variant")
    assert imported(plugin, "token").inputs["manifest"]["rebuild"] == "2026-08"
    variant = imported(plugin, "variant")
    assert "rebuild" not in variant.inputs["manifest"]
    plain_manifest = {"base": "base", "steps": [step("run", commands=["make"])]}
    assert variant.outputs["contentHash"] == content_hash(plain_manifest)


def test_an_image_is_imported_by_its_hash(plugin: Plugin, emulator: Emulator) -> None:
    """An image has no name, so it is looked up in the list by its content hash."""
    wanted = seed(emulator, ALL_KINDS)
    call(emulator, "DELETE", "/api/snapshots/seeded").raise_for_status()
    made = imported(plugin, wanted, urn("toolchain", IMAGE))
    assert (made.id, made.outputs["contentHash"], made.outputs["cached"]) == (wanted, wanted, True)
    assert "name" not in made.inputs
    assert is_unchanged(plugin, made)


@pytest.mark.parametrize(("of", "id_"), [(urn(), "nothing"), (urn("toolchain", IMAGE), "0" * 64)])
def test_a_missing_resource_has_no_properties(plugin: Plugin, of: str, id_: str) -> None:
    """The engine then reports that the resource does not exist."""
    answer = plugin.import_(id_, of=of)
    assert not answer.id
    assert not answer.HasField("properties")


def test_an_image_is_not_imported_by_a_name(plugin: Plugin) -> None:
    """The error says that a content hash is needed."""
    request = proto.ReadRequest(urn=urn("toolchain", IMAGE), id="toolchain")
    code, text = plugin.fails("Read", request)
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert text == "id: must be an image's content hash, 64 lower-case hex digits. (OC1002)"


def refused(plugin: Plugin, name: str = "seeded") -> str:
    """Import something that must be refused; return the reason."""
    code, text = plugin.fails("Read", proto.ReadRequest(urn=urn(), id=name))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    return text


def test_a_snapshot_too_large_for_the_state_is_refused_with_advice(plugin: Plugin, emulator: Emulator) -> None:
    """Above 4 MB of files, the error says how to adopt the name instead."""
    half = encoded(bytes(3 * 1024 * 1024))
    seed(emulator, [step("add_file", path=f"/{name}", content=half, encoding="base64") for name in ("a", "b")])
    text = refused(plugin)
    assert text.startswith("id: the snapshot 'seeded' holds 6.3 MB of files.")
    assert "in a Snapshot with adopt: true, which takes the name over" in text


@pytest.mark.parametrize(("command", "status"), [("SLEEP_BUILD_9", "building"), ("FAIL_BUILD", "failed")])
def test_a_record_that_is_not_ready_is_refused(start_emulator, start_plugin, command: str, status: str) -> None:
    """It has no image yet that a program could keep unchanged."""
    emulator, plugin = start_emulator(), start_plugin()
    plugin.configure(apiKey=emulator.api_key, apiUrl=emulator.url)
    body = {"name": "seeded", "image": {"base": "base", "steps": [step("run", commands=[command])]}}
    call(emulator, "POST", "/api/snapshots?async=1", json=body).raise_for_status()
    wait_until(lambda: emulator.snapshots()[0]["status"] == status)
    told = f"id: the snapshot 'seeded' is {status}, not ready: there is nothing to take over yet. (OC1002)"
    assert refused(plugin) == told
