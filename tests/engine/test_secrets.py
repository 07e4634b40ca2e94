"""Secrets are encrypted in the state and appear nowhere else; the API key appears nowhere at all."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from adapters import Adapter
from emulator_process import Emulator
from project import Project, Ran

# The secrets don't come from the stack's configuration, because the engine itself redacts such values in logs. Each
# contains MARK, which must not appear in any text, not even in a secret of which the server cut off a part.
MARK = "hunt"
SECRETS = {
    "variable": "hunter2-variable",
    "content": "hunter2-content\nsecond line of hunter2-content",
    "command": "echo hunter2-command",
    "apt": "hunter2-apt",
    "pip": "hunter2-pip==1.0",
    "directory": "/hunter2-directory",
    "long": "hunter2-" * 80,
    "quoted": "hunter2-'\"quoted\\ <{%fg 1%}> hunter2\n\x1b[31mhunter2",
}
ENCODED = [encode(SECRETS["content"].encode()) for encode in (base64.b64encode, lambda raw: raw.hex().encode())]

HEAD = """
    import json, pathlib
    values = json.loads(pathlib.Path("secrets.json").read_text())
    secret = {key: pulumi.Output.secret(value) for key, value in values.items()}
"""

WORKING = (
    HEAD
    + """
    manifest = (
        Manifest.base()
        .apt_install(["jq", secret["apt"]])
        .pip_install([secret["pip"]])
        .env({"PLAIN": "hello", "TOKEN": secret["variable"]})
        .add_file("/file", secret["content"])
        .workdir(secret["directory"])
        .run_commands("make", secret["command"], pulumi.Output.concat("login --token=", secret["variable"]))
    )
    whole = secret["command"].apply(lambda command: {"base": "base", "steps": [{"run": [command]}]})
    args = {"path": "/", "files": [{"relativePath": "file", "content": secret["content"]}]}
    image = Image("image", manifest)
    Snapshot("daily", image, name="fixed")
    Snapshot("whole", whole)
    Snapshot("directory", {"base": "base", "steps": [{"addDir": args}]})
    pulumi.export("manifest", image.manifest)
"""
)

FAILING = (
    HEAD
    + """
    broken = dict(
        command=[secret["command"], "FAIL_BUILD"],
        long=[pulumi.Output.concat(secret["long"], " FAIL_BUILD")],
        cut=[pulumi.Output.concat("x" * 463, secret["variable"], " FAIL_BUILD")],
        quoted=[pulumi.Output.concat("FAIL_BUILD ", secret["quoted"])],
    )
    for resource, commands in broken.items():
        Snapshot(resource, Manifest.base().run_commands(pulumi.Output.all(*commands).apply(" && ".join)))
"""
)


@dataclass(frozen=True)
class Deployed:
    """The output and the results of the commands for one program.

    Attributes:
        previewed: A preview with its diffs.
        first: The run that deployed it.
        second: A run without changes.
        state: The exported state.
        outputs: The stack's outputs as they are shown.
    """

    previewed: Ran
    first: Ran
    second: Ran
    state: str
    outputs: str


@pytest.fixture(scope="module")
def deployed(
    tmp_path_factory: pytest.TempPathFactory, tools: str, pulumi_home: Path, adapter: Adapter
) -> Iterator[Deployed]:
    """The program, deployed with a secret of each kind."""
    folder = tmp_path_factory.mktemp("secrets")
    with Emulator(folder / "emulator") as emulator:
        settings = {"OPENCOMPUTER_API_URL": emulator.url, "OPENCOMPUTER_API_KEY": emulator.api_key}
        project = Project(folder / "pulumi", settings, tools, pulumi_home, adapter)
        _write_secrets(project)
        project.program(WORKING)
        runs = project.preview("--diff"), project.up("--diff"), project.up()
        yield Deployed(*runs, project.exported(), json.dumps(project.outputs(show_secrets=False)))


def test_secrets_are_encrypted_wherever_the_state_has_them(deployed: Deployed) -> None:
    """No input or output of a resource, and no output of the stack, shows a secret in clear."""
    _assert_hidden(deployed.state, deployed.outputs)
    assert '"[secret]"' in deployed.outputs


def test_secrets_are_in_no_log_and_no_event(deployed: Deployed) -> None:
    """The output of a preview, a deployment and a run without changes, with diffs, contains no secret."""
    for ran in (deployed.previewed, deployed.first, deployed.second):
        _assert_hidden(ran.text, str(ran.events))


def test_steps_that_hold_a_secret_say_so_in_place_of_what_they_do(deployed: Deployed) -> None:
    """The build's log shows only the kind of a secret step."""
    lines = [line.rpartition(" (")[0] for line in deployed.first.lines("image")]
    kinds = ["apt install", "pip install", "env", "add file", "workdir", "run"]
    assert lines[:-1] == [f"image: [{number}/6] {kind} (holds a secret)" for number, kind in enumerate(kinds, 1)]


def test_secrets_that_do_not_change_are_no_change(deployed: Deployed) -> None:
    """Each run encrypts them anew, but that does not count as a change."""
    assert set(deployed.second.steps().values()) <= {"same"}


def test_failing_build_shows_no_part_of_a_secret(project: Project) -> None:
    """The server repeats the failing command, cut anywhere; no part of a secret in it is shown or recorded."""
    _write_secrets(project)
    project.program(FAILING)
    ran = project.up("--continue-on-error", fails=True)
    _assert_hidden(ran.text, str(ran.events), project.exported())
    withheld = "[1/1] run (holds a secret). The server's text is withheld, because the step holds a secret. (OC1111)"
    # The shell exits with 2 if a quotation mark is not closed.
    for resource, code in {"command": 1, "long": 1, "cut": 1, "quoted": 2}.items():
        (error,) = ran.lines(resource, "error")
        told, place = error.splitlines()
        assert told.endswith(f"The build failed at step 1 (run) with exit code {code}: {withheld}")
        assert re.fullmatch(r"  at __main__\.py:\d+ \.run_commands\(…\)", place)


def test_value_that_becomes_secret_leaves_the_old_state(project: Project, emulator: Emulator) -> None:
    """If an unchanged value becomes secret, it is encrypted in the state at once, without a request."""
    program = """
    token = VALUE
    image = Image("image", Manifest.base().env({"TOKEN": token}))
    Snapshot("daily", image, name="fixed")
    trial = pulumi.Output.from_input(token).apply(lambda value: {"base": "base", "steps": [{"run": [value]}]})
    Snapshot("trial", trial)
    """
    project.program(program.replace("VALUE", '"hunter2"'))
    project.up()
    assert MARK in project.exported()
    emulator.forget_requests()
    project.program(program.replace("VALUE", 'pulumi.Output.secret("hunter2")'))
    ran = project.up()
    assert {ran.steps()[resource] for resource in ("image", "daily", "trial")} == {"update"}
    assert emulator.requests() == []
    # Don't check the engine's events: they contain the old value, which was not secret.
    _assert_hidden(project.exported(), ran.text)


def test_secret_name_is_refused(project: Project, emulator: Emulator) -> None:
    """The name becomes the id, which is shown in clear, so a secret name is an error that does not show it."""
    project.program('Snapshot("daily", Manifest.base(), name=pulumi.Output.secret("hunter2"))')
    ran = project.up(fails=True)
    assert "has a problem: __main__.py:3: name: must not be secret: a snapshot's name is its id" in ran.text
    _assert_hidden(ran.text, str(ran.events), project.exported())
    assert emulator.requests() == []


def test_api_key_stands_nowhere(project: Project, emulator: Emulator) -> None:
    """From the configuration or the environment, right or wrong, the key is in no state, event or output."""
    project.environment.pop("OPENCOMPUTER_API_KEY")
    project.config("opencomputer:apiKey", emulator.api_key, secret=True)
    program = 'Snapshot("daily", Manifest.base("BASE"), name="fixed")'
    project.program(program.replace("BASE", "base"))
    ran = project.up()
    texts = [ran.text, str(ran.events), project.exported()]
    project.config("opencomputer:apiKey", "", secret=True)
    project.environment["OPENCOMPUTER_API_KEY"] = "hunter2-key"
    project.program(program.replace("BASE", "other"))
    ran = project.up(fails=True)
    assert "The server does not accept the API key" in ran.text
    texts += [ran.text, str(ran.events), project.exported()]
    _assert_hidden(*texts)
    assert not [text for text in texts if emulator.api_key in text]


def test_a_plain_api_key_is_warned_about_once(project: Project, emulator: Emulator) -> None:
    """A key set without --secret is readable in the configuration, so each run names the command to encrypt it."""
    project.environment.pop("OPENCOMPUTER_API_KEY")
    project.config("opencomputer:apiKey", emulator.api_key)
    project.program("""
    Snapshot("daily", Manifest.base(), name="fixed")
    Image("image", Manifest.base())
    """)
    for ran in (project.preview(), project.up()):
        said = [
            event["diagnosticEvent"]["message"] for event in ran.events if "is not encrypted in the stack" in str(event)
        ]
        assert len(said) == 1
        assert "pulumi config set --secret opencomputer:apiKey" in said[0]
    project.config("opencomputer:apiKey", emulator.api_key, secret=True)
    assert "is not encrypted in the stack" not in project.up().text


def _write_secrets(project: Project) -> None:
    (project.folder / "secrets.json").write_text(json.dumps(SECRETS))


def _assert_hidden(*texts: str) -> None:
    for text in texts:
        assert MARK not in text
        assert not [encoded for encoded in ENCODED if encoded.decode()[:24] in text]
