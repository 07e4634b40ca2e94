"""A project with one kind of program, and its server."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from typing import Any

import httpx

from declared_program import Column, Declared
from emulator_process import DEADLINE, Emulator
from project import Project, Ran


class World:
    """A project and its server.

    Attributes:
        project: The project.
        emulator: The server.
        column: The kind of its programs.
    """

    def __init__(self, project: Project, emulator: Emulator, column: Column) -> None:
        self.project = project
        self.emulator = emulator
        self.column = column

    @property
    def settings(self) -> dict[str, str]:
        """The settings of a provider that uses the server."""
        return {"apiUrl": self.emulator.url, "apiKey": self.emulator.api_key}

    def write(self, *resources: Declared, head: str = "") -> None:
        """Write the program."""
        self.column.write(self.project, *resources, head=head)

    def write_with_provider(self) -> None:
        """Write a program with one snapshot, `daily`, and an explicit provider that has the key."""
        settings = self.settings
        if self.column.is_yaml:
            self.project.yaml(
                "resources:\n"
                f"  own: {{type: pulumi:providers:opencomputer, properties: {json.dumps(settings)}}}\n"
                "  daily:\n"
                "    type: opencomputer:Snapshot\n"
                "    properties: {name: daily, manifest: {steps: [{run: [make]}]}}\n"
                '    options: {provider: "${own}"}\n'
            )
        else:
            self.project.program(f"""
            own = pulumi.ProviderResource("opencomputer", "own", {settings})
            opts = pulumi.ResourceOptions(provider=own)
            Snapshot("daily", Manifest.base().run_commands("make"), name="daily", opts=opts)
            """)

    def up(self, *options: str, fails: bool = False) -> Ran:
        """Run `pulumi up`."""
        return self.project.up(*options, fails=fails)

    def urn(self, name: str) -> str:
        """Return a resource's URN in the state."""
        found = [each["urn"] for each in self._resources() if each["urn"].rpartition("::")[2] == name]
        return str(found[0])

    def ids(self) -> dict[str, str]:
        """Return the ids of the snapshots' records in the state, by the resource's name."""
        return {
            entry["urn"].rpartition("::")[2]: entry["outputs"]["snapshotId"]
            for entry in self._snapshots()
            if not entry.get("delete")
        }

    def _snapshots(self) -> list[dict[str, Any]]:
        return [entry for entry in self._resources() if "snapshotId" in entry.get("outputs", {})]

    def _resources(self) -> list[dict[str, Any]]:
        resources: list[dict[str, Any]] = json.loads(self.project.exported())["deployment"].get("resources", [])
        return resources

    def records(self) -> dict[str, dict[str, Any]]:
        """Return the server's named records by name."""
        return {record["name"]: record for record in self.emulator.snapshots()}

    def record_ids(self) -> set[str]:
        """Return the ids of the server's named records."""
        return {record["id"] for record in self.emulator.snapshots()}

    def make(self, name: str, command: str) -> dict[str, Any]:
        """Create a snapshot, as another client would; return its record."""
        return self.emulator.create(name, {"base": "base", "steps": [{"type": "run", "args": {"commands": [command]}}]})

    def delete(self, name: str) -> None:
        """Delete a snapshot, as another client would."""
        url = f"{self.emulator.url}/api/snapshots/{name}"
        httpx.delete(url, headers=self.emulator.headers, timeout=DEADLINE, trust_env=False).raise_for_status()

    def writes(self) -> list[str]:
        """Return the requests that changed something on the server."""
        return [entry["path"] for entry in self.emulator.requests() if entry["method"] != "GET"]

    def import_(self, name: str, id_: str) -> subprocess.CompletedProcess[str]:
        """Run `pulumi import` for a snapshot."""
        kind = f"{self.column.adapter.type_prefix}Snapshot"
        options = ("--yes", "--skip-preview", "--protect=false", "--generate-code=false")
        return self.project.tried("import", kind, name, id_, *options)

    def refused(self, *arguments: str, words: str) -> None:
        """Fail unless a command is rejected with a message that contains these words."""
        ran = self.project.tried(*arguments)
        assert ran.returncode != 0
        assert words in ran.stdout + ran.stderr

    def assert_one_record_each(self, *others: str) -> None:
        """Fail unless the server's named records are exactly those of the state and those with the ids `others`."""
        wanted = Counter([*(entry["outputs"]["snapshotId"] for entry in self._snapshots()), *others])
        assert wanted == Counter(record["id"] for record in self.emulator.snapshots())
