"""The functions that programs call, executed by the plugin."""

from __future__ import annotations

import grpc
import pytest
from pulumi.runtime import proto

from emulator_process import Emulator
from plugin_process import Plugin, struct, urn
from pulumi_opencomputer import Manifest

MANIFEST = {"steps": [{"run": ["make"]}]}
HASH = Manifest.base().run_commands("make").cache_key()


@pytest.fixture
def record(plugin: Plugin, emulator: Emulator) -> dict[str, str]:
    """A snapshot's record."""
    plugin.up({"manifest": MANIFEST, "name": "fixed"})
    return emulator.snapshots()[0]


def fails(plugin: Plugin, function: str, **arguments: object) -> tuple[grpc.StatusCode, str]:
    """Call a function that must fail."""
    request = proto.InvokeRequest(tok=f"opencomputer:index:{function}", args=struct(arguments))
    return plugin.fails("Invoke", request)


def test_a_snapshot_is_found_by_its_name(plugin: Plugin, record: dict[str, str]) -> None:
    """The result has the server's fields, under the names of the resource's outputs."""
    assert plugin.invoke("getSnapshot", name="fixed") == {
        "name": "fixed",
        "snapshotId": record["id"],
        "contentHash": HASH,
        "status": "ready",
        "checkpointId": record["checkpointId"],
        "createdAt": record["createdAt"],
        "lastUsedAt": record["lastUsedAt"],
        "project": "pytest",
        "stack": "dev",
        "resource": "daily",
    }


def test_all_snapshots_are_listed(plugin: Plugin, record: dict[str, str]) -> None:
    """The newest comes first."""
    plugin.up({"manifest": MANIFEST, "name": "second"}, of=urn("second"))
    assert [each["name"] for each in plugin.invoke("getSnapshots")["snapshots"]] == ["second", "fixed"]


def test_an_image_is_found_by_its_hash(plugin: Plugin, record: dict[str, str]) -> None:
    """A build has no name and no id of its own."""
    found = plugin.invoke("getImage", contentHash=HASH)
    assert (found["contentHash"], found["status"], found["checkpointId"]) == (HASH, "ready", record["checkpointId"])


def test_hashing_a_manifest_needs_no_server(start_plugin) -> None:
    """It also needs no key, and gives the hash that a resource has."""
    plugin = start_plugin()
    plugin.configure()
    assert plugin.invoke("hashManifest", manifest=MANIFEST) == {"contentHash": HASH}


@pytest.mark.parametrize(
    ("function", "arguments", "code", "said"),
    [
        ("getSnapshot", {"name": "nothing"}, grpc.StatusCode.NOT_FOUND, "snapshot"),
        ("getImage", {"contentHash": "0" * 64}, grpc.StatusCode.NOT_FOUND, "has no image with the content hash 000"),
        ("getImage", {"contentHash": "fixed"}, grpc.StatusCode.INVALID_ARGUMENT, "must be an image's content hash"),
        ("getSnapshot", {}, grpc.StatusCode.INVALID_ARGUMENT, "name: is required"),
        ("getSnapshot", {"name": 5}, grpc.StatusCode.INVALID_ARGUMENT, "name: is required, and must be a string"),
        (
            "hashManifest",
            {"manifest": {"steps": [{"run": []}]}},
            grpc.StatusCode.INVALID_ARGUMENT,
            "manifest.steps[0].run: must not be empty.",
        ),
        ("getVolume", {}, grpc.StatusCode.INVALID_ARGUMENT, "opencomputer:index:getVolume is not a function"),
    ],
)
def test_a_function_that_fails_says_why(plugin: Plugin, function, arguments, code, said: str) -> None:
    """Missing records, wrong arguments and unknown functions each have their own status and message."""
    found, text = fails(plugin, function, **arguments)
    assert found is code
    assert said in text
