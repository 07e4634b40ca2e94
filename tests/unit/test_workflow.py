"""The example's GitHub Actions workflow, as GitHub would read it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "ci-deploy"
WORKFLOW = EXAMPLE / ".github" / "workflows" / "sandbox-images.yml"


@pytest.fixture(scope="module")
def actionlint() -> str:
    """The linter that `make setup` installs, or one on PATH."""
    found = shutil.which("actionlint", path=str(ROOT / ".tools" / "bin")) or shutil.which("actionlint")
    if found is None:
        reason = "actionlint is neither in .tools/bin nor on PATH; make setup installs it"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def lint(actionlint: str, workflow: str) -> subprocess.CompletedProcess[str]:
    # Whether shellcheck and pyflakes are installed must not decide what is found.
    command = [actionlint, "-no-color", "-shellcheck=", "-pyflakes=", "-stdin-filename", WORKFLOW.name, "-"]
    return subprocess.run(command, input=workflow, capture_output=True, text=True, check=False)


def test_the_linter_finds_nothing_in_the_workflow(actionlint: str) -> None:
    """actionlint accepts the workflow as it is shipped."""
    done = lint(actionlint, WORKFLOW.read_text(encoding="utf-8"))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("contents: read", "contents: reed"),
        ("stack-name: ${{ env.STACK }}", "stack: ${{ env.STACK }}"),
        ("github.event_name == 'push'", "github.event_nam == 'push'"),
    ],
    ids=["permission", "action input", "expression"],
)
def test_the_linter_would_find_a_mistake(actionlint: str, right: str, wrong: str) -> None:
    """A misspelt permission, input of an action or expression does not pass."""
    text = WORKFLOW.read_text(encoding="utf-8")
    assert right in text
    assert lint(actionlint, text.replace(right, wrong)).returncode == 1


def test_only_the_deployment_is_given_the_key() -> None:
    """The preview, which runs a pull request's code, does without OpenComputer's key."""
    preview, deploy = WORKFLOW.read_text(encoding="utf-8").split("\n  deploy:\n")
    assert "secrets.OPENCOMPUTER_API_KEY" not in preview
    assert "secrets.OPENCOMPUTER_API_KEY" in deploy


def test_a_deployment_is_never_cancelled_half_way() -> None:
    """A newer push waits for the running deployment."""
    deploy = WORKFLOW.read_text(encoding="utf-8").split("\n  deploy:\n")[1]
    assert "cancel-in-progress: false" in deploy
