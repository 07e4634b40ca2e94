"""The README's quickstart works from scratch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[2]


def test_the_quickstart_runs_in_an_empty_folder(tools: str) -> None:
    """Its own commands: environment, wheel, emulator, local login, `pulumi up` twice, and destroy."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "OPENCOMPUTER_"))}
    environment["PATH"] = tools + os.pathsep + environment["PATH"]
    command = [sys.executable, str(_ROOT / "tools" / "quickstart.py")]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=550, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "3 created" in ran.stdout or "4 created" in ran.stdout
    assert "4 unchanged" in ran.stdout
    assert "reached its end" in ran.stdout
