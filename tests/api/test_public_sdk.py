"""The emulator with the public Python SDK as its client: it works as with the server, and both share the cache."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from opencomputer import Image, Sandbox, Snapshots

from emulator_client import call, create
from emulator_process import Emulator
from pulumi_opencomputer.content.hashing import content_hash

IMAGE = (
    Image.base()
    .apt_install(["curl", "git"])
    .pip_install(["requests"])
    .add_file("/workspace/config.json", '{"a": "<é>"}')
    .env({"B": "1", "A": "2"})
    .run_commands("echo hi")
    .workdir("/workspace")
)


def with_snapshots(emulator: Emulator, use: Callable[[Snapshots], Awaitable[Any]], key: str = "") -> Any:
    async def run() -> Any:
        snapshots = Snapshots(api_key=key or emulator.api_key, api_url=emulator.url)
        try:
            return await use(snapshots)
        finally:
            await snapshots.close()

    return asyncio.run(run())


def sandbox_of(emulator: Emulator, **wanted: Any) -> tuple[dict[str, Any], list[str]]:
    """Create a sandbox; return its record and the build log."""

    async def run() -> str:
        sandbox = await Sandbox.create(
            api_key=emulator.api_key, api_url=emulator.url, on_build_log=log.append, **wanted
        )
        await sandbox.close()
        return sandbox.sandbox_id

    log: list[str] = []
    return emulator.get(f"/api/sandboxes/{asyncio.run(run())}"), log


def test_the_sdk_creates_gets_lists_and_deletes_with_logs(emulator):
    log: list[str] = []

    async def use(snapshots: Snapshots) -> None:
        record = await snapshots.create("sdk", IMAGE, on_build_logs=log.append)
        assert (record["name"], record["status"], record["manifest"]) == ("sdk", "ready", IMAGE.to_dict())
        assert record["contentHash"] == content_hash(IMAGE.to_dict()) + ":named:sdk"
        assert await snapshots.get("sdk") == record
        assert await snapshots.list() == [record]
        await snapshots.delete("sdk")
        await snapshots.delete("sdk")
        assert await snapshots.list() == []

    with_snapshots(emulator, use)
    assert log[0].startswith("Building image with 6 steps")
    assert log[1:3] == ["Step 1/6: apt-get install curl git", "Step 1/6 completed"]
    assert log[-1] == "Creating checkpoint..."


def test_a_failed_build_is_an_error_of_the_sdk(emulator):
    with pytest.raises(RuntimeError, match=r"Build failed: image build failed: .*step 0 \(run\) failed \(exit 1\)"):
        with_snapshots(emulator, lambda snapshots: snapshots.create("f", Image.base().run_commands("FAIL_BUILD")))


def test_a_taken_name_and_a_wrong_key_are_errors_of_the_sdk(emulator):
    create(emulator, "taken", {})
    for key, status in ((emulator.api_key, 409), ("wrong", 403)):
        with pytest.raises(httpx.HTTPStatusError) as caught:
            with_snapshots(emulator, lambda snapshots: snapshots.create("taken", IMAGE), key)
        assert caught.value.response.status_code == status


def test_a_sandbox_starts_from_an_image_and_from_a_snapshot(emulator):
    sandbox, log = sandbox_of(emulator, image=IMAGE)
    assert sandbox["status"] == "running"
    assert "Step 6/6 completed" in log
    record = create(emulator, "named", IMAGE.to_dict()).json()
    assert sandbox["fromCheckpointId"] == record["checkpointId"]
    from_snapshot, _ = sandbox_of(emulator, snapshot="named")
    assert from_snapshot["fromCheckpointId"] == record["checkpointId"]
    assert from_snapshot["sandboxID"] != sandbox["sandboxID"]


def test_a_sandbox_can_be_killed_and_connected_to(emulator):
    async def run() -> None:
        keys = {"api_key": emulator.api_key, "api_url": emulator.url}
        sandbox = await Sandbox.create(**keys)
        again = await Sandbox.connect(sandbox.sandbox_id, **keys)
        assert again.status == "running"
        await again.kill()
        await again.close()
        await sandbox.close()

    asyncio.run(run())


def test_a_sandbox_of_a_built_image_uses_the_cache(emulator):
    create(emulator, "ours", IMAGE.to_dict())
    _, log = sandbox_of(emulator, image=IMAGE)
    digest = content_hash(IMAGE.to_dict())
    assert log == [f"Image found in cache (hash={digest[:12]})", "Creating sandbox from image..."]
    assert len(emulator.builds()) == 1


def test_sandboxes_survive_their_snapshot(emulator):
    create(emulator, "short-lived", IMAGE.to_dict())
    sandbox, _ = sandbox_of(emulator, snapshot="short-lived")
    call(emulator, "DELETE", "/api/snapshots/short-lived")
    assert emulator.get(f"/api/sandboxes/{sandbox['sandboxID']}") == sandbox
    with pytest.raises(RuntimeError, match="not found"):
        sandbox_of(emulator, snapshot="short-lived")


def test_an_unready_snapshot_gives_no_sandbox(emulator):
    create(emulator, "slow", Image.base().run_commands("SLEEP_BUILD_5").to_dict(), query="?async=1")
    with pytest.raises(RuntimeError, match=r"not ready \(status: building\)"):
        sandbox_of(emulator, snapshot="slow")


def test_every_step_of_the_documented_builder_is_built(emulator, tmp_path):
    """This includes the methods that embed local files."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "main.py").write_text("print('é')")
    (tmp_path / "one.txt").write_text("one")
    image = (
        IMAGE.add_local_file(str(tmp_path / "one.txt"), "/workspace/one.txt")
        .add_local_dir(str(tmp_path / "app"), "/workspace/app")
        .builder_memory(2048)
    )
    record = with_snapshots(emulator, lambda snapshots: snapshots.create("all", image))
    assert record["manifest"] == image.to_dict()
    assert [step["type"] for step in record["manifest"]["steps"]] == [
        "apt_install", "pip_install", "add_file", "env", "run", "workdir", "add_file", "add_dir",
    ]  # fmt: skip
    assert len(image.cache_key()) == 64


def test_the_fields_of_a_snapshot_are_the_documented_ones(emulator):
    """They are those of the SDK's documentation, and the organisation."""
    record = with_snapshots(emulator, lambda snapshots: snapshots.create("fields", IMAGE))
    documented = {"id", "name", "status", "contentHash", "checkpointId", "manifest", "createdAt", "lastUsedAt"}
    assert set(record) == documented | {"orgId"}


def test_the_sdk_finds_the_emulator_by_environment_variables(emulator, monkeypatch):
    """The variables that the emulator prints are all it needs."""
    for name, value in emulator.environment.items():
        monkeypatch.setenv(name, value)

    async def run() -> list[dict[str, Any]]:
        snapshots = Snapshots()
        try:
            return await snapshots.list()
        finally:
            await snapshots.close()

    assert asyncio.run(run()) == []
