"""Stacks whose commands are timed: a Pulumi project for each side, and one emulator for both."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from emulator_process import Emulator
from project import Project

from . import ROOT

_LIMIT = 500


class Stack:
    """A stack with one program."""

    def __init__(self, folder: Path, emulator: Emulator, program: str) -> None:
        """Create the project and its stack without deploying anything."""
        tools = os.pathsep.join([str(ROOT / ".tools" / "bin"), str(Path(sys.executable).parent)])
        settings = {
            "OPENCOMPUTER_API_URL": emulator.url,
            "OPENCOMPUTER_API_KEY": emulator.api_key,
            # The other side's resources are in the package `benchmarks`, which their provider imports.
            "PYTHONPATH": str(ROOT),
        }
        self._project = Project(folder, settings, tools, folder.parent / "pulumi-home")
        self.program(program)

    def program(self, text: str) -> None:
        """Write the program."""
        (self._project.folder / "__main__.py").write_text(textwrap.dedent(text), encoding="utf-8")

    def up(self, *options: str) -> float:
        """Run ``pulumi up``; return its seconds."""
        return self._run("up", "--yes", "--skip-preview", *options)

    def preview(self) -> float:
        """Run ``pulumi preview``; return its seconds."""
        return self._run("preview")

    def refresh(self) -> float:
        """Run ``pulumi refresh``; return its seconds."""
        return self._run("refresh", "--yes", "--skip-preview")

    def multiply(self, count: int, copy: Callable[[str, int], str]) -> None:
        """Add copies of the stack's only resource to its state, numbered from 1, as if they had been deployed.

        Args:
            count: The number of resources afterwards.
            copy: Given the JSON text of resource 0 and a number, returns the JSON text of a copy.
        """

        def edit(text: str) -> str:
            state = json.loads(text)
            resources = state["deployment"]["resources"]
            first = json.dumps(resources[-1])
            resources += [json.loads(copy(first, number)) for number in range(1, count)]
            return json.dumps(state)

        self._project.edit_state(edit)

    def resource_bytes(self) -> int:
        """Return the size in bytes of the largest resource in the exported state."""
        resources = json.loads(self._project.exported())["deployment"]["resources"]
        return max(len(json.dumps(resource)) for resource in resources)

    def _run(self, *command: str) -> float:
        started = time.perf_counter()
        done = subprocess.run(
            ["pulumi", *command, "--non-interactive"],
            cwd=self._project.folder,
            env=self._project.environment,
            capture_output=True,
            text=True,
            timeout=_LIMIT,
            check=False,
        )
        took = time.perf_counter() - started
        if done.returncode != 0:
            raise RuntimeError(done.stdout + done.stderr)
        return took


@contextmanager
def emulator(scratch: Path, **options: Any) -> Iterator[Emulator]:
    """Run an emulator, with a home folder for Pulumi next to it."""
    (scratch / "pulumi-home").mkdir()
    with Emulator(scratch / "emulator", **options) as running:
        yield running
