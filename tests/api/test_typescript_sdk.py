"""The emulator with the public TypeScript SDK as its client."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from emulator_process import Emulator
from pulumi_opencomputer.content.hashing import content_hash

_PROGRAM = Path(__file__).parents[1] / "typescript" / "public_sdk.mjs"
_SDK = "@opencomputer/sdk@0.12.4"
_NPM_INSTALL = (
    "install", "--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--prefer-offline", "--no-update-notifier",
)  # fmt: skip
_LIMIT = 300

pytestmark = pytest.mark.tools


@pytest.fixture(scope="module")
def sdk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the program and the SDK that it imports."""
    npm = shutil.which("npm")
    if npm is None:
        if os.environ.get("CI"):
            pytest.fail("CI needs Node.js for the TypeScript SDK")
        pytest.skip("Node.js is not installed; no TypeScript program is run")
    folder = tmp_path_factory.mktemp("typescript")
    run(npm, *_NPM_INSTALL, _SDK, cwd=folder)
    shutil.copy(_PROGRAM, folder)
    (folder / "app").mkdir()
    (folder / "one.txt").write_text("one")
    (folder / "app" / "main.py").write_text("print('é')")
    return folder


def run(*command: str, cwd: Path, **environment: str) -> str:
    ran = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=_LIMIT,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_every_documented_method_works_and_fails_as_documented(emulator: Emulator, sdk: Path) -> None:
    """Covers images, snapshots, sandboxes of both, logs, and the errors that the SDK raises."""
    said: dict[str, Any] = json.loads(run("node", _PROGRAM.name, str(sdk), cwd=sdk, **emulator.environment))
    created = said["created"]
    assert (created["name"], created["status"], created["manifest"]) == ("typescript", "ready", said["manifest"])
    assert created["contentHash"] == content_hash(said["manifest"]) + ":named:typescript"
    assert said["got"] == said["awaited"] == created
    assert said["listed"] == [created]
    assert said["log"][1:3] == ["Step 1/8: apt-get install curl git", "Step 1/8 completed"]
    assert said["log"][-1] == "Creating checkpoint..."
    assert said["startLog"][0].startswith("Image found in cache (hash=")
    assert [status for _, status in said["sandboxes"]] == ["stopped", "running", "running", "running"]
    assert said["sandboxes"][1] == said["sandboxes"][3]
    assert said["left"] == []
    errors = said["errors"]
    assert errors["failed"].startswith(
        "Build failed: image build failed: image build failed: step 0 (run) failed (exit 1)"
    )
    assert "step 0 (run) failed (exit 2)" in errors["syntax"]
    assert errors["taken"] == 'Failed to create snapshot: 409 {"error":"snapshot name already exists"}'
    assert errors["key"] == "Failed to list snapshots: 403"
    assert errors["unknown"] == 'Build failed: snapshot "unknown" not found'
    assert errors["deleted"] == "Failed to get snapshot: 404"
