"""The examples for teams, run as their READMEs say: environments, monorepo, secrets, components, policy, portal."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from adapters import DYNAMIC, only
from emulator_process import Emulator
from project import Project

pytestmark = only(DYNAMIC)

_EXAMPLES = Path(__file__).parents[2] / "examples"
_TOKEN = "a-token-for-the-index-4711"


def _copy(example: str, folder: Path) -> Path:
    return Path(shutil.copytree(_EXAMPLES / example, folder))


def _python(*arguments: str | Path, cwd: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False)


def test_environments_share_an_image_and_a_consumer_starts_a_sandbox(
    project: Project, emulator: Emulator, tmp_path: Path
) -> None:
    """Two stacks of one program, a program that reads an output of one, and OpenComputer's SDK with that name."""
    images = _copy("environments/images", tmp_path / "images")
    consumer = _copy("environments/consumer", tmp_path / "consumer")

    def pulumi(folder: Path, *arguments: str) -> str:
        command = ["pulumi", *arguments, "--non-interactive"]
        ran = subprocess.run(
            command, cwd=folder, env=project.environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout.strip()

    for stack in ("staging", "production"):
        pulumi(images, "stack", "init", stack)
        pulumi(images, "config", "set", "pandas", "2.2.3")
        pulumi(images, "up", "--yes", "--skip-preview")
    names = {
        stack: pulumi(images, "stack", "output", "agents", "--stack", stack) for stack in ("staging", "production")
    }
    assert set(names.values()) == {record["name"] for record in emulator.snapshots()}
    assert len(set(names.values())) == 2
    assert len(emulator.builds()) == 1
    pulumi(consumer, "stack", "init", "production")
    pulumi(consumer, "config", "set", "images", "organization/sandbox-images/production")
    pulumi(consumer, "up", "--yes", "--skip-preview")
    assert pulumi(consumer, "stack", "output", "snapshot") == names["production"]
    ran = _python("start_sandbox.py", names["production"], cwd=consumer, environment=project.environment)
    assert f"runs from {names['production']}" in ran.stdout, ran.stderr


def test_monorepo_secrets_and_components_deploy(project: Project, emulator: Emulator) -> None:
    """In one deployment ten services share a build, a token is in no log or state, and teams get their names."""
    examples = ("monorepo", "secrets", "components")
    for example in examples:
        _copy(example, project.folder / example)
    (project.folder / "__main__.py").write_text(
        "import os, runpy, sys\n"
        f"for example in {examples}:\n"
        "    folder = os.path.abspath(example)\n"
        "    sys.path.insert(0, folder)\n"
        "    os.chdir(folder)\n"
        "    runpy.run_path('__main__.py', run_name='__main__')\n"
        "    os.chdir('..')\n"
    )
    project.config("indexToken", _TOKEN, secret=True)
    ran = project.up()
    outputs = project.outputs()
    services = [name for name in outputs if name not in ("private", "research", "support")]
    assert len(services) == 10
    found = {record["name"]: record["contentHash"].partition(":")[0] for record in emulator.snapshots()}
    assert len({found[outputs[service]] for service in services}) == 2
    assert "run (holds a secret)" in ran.text
    assert _TOKEN not in ran.text + project.exported()
    assert outputs["research"] == {"batch": "research-batch-dev", "notebooks": "research-notebooks-dev"}
    assert {"research-batch-dev", "support-agents-dev"} <= set(found)
    # Two builds for the services, one for the token, one for each team.
    assert len(emulator.builds()) == 5
    assert set(project.up().steps().values()) == {"same"}


def test_portal_tells_how_a_deployment_goes_and_why_one_fails(
    project: Project, emulator: Emulator, tmp_path: Path
) -> None:
    """It shows the build's lines; a request that can't be built is rejected before anything is deployed."""
    portal = _copy("portal", tmp_path / "portal")
    told = _python("portal.py", "research", "--apt", "ripgrep", "jq", cwd=portal, environment=project.environment)
    assert told.returncode == 0, told.stderr
    assert "research: [1/1] apt install ripgrep jq" in told.stdout
    assert "research: created research" in told.stdout
    (record,) = emulator.snapshots()
    assert told.stdout.splitlines()[-1] == f"research: ready, start sandboxes from {record['name']}"
    refused = _python("portal.py", "research", "--pip", "pandas # why", cwd=portal, environment=project.environment)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "pipInstall[0]" in refused.stderr
    failed = _python("portal.py", "research", "--apt", "Ripgrep", cwd=portal, environment=project.environment)
    assert failed.returncode == 1
    assert "Unable to locate package" in failed.stderr
    assert emulator.snapshots() == [record]


@pytest.fixture
def policies(project: Project, tmp_path: Path) -> dict[str, str]:
    """An environment in which the engine can run policy packs.

    A Pulumi release needs nothing for this. The Python host compiled from the Go module proxy is too old to start
    policy packs, and leaves out the pack's name; a stand-in does it instead.
    """
    shims = tmp_path / "shims"
    shims.mkdir()
    for name in ("python", "python3"):
        shim = shims / name
        pack = tmp_path / "policy" / "rules"
        start = f'[ -n "$1" ] || {{ shift; set -- -u -m pulumi.policy "$@" "{pack}"; }}'
        shim.write_text(f'#!/bin/sh\n{start}\nexec "{sys.executable}" "$@"\n')
        shim.chmod(0o755)
    return {**project.environment, "PATH": str(shims) + os.pathsep + project.environment["PATH"]}


def test_policy_pack_lets_the_careful_program_pass_and_stops_the_careless_one(
    policies: dict[str, str], tmp_path: Path
) -> None:
    """Each of the three rules is named, with the step that violates it."""
    images = _copy("policy", tmp_path / "policy") / "images"

    def pulumi(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["pulumi", *arguments, "--non-interactive"]
        return subprocess.run(
            command, cwd=images, env=policies, capture_output=True, text=True, timeout=300, check=False
        )

    assert pulumi("stack", "init", "dev").returncode == 0
    careful = pulumi("preview", "--policy-pack", str(images.parent / "rules"))
    assert careful.returncode == 0, careful.stdout + careful.stderr
    assert "sandbox-images" in careful.stdout
    pulumi("config", "set", "careless", "true")
    careless = pulumi("preview", "--policy-pack", str(images.parent / "rules"))
    assert careless.returncode != 0
    told = careless.stdout + careless.stderr
    for words in ("the base is 'default'", "step 1: pin 'pandas'", "step 2: API_TOKEN looks like a credential"):
        assert words in told
    assert "in clear text" not in json.dumps(told)
