"""The type of a resource's manifest, as editors and type checkers use it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pulumi_opencomputer.manifest.steps import KINDS
from pulumi_opencomputer.program import manifest_types as generated

ROOT = Path(__file__).parents[2]

#: Lines with a mistake end with a comment.
PROGRAM = '''
import json
from pathlib import Path

import pulumi

from pulumi_opencomputer import Image, Manifest, ManifestDict, Snapshot, native


class Sdk:
    """As the OpenComputer SDK's Image."""

    def to_dict(self) -> dict[str, object]:
        return {}


token = pulumi.Output.secret("x")
package: pulumi.Input[str] = "jq"
words = ["jq", "fd-find"]
image = Image("image", Manifest.base().apt_install(["jq"]))
shared: ManifestDict = {"steps": [{"run": ["make"]}], "rebuild": "1"}
Image("i", shared)
Snapshot("s", image, name="daily")
Snapshot("s", image.manifest)
Snapshot("s", Image.base().run_commands("true"))
Snapshot("s", Sdk())
Snapshot("s", pulumi.Output.from_input(Manifest.base()))
Snapshot("s", json.loads("{}"))
Snapshot("s", {})
Snapshot("s", {"base": "base", "steps": []})
Snapshot("s", {"steps": [{"aptInstall": ["jq", package]}, {"pipInstall": words}, {"run": ("a", "b")}]})
Snapshot("s", {"steps": [{"aptInstall": [token]}, {"run": [pulumi.Output.concat("x ", token), "b"]}]})
Snapshot("s", {"steps": [{"run": pulumi.Output.from_input(["a"])}, {"run": [f"echo {i}" for i in range(3)]}]})
Snapshot("s", {"steps": [{"env": {"A": token, "B": "b"}}, {"workdir": Path("/w")}], "runtimeMemoryMB": 512})
Snapshot("s", {"steps": [{"addDir": {"path": "/w", "source": Path("app"), "ignore": ["*.log"]}}]})
Snapshot("s", {"steps": [{"addDir": {"path": "/w", "files": [{"relativePath": "a", "content": "b"}]}}]})
Snapshot("s", {"steps": [{"addFile": {"path": "/w", "content": token}}]})
Snapshot("s", {"steps": [{"type": "run", "args": {"commands": ["true"]}}]})
native.Snapshot("s", {"steps": [{"run": ["true"]}]})
Snapshot("s", 5)  # wrong
Snapshot("s", "base")  # wrong
Image("i", None)  # wrong
Snapshot("s", [{"run": ["make"]}])  # wrong
Snapshot("s", {"step": []})  # wrong
Snapshot("s", {"steps": [{"aptInstal": ["jq"]}]})  # wrong
Snapshot("s", {"steps": [{"aptInstall": "jq"}]})  # wrong
Snapshot("s", {"steps": [{"aptInstall": [5]}]})  # wrong
Snapshot("s", {"steps": [{"run": {"a", "b"}}]})  # wrong
Snapshot("s", {"steps": [{"run": ["a"], "workdir": "/w"}]})  # wrong
Snapshot("s", {"steps": [{"env": {"PORT": 8080}}]})  # wrong
Snapshot("s", {"steps": [{"addFile": {"content": "x"}}]})  # wrong
Snapshot("s", {"steps": [{"addFile": {"path": "/x", "contents": "x"}}]})  # wrong
Snapshot("s", {"steps": [{"type": "install", "args": {}}]})  # wrong
Snapshot("s", {"builderMemoryMB": "4096"})  # wrong
Image("i", {"steps": [{"aptInstal": ["jq"]}]})  # wrong
native.Snapshot("s", {"steps": [{"aptInstal": ["jq"]}]})  # wrong
'''

WRONG = [number for number, line in enumerate(PROGRAM.splitlines(), 1) if line.endswith("# wrong")]


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """The program, in a folder outside of this project's settings."""
    file = tmp_path / "program.py"
    file.write_text(PROGRAM)
    return file


def output_of(command: Sequence[str], folder: Path) -> str:
    """The output of a checker."""
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode in (0, 1), ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.tools
def test_mypy_reports_the_wrong_forms_and_no_others(program: Path) -> None:
    """In strict mode, which users' projects may have set."""
    said = output_of(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", os.devnull, program.name], program.parent
    )
    found = [int(number) for number in re.findall(r"^program\.py:(\d+): error", said, re.MULTILINE)]
    assert found == WRONG, said


@pytest.mark.tools
def test_pyright_reports_the_wrong_forms_and_no_others(program: Path) -> None:
    """Pylance, the language server of VS Code, is based on it."""
    if shutil.which("node") is None and not os.environ.get("CI"):
        pytest.skip("Node.js is not installed; pyright can't run")
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "--outputjson", program.name]
    said = output_of(command, program.parent)
    report: dict[str, Any] = json.loads(said[said.index("{") :])
    errors = [each for each in report["generalDiagnostics"] if each["severity"] == "error"]
    assert sorted({each["range"]["start"]["line"] + 1 for each in errors}) == WRONG, said


@pytest.mark.tools
def test_the_generated_types_are_current() -> None:
    """``python tools/manifest_types.py`` writes them."""
    ran = subprocess.run([sys.executable, "tools/manifest_types.py", "--check"], cwd=ROOT, check=False)
    assert ran.returncode == 0, "run python tools/manifest_types.py"


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.key)
def test_each_kind_of_step_has_a_type(kind) -> None:
    """The type has the step's key, and no other."""
    assert getattr(generated, f"{kind.__name__}Step").__required_keys__ == {kind.key}


def test_the_types_leave_out_what_the_provider_fills_in() -> None:
    """An editor only suggests keys that a program sets."""
    assert generated.DirectoryDict.__optional_keys__ == {"source", "ignore", "files"}
    assert generated.FileDict.__optional_keys__ == {"content", "encoding", "source"}
