"""States written by older versions of the package, restored together with the records that they refer to.

An export is stored with placeholders for whatever differs between machines and runs. To restore it, the records are
created again through the emulator's API, and the old ids and times in the state are replaced with the new ones.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from adapters import DYNAMIC, Adapter
from emulator_process import Emulator
from project import STACK, Project

VERSIONS = Path(__file__).parents[1] / "tests" / "states"
FOLDER, API_URL = "/FOLDER-OF-THE-PROJECT", "http://ADDRESS-OF-THE-API"
SECRET = "hunter2-hunter2"
# Fields that the server generates for a record, and that a state may contain.
_MADE_UP = ("id", "checkpointId", "orgId", "createdAt", "lastUsedAt")


class OldState:
    """The state and records that one version left with one adapter.

    Attributes:
        folder: The version's program and its local files.
        adapter: How the program reached the provider.
        records: The server's records of the deployed stack, oldest first, as the API answered them.
    """

    def __init__(self, version: str, adapter: Adapter) -> None:
        self.folder = VERSIONS / version
        self.adapter = adapter
        self._state = self.folder / f"{adapter.name}-state.json"
        self._records = self.folder / f"{adapter.name}-records.json"
        self.records: list[dict[str, Any]] = json.loads(self._records.read_text()) if self._records.exists() else []

    def named(self) -> dict[str, dict[str, Any]]:
        """Return the named records by name."""
        return {record["name"]: record for record in self.records if "name" in record}

    def write_program(self, project: Project) -> None:
        """Copy the program and its local files into a project."""
        program = (self.folder / "program.py").read_text()
        (project.folder / "__main__.py").write_text(
            program.replace(f"from {DYNAMIC.module} import", f"from {project.adapter.module} import")
        )
        shutil.copytree(self.folder / "files", project.folder, dirs_exist_ok=True)

    def restore(self, project: Project, emulator: Emulator) -> None:
        """Create the records again, and import the state that refers to them."""
        self.write_program(project)
        text = self._state.read_text()
        for old, new in self._recreated(emulator):
            text = text.replace(old, new)
        text = text.replace(FOLDER, str(project.folder)).replace(API_URL, emulator.url)
        state = json.loads(text)
        state["deployment"]["secrets_providers"] = {"type": "passphrase", "state": {"salt": _salt(project)}}
        project.edit_state(lambda _: json.dumps(state))
        emulator.forget_requests()

    def keep(self, project: Project, emulator: Emulator) -> None:
        """Save a deployed project's state and records in the version's folder."""
        text = project.pulumi("stack", "export", "--show-secrets")
        text = text.replace(str(project.folder), FOLDER).replace(emulator.url, API_URL)
        self._state.write_text(_pretty(_portable(json.loads(text))))
        self._records.write_text(_pretty(emulator.images()[::-1]))

    def _recreated(self, emulator: Emulator) -> list[tuple[str, str]]:
        """Create the records again; return pairs of the old and new values that the server generated."""
        for name, record in self.named().items():
            emulator.create(name, record["manifest"])
        now = {_key(record): record for record in emulator.images()}
        assert set(now) == {_key(record) for record in self.records}
        return [(old[key], now[_key(old)][key]) for old in self.records for key in _MADE_UP if old.get(key) is not None]


def _key(record: dict[str, Any]) -> tuple[str, str | None]:
    return record["contentHash"], record.get("name")


def _salt(project: Project) -> str:
    """Return the salt of the stack's encryption, which `pulumi stack init` generated."""
    (line,) = (project.folder / f"Pulumi.{STACK}.yaml").read_text().splitlines()
    return line.removeprefix("encryptionsalt: ")


def _portable(state: dict[str, Any]) -> dict[str, Any]:
    """Return the exported state without machine paths, and without the salt, as its secrets are in plain text."""
    deployment = state["deployment"]
    deployment.pop("secrets_providers", None)
    for resource in deployment["resources"]:
        for key in ("sourcePosition", "stackTrace"):
            resource.pop(key, None)
    return state


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
