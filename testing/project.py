"""A Pulumi project in a folder, controlled with the real command line."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters import DYNAMIC, Adapter
from emulator_process import wait_until

PROJECT = "pytest"
STACK = "dev"
_LIMIT = 300


@dataclass(frozen=True)
class Ran:
    """The result of a command: its output and the engine's events.

    Attributes:
        code: The exit code.
        text: Standard output and error, as a CI log shows them.
        events: The engine's events: each is a mapping with a sequence number, a timestamp and one other key.
    """

    code: int
    text: str
    events: list[dict[str, Any]]

    def steps(self) -> dict[str, str]:
        """Return the operation planned for each resource, by the resource's name."""
        found = {}
        for event in self.events:
            metadata = event.get("resourcePreEvent", {}).get("metadata")
            if metadata:
                found[metadata["urn"].rpartition("::")[2]] = metadata["op"]
        return found

    def changes(self, resource: str) -> dict[str, str]:
        """Return a resource's differences: the kind, such as ``update-replace``, by the property's path."""
        for event in self.events:
            metadata = event.get("resourcePreEvent", {}).get("metadata")
            if metadata and metadata["urn"].rpartition("::")[2] == resource:
                return {path: change["diffKind"] for path, change in (metadata.get("detailedDiff") or {}).items()}
        return {}

    def operations(self, resource: str) -> list[str]:
        """Return the operations performed on a resource, given by its name, in order."""
        done = [event.get("resOutputsEvent", {}).get("metadata") for event in self.events]
        return [entry["op"] for entry in done if entry and entry["urn"].rpartition("::")[2] == resource]

    def lines(self, resource: str, severity: str = "info", *, ephemeral: bool = False) -> list[str]:
        """Return the log lines of a resource, given by its name."""
        return [
            entry["message"].rstrip("\n")
            for event in self.events
            if (entry := event.get("diagnosticEvent"))
            and entry.get("urn", "").rpartition("::")[2] == resource
            and entry.get("severity", "").startswith(severity)
            and bool(entry.get("ephemeral")) == ephemeral
        ]


class Project:
    """A project folder with one stack, whose state is in a folder next to it.

    Attributes:
        folder: The project's folder.
        adapter: How its Python programs reach the provider.
        environment: The environment variables of its commands.
        color: When its commands print in colour; a value of ``--color``.
    """

    color = "never"

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, str],
        tools: str,
        home: Path,
        adapter: Adapter = DYNAMIC,
        *,
        name: str = PROJECT,
    ) -> None:
        self.adapter = adapter
        self.folder = folder / "project"
        self.folder.mkdir(parents=True)
        self._state = folder / "state"
        self._state.mkdir()
        self._events = folder / "events.json"
        self._output = folder / "output.txt"
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "OPENCOMPUTER_"))},
            "PATH": tools + os.pathsep + os.environ["PATH"],
            "PULUMI_BACKEND_URL": self._state.as_uri(),
            "PULUMI_HOME": str(home),
            "PULUMI_CONFIG_PASSPHRASE": "a passphrase of the tests",
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            # Enables the option --event-log.
            "PULUMI_DEBUG_COMMANDS": "1",
            "CI": "",
            **settings,
        }
        (self.folder / "Pulumi.yaml").write_text(f"name: {name}\nruntime: python\n")
        self._run("stack", "init", STACK)

    def urn(self, resource: str, kind: str = "Snapshot") -> str:
        """Return the URN of one of the project's resources."""
        return f"urn:pulumi:{STACK}::{PROJECT}::{self.adapter.type_prefix}{kind}::{resource}"

    def program(self, body: str) -> None:
        """Write a Python program. Imports of `pulumi` and of the adapter's module are added."""
        head = f"import pulumi\nfrom {self.adapter.module} import Image, Manifest, Snapshot\n"
        (self.folder / "__main__.py").write_text(head + textwrap.dedent(body))

    def yaml(self, body: str) -> None:
        """Write a YAML program, which uses the plugin."""
        (self.folder / "Pulumi.yaml").write_text(f"name: {PROJECT}\nruntime: yaml\n" + textwrap.dedent(body))

    def up(self, *options: str, fails: bool = False) -> Ran:
        """Run `pulumi up` without a preview."""
        return self._operation("up", "--yes", "--skip-preview", *options, fails=fails)

    def preview(self, *options: str, fails: bool = False) -> Ran:
        """Run `pulumi preview`."""
        return self._operation("preview", *options, fails=fails)

    def refresh(self, *options: str, fails: bool = False) -> Ran:
        """Run `pulumi refresh` without a preview."""
        return self._operation("refresh", "--yes", "--skip-preview", *options, fails=fails)

    def destroy(self, *options: str, fails: bool = False) -> Ran:
        """Run `pulumi destroy` without a preview."""
        return self._operation("destroy", "--yes", "--skip-preview", *options, fails=fails)

    def start(self, *options: str) -> Running:
        """Start `pulumi up` in the background."""
        self._events.unlink(missing_ok=True)
        with self._output.open("w") as output:
            process = subprocess.Popen(
                self._command("up", "--yes", "--skip-preview", *options, "--event-log", str(self._events)),
                cwd=self.folder,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return Running(self, process)

    def finished(self, code: int) -> Ran:
        """Return the result of the command that was started last, which ended with this exit code."""
        return Ran(code, self._output.read_text(), self._read_events())

    def cancel(self) -> None:
        """Unlock the stack with `pulumi cancel` after its command line was killed.

        If the kill left a half-written state file, first restore it from the backup that Pulumi keeps next to it.
        """
        for state in self._state.glob(".pulumi/stacks/*/*.json"):
            try:
                json.loads(state.read_bytes())
            except ValueError:
                shutil.copyfile(state.with_name(f"{state.name}.bak"), state)
        self._run("cancel", "--yes")

    def outputs(self, *, show_secrets: bool = True) -> dict[str, Any]:
        """Return the stack's outputs."""
        options = ["--show-secrets"] if show_secrets else []
        outputs: dict[str, Any] = json.loads(self._run("stack", "output", "--json", *options).stdout)
        return outputs

    def exported(self) -> str:
        """Return the exported state as text."""
        return self._run("stack", "export").stdout

    def edit_state(self, edit: Callable[[str], str]) -> None:
        """Export the state, change its text, and import it again."""
        file = self.folder / "state.json"
        file.write_text(edit(self.exported()))
        self._run("stack", "import", "--file", str(file))

    def pulumi(self, *arguments: str) -> str:
        """Run any Pulumi command in the project; return its standard output."""
        return self._run(*arguments).stdout

    def tried(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a Pulumi command that may fail, or that reads from standard input."""
        return self._run(*arguments, check=False, stdin=stdin)

    def rename_stack(self, name: str) -> None:
        """Run `pulumi stack rename`."""
        self._run("stack", "rename", name)

    def resource(self, name: str) -> dict[str, Any]:
        """Return a resource's entry in the state."""
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
        return Ran(ran.returncode, text, self._read_events())

    def _read_events(self) -> list[dict[str, Any]]:
        lines = self._events.read_text().splitlines(keepends=True) if self._events.exists() else []
        # If the command line was killed, the last line may be cut off.
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def _command(self, *arguments: str) -> list[str]:
        return ["pulumi", *arguments, "--non-interactive", "--color", self.color]

    def _run(self, *arguments: str, check: bool = True, stdin: str = "") -> subprocess.CompletedProcess[str]:
        ran = subprocess.run(
            self._command(*arguments),
            cwd=self.folder,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=_LIMIT,
            check=False,
        )
        assert not check or ran.returncode == 0, ran.stdout + ran.stderr
        return ran


class Running:
    """A command that runs in the background, in its own process group, as a shell would start it."""

    def __init__(self, project: Project, process: subprocess.Popen[bytes]) -> None:
        self._project = project
        self._process = process
        self._provider: int | None = None

    @property
    def group(self) -> int:
        """The id of the command's process group."""
        return self._process.pid

    def interrupt(self) -> None:
        """Do what Ctrl-C does: send SIGINT to the whole process group."""
        os.killpg(self._process.pid, signal.SIGINT)

    def terminate(self) -> None:
        """Send SIGTERM to the command line."""
        self._process.terminate()

    def kill(self) -> None:
        """Send SIGKILL to the command line only."""
        self._process.kill()

    def provider(self) -> int:
        """Wait until the provider runs, and return its process id."""
        self._provider = self._provider or wait_until(
            lambda: _descendant(self._process.pid, self._project.adapter.process)
        )
        return self._provider

    def text(self) -> str:
        """Return what the command has printed so far."""
        return self._project.finished(0).text

    def wait(self) -> Ran:
        """Wait for the command's end, and return its result."""
        return self._project.finished(self._process.wait(_LIMIT))

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(_LIMIT)
        # A provider outlives its engine.
        if self._provider and is_alive(self._provider):
            os.kill(self._provider, signal.SIGKILL)


def is_alive(process: int) -> bool:
    """Return whether a process is running; a zombie is not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False)
    return state.stdout.strip()[:1] not in ("", "Z")


def _descendant(ancestor: int, words: str) -> int | None:
    """Return the deepest descendant of a process whose command line contains some words, or None."""
    listed = subprocess.run(
        ["ps", "-axww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()]
    found, generation = None, [str(ancestor)]
    while generation:
        below = [row for row in rows if row[1] in generation]
        found = next((int(row[0]) for row in below if words in row[-1]), found)
        generation = [row[0] for row in below]
    return found
