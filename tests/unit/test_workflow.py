"""The GitHub Actions workflows of the examples and of this project, checked as GitHub reads them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "ci-deploy"
WORKFLOW = EXAMPLE / ".github" / "workflows" / "sandbox-images.yml"
TESTING_WORKFLOW = ROOT / "examples" / "testing-with-emulator" / ".github" / "workflows" / "test.yml"
OWN_WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"


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


def named(workflow: str) -> str:
    """Replace each commit by a version, by which the linter knows the inputs of actions.

    It knows no newer versions than these; they have the inputs that are used here.
    """
    versions = {"actions/checkout": "v4", "actions/setup-python": "v5", "pulumi/actions": "v6"}
    return re.sub(r"([\w/-]+)@[0-9a-f]{40}", lambda used: f"{used[1]}@{versions.get(used[1], used[0][-40:])}", workflow)


def lint(actionlint: str, workflow: str) -> subprocess.CompletedProcess[str]:
    # The result must not depend on whether shellcheck and pyflakes are installed.
    command = [actionlint, "-no-color", "-shellcheck=", "-pyflakes=", "-stdin-filename", WORKFLOW.name, "-"]
    return subprocess.run(command, input=named(workflow), capture_output=True, text=True, check=False)


@pytest.mark.tools
@pytest.mark.parametrize(
    "workflow",
    [WORKFLOW, TESTING_WORKFLOW, OWN_WORKFLOW],
    ids=["the deploy example's", "the testing example's", "the project's"],
)
def test_the_linter_finds_nothing_in_a_workflow(actionlint: str, workflow: Path) -> None:
    """actionlint accepts each workflow as it is."""
    done = lint(actionlint, workflow.read_text(encoding="utf-8"))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.tools
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("contents: read", "contents: reed"),
        ("stack-name: ${{ env.STACK }}", "stack: ${{ env.STACK }}"),
        ("github.event_name == 'push'", "github.event_nam == 'push'"),
    ],
    ids=["permission", "action input", "expression"],
)
def test_the_linter_finds_a_mistake(actionlint: str, right: str, wrong: str) -> None:
    """A misspelt permission, action input or expression is reported."""
    text = WORKFLOW.read_text(encoding="utf-8")
    assert right in text
    assert lint(actionlint, text.replace(right, wrong)).returncode == 1


def test_only_the_deployment_gets_the_key() -> None:
    """The tests and the preview run the code of a pull request, so they don't get OpenComputer's key."""
    others, deploy = WORKFLOW.read_text(encoding="utf-8").split("\n  deploy:\n")
    assert "secrets." not in others
    assert re.findall(r"secrets\.\w+", deploy) == ["secrets.OPENCOMPUTER_API_KEY"]


def test_the_job_for_forks_gets_no_token_and_no_secret() -> None:
    """It can only read the repository."""
    job = WORKFLOW.read_text(encoding="utf-8").partition("\n  emulator:\n")[2].partition("\n  preview:\n")[0]
    assert re.findall(r"^      (\S+: \w+)", job.partition("permissions:")[2].partition("steps:")[0], re.M) == [
        "contents: read"
    ]
    assert "if:" not in job


def test_both_triggers_have_the_same_paths() -> None:
    """GitHub's workflow parser has no aliases, so the list is there twice."""
    first, second = re.findall(r"^    paths: (.*)$", WORKFLOW.read_text(encoding="utf-8"), re.MULTILINE)
    assert first == second


@pytest.mark.tools
@pytest.mark.parametrize("folder", ["ci-deploy", "testing-with-emulator"])
def test_the_gitlab_pipeline_is_valid(folder: str, tmp_path: Path) -> None:
    """It matches GitLab's own schema, which reports a misspelt key."""
    pipeline = ROOT / "examples" / folder / ".gitlab-ci.yml"
    wrong = tmp_path / ".gitlab-ci.yml"
    wrong.write_text(pipeline.read_text(encoding="utf-8").replace("  script:", "  scripts:"))
    for file, code in ((pipeline, 0), (wrong, 1)):
        command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.gitlab-ci", str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout


def test_a_deployment_is_never_cancelled_half_way() -> None:
    """A newer push waits for the running deployment."""
    deploy = WORKFLOW.read_text(encoding="utf-8").split("\n  deploy:\n")[1]
    assert "cancel-in-progress: false" in deploy


@pytest.mark.parametrize("workflow", [OWN_WORKFLOW, WORKFLOW, TESTING_WORKFLOW], ids=["own", "deploy", "testing"])
def test_each_action_is_pinned_to_a_commit(workflow: Path) -> None:
    """A tag could be moved to other code; the commit's tag is in a comment, for those who update it."""
    used = [line for line in workflow.read_text(encoding="utf-8").splitlines() if "uses:" in line]
    assert used
    assert [line for line in used if not re.search(r"uses: [\w./-]+@[0-9a-f]{40}\b.* # v\d+\.\d+\.\d+\b", line)] == []


def test_the_project_is_tested_on_each_supported_python() -> None:
    """The matrix has the versions in the package's classifiers."""
    matrix = re.search(r"python: \[(.*)\]", OWN_WORKFLOW.read_text(encoding="utf-8"))
    assert matrix is not None
    classifiers = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert re.findall(r"3\.\d+", matrix[1]) == classifiers
