"""A Pulumi project in a folder, driven with the real command line."""

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

    def changes(self, resource: str) -> dict[str, str]:
        """What differs in a resource, by the property's path: the kind of difference, as ``update-replace``."""
        for event in self.events:
            metadata = event.get("resourcePreEvent", {}).get("metadata")
            if metadata and metadata["urn"].rpartition("::")[2] == resource:
                return {path: change["diffKind"] for path, change in (metadata.get("detailedDiff") or {}).items()}
        return {}

    def operations(self, resource: str) -> list[str]:
        """What was done to a resource, in order, by the resource's own name."""
        done = [event.get("resOutputsEvent", {}).get("metadata") for event in self.events]
        return [entry["op"] for entry in done if entry and entry["urn"].rpartition("::")[2] == resource]

    def lines(self, resource: str, severity: str = "info", *, ephemeral: bool = False) -> list[str]:
        """The log lines under a resource, by its own name."""
        return [
            entry["message"].rstrip("\n")
            for event in self.events
            if (entry := event.get("diagnosticEvent"))
            and entry.get("urn", "").rpartition("::")[2] == resource
            and entry.get("severity", "").startswith(severity)
            and bool(entry.get("ephemeral")) == ephemeral
        ]


class Project:
    """A project folder with one stack, its state in a folder beside it.

    Attributes:
        folder: Where it is.
        adapter: How its Python programs reach the provider.
        environment: The environment of its commands.
        color: When its commands print in colours, as for ``--color``.
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
            # Without it the command line has no --event-log.
            "PULUMI_DEBUG_COMMANDS": "1",
            "CI": "",
            **settings,
        }
        (self.folder / "Pulumi.yaml").write_text(f"name: {name}\nruntime: python\n")
        self._run("stack", "init", STACK)

    def urn(self, resource: str, kind: str = "Snapshot") -> str:
        """The URN that a resource of the project has."""
        return f"urn:pulumi:{STACK}::{PROJECT}::{self.adapter.type_prefix}{kind}::{resource}"

    def program(self, body: str) -> None:
        """Write the program in Python; the names of the adapter's module and `pulumi` are imported for it."""
        head = f"import pulumi\nfrom {self.adapter.module} import Image, Manifest, Snapshot\n"
        (self.folder / "__main__.py").write_text(head + textwrap.dedent(body))

    def yaml(self, body: str) -> None:
        """Write the program in YAML, for the plugin."""
        (self.folder / "Pulumi.yaml").write_text(f"name: {PROJECT}\nruntime: yaml\n" + textwrap.dedent(body))

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

    def start(self, *options: str) -> Running:
        """`pulumi up` that goes on while the test does something to it."""
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
        """What the command that was started last printed."""
        return Ran(code, self._output.read_text(), self._read_events())

    def cancel(self) -> None:
        """`pulumi cancel`: unlock the stack after its command line was killed.

        A state file that the kill cut off in writing is first put back from the copy that Pulumi keeps beside it.
        """
        for state in self._state.glob(".pulumi/stacks/*/*.json"):
            try:
                json.loads(state.read_bytes())
            except ValueError:
                shutil.copyfile(state.with_name(f"{state.name}.bak"), state)
        self._run("cancel", "--yes")

    def outputs(self, *, show_secrets: bool = True) -> dict[str, Any]:
        """The stack's outputs."""
        options = ["--show-secrets"] if show_secrets else []
        outputs: dict[str, Any] = json.loads(self._run("stack", "output", "--json", *options).stdout)
        return outputs

    def exported(self) -> str:
        """The exported state, as text."""
        return self._run("stack", "export").stdout

    def edit_state(self, edit: Callable[[str], str]) -> None:
        """Export the state, change its text, and import it again."""
        file = self.folder / "state.json"
        file.write_text(edit(self.exported()))
        self._run("stack", "import", "--file", str(file))

    def pulumi(self, *arguments: str) -> str:
        """Any other command, in the project; what it printed on standard output."""
        return self._run(*arguments).stdout

    def tried(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Any other command, which may fail, or asks for something."""
        return self._run(*arguments, check=False, stdin=stdin)

    def rename_stack(self, name: str) -> None:
        """`pulumi stack rename`."""
        self._run("stack", "rename", name)

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
        return Ran(ran.returncode, text, self._read_events())

    def _read_events(self) -> list[dict[str, Any]]:
        lines = self._events.read_text().splitlines(keepends=True) if self._events.exists() else []
        # The last line is cut off where the command line was killed.
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
    """A command line in the background, in a process group of its own as a shell would start it."""

    def __init__(self, project: Project, process: subprocess.Popen[bytes]) -> None:
        self._project = project
        self._process = process
        self._provider: int | None = None

    @property
    def group(self) -> int:
        """The id of its process group."""
        return self._process.pid

    def interrupt(self) -> None:
        """What Ctrl-C does: SIGINT to the whole process group."""
        os.killpg(self._process.pid, signal.SIGINT)

    def terminate(self) -> None:
        """SIGTERM to the command line."""
        self._process.terminate()

    def kill(self) -> None:
        """SIGKILL to the command line alone."""
        self._process.kill()

    def provider(self) -> int:
        """The process id of the provider, once it runs."""
        self._provider = self._provider or wait_until(
            lambda: _descendant(self._process.pid, self._project.adapter.process)
        )
        return self._provider

    def text(self) -> str:
        """What it has printed so far."""
        return self._project.finished(0).text

    def wait(self) -> Ran:
        """Wait for the end."""
        return self._project.finished(self._process.wait(_LIMIT))

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(_LIMIT)
        # A provider lives on without its engine.
        if self._provider and is_alive(self._provider):
            os.kill(self._provider, signal.SIGKILL)


def is_alive(process: int) -> bool:
    """Whether a process runs; one that ended, but that nobody waited for, does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False)
    return state.stdout.strip()[:1] not in ("", "Z")


def _descendant(ancestor: int, words: str) -> int | None:
    """The process below another, youngest generation first, whose command line holds some words."""
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
