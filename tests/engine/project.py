"""A Pulumi project in a folder, driven with the real command line."""

from __future__ import annotations

import json
import os
import subprocess
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = "pytest"
STACK = "dev"
_LIMIT = 300


def urn(resource: str, kind: str = "Snapshot") -> str:
    """The URN that a resource of the test project has."""
    return f"urn:pulumi:{STACK}::{PROJECT}::pulumi-python:dynamic/opencomputer:{kind}::{resource}"


@dataclass(frozen=True)
class Ran:
    """What a command printed, and what the engine's events said.

    Attributes:
        code: The exit code.
        text: Standard output and error, as a CI log shows them.
        events: The engine's events, each a mapping with one key beside sequence and timestamp.
    """

    code: int
    text: str
    events: list[dict[str, Any]]

    def steps(self) -> dict[str, str]:
        """The operation that was planned for each resource, by the resource's own name."""
        found = {}
        for event in self.events:
            metadata = event.get("resourcePreEvent", {}).get("metadata")
            if metadata:
                found[metadata["urn"].rpartition("::")[2]] = metadata["op"]
        return found

    def lines(self, of: str, severity: str = "info", *, ephemeral: bool = False) -> list[str]:
        """The log lines under a URN."""
        return [
            entry["message"].rstrip("\n")
            for event in self.events
            if (entry := event.get("diagnosticEvent"))
            and entry.get("urn") == of
            and entry.get("severity", "").startswith(severity)
            and bool(entry.get("ephemeral")) == ephemeral
        ]


class Project:
    """A project folder with one stack, its state in a folder beside it."""

    def __init__(self, folder: Path, settings: Mapping[str, str], tools: str, home: Path) -> None:
        self.folder = folder / "project"
        self.folder.mkdir(parents=True)
        state = folder / "state"
        state.mkdir()
        self._events = folder / "events.json"
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "OPENCOMPUTER_"))},
            "PATH": tools + os.pathsep + os.environ["PATH"],
            "PULUMI_BACKEND_URL": state.as_uri(),
            "PULUMI_HOME": str(home),
            "PULUMI_CONFIG_PASSPHRASE": "a passphrase of the tests",
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            # Without it the command line has no --event-log.
            "PULUMI_DEBUG_COMMANDS": "1",
            "CI": "",
            **settings,
        }
        (self.folder / "Pulumi.yaml").write_text(f"name: {PROJECT}\nruntime: python\n")
        self._run("stack", "init", STACK)

    def program(self, body: str) -> None:
        """Write the program; the package's public names and `pulumi` are imported for it."""
        head = "import pulumi\nfrom pulumi_opencomputer import Image, Manifest, Snapshot\n"
        (self.folder / "__main__.py").write_text(head + textwrap.dedent(body))

    def up(self, *options: str, fails: bool = False) -> Ran:
        """`pulumi up` without a preview."""
        return self._operation("up", "--yes", "--skip-preview", *options, fails=fails)

    def preview(self, *options: str, fails: bool = False) -> Ran:
        """`pulumi preview`."""
        return self._operation("preview", *options, fails=fails)

    def refresh(self, *options: str, fails: bool = False) -> Ran:
        """`pulumi refresh` without a preview."""
        return self._operation("refresh", "--yes", "--skip-preview", *options, fails=fails)

    def destroy(self, *options: str, fails: bool = False) -> Ran:
        """`pulumi destroy` without a preview."""
        return self._operation("destroy", "--yes", "--skip-preview", *options, fails=fails)

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, secrets shown."""
        outputs: dict[str, Any] = json.loads(self._run("stack", "output", "--json", "--show-secrets").stdout)
        return outputs

    def exported(self) -> str:
        """The exported state, as text."""
        return self._run("stack", "export").stdout

    def resource(self, name: str) -> dict[str, Any]:
        """One resource's entry in the state."""
        resources = json.loads(self.exported())["deployment"]["resources"]
        (found,) = [entry for entry in resources if entry["urn"].rpartition("::")[2] == name]
        return dict(found)

    def config(self, key: str, value: str, *, secret: bool = False) -> None:
        """Set a value of the stack's configuration."""
        self._run("config", "set", *(["--secret"] if secret else []), key, value)

    def _operation(self, *arguments: str, fails: bool) -> Ran:
        self._events.unlink(missing_ok=True)
        ran = self._run(*arguments, "--event-log", str(self._events), check=False)
        text = ran.stdout + ran.stderr
        assert (ran.returncode != 0) == fails, text
        lines = self._events.read_text().splitlines() if self._events.exists() else []
        return Ran(ran.returncode, text, [json.loads(line) for line in lines])

    def _run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        ran = subprocess.run(
            ["pulumi", *arguments, "--non-interactive", "--color", "never"],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=_LIMIT,
            check=False,
        )
        assert not check or ran.returncode == 0, ran.stdout + ran.stderr
        return ran
