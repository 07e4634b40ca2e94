"""Write the test data of the version that is installed: `README.md` beside this file says when and how."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

from pulumi.dynamic.dynamic import serialize_provider

from adapters import DYNAMIC, PLUGIN, Adapter
from emulator_process import Emulator
from old_states import OldState
from project import Project
from pulumi_opencomputer.dynamic import ImageProvider, SnapshotProvider

_ROOT = Path(__file__).parents[2]


def main(version: str) -> None:
    """Deploy the version's program with each adapter, and keep what is left of it."""
    for adapter in (DYNAMIC, PLUGIN):
        with tempfile.TemporaryDirectory() as folder:
            _deploy(OldState(version, adapter), adapter, Path(folder))
    written = {
        type(provider).__name__: serialize_provider(provider) for provider in (ImageProvider(), SnapshotProvider())
    }
    (OldState(version, DYNAMIC).folder / "providers.json").write_text(json.dumps(written, indent=2) + "\n")


def _deploy(old: OldState, adapter: Adapter, folder: Path) -> None:
    tools = os.pathsep.join([str(_ROOT / ".tools" / "bin"), str(Path(sys.executable).parent)])
    with Emulator(folder / "emulator") as emulator:
        settings = {"OPENCOMPUTER_API_URL": emulator.url, "OPENCOMPUTER_API_KEY": emulator.api_key}
        project = Project(folder / "pulumi", settings, tools, folder / "home", adapter)
        old.write_program(project)
        project.up()
        old.keep(project, emulator)


if __name__ == "__main__":
    main(*sys.argv[1:])
