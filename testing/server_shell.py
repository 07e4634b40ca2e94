"""Run the exact shell commands of the server with ``/bin/sh`` and stand-ins for the tools."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pulumi_opencomputer.errors import InvalidInputError
from pulumi_opencomputer.manifest.builder import Manifest
from pulumi_opencomputer.manifest.prepared import prepare

# Each stand-in prints its arguments, one per line. The stand-in for sudo runs its arguments as a command.
_STAND_INS = {
    "sudo": 'exec env "$@"',
    "pip": 'for each; do printf "%s\\0" "$each"; done',
    "apt-get": '[ "$1" = update ] || for each; do printf "%s\\0" "$each"; done',
    "mkdir": 'for each; do printf "%s\\0" "$each"; done',
    "a": 'printf a; for each; do printf "<%s>" "$each"; done; while IFS= read -r line; do printf "[%s]" "$line"; done',
}
LINES = {
    "pipInstall": "sudo pip install -q {}",
    "aptInstall": "sudo DEBIAN_FRONTEND=noninteractive apt-get update -qq && sudo apt-get install -y -qq {}",
    "workdir": "sudo mkdir -p {}",
}
FIRST = {"pipInstall": ["install", "-q"], "aptInstall": ["install", "-y", "-qq"], "workdir": ["-p"]}


class Shell:
    """A shell in a temporary directory, `place`, with the stand-ins first in PATH."""

    def __init__(self, root: Path) -> None:
        self._tools, self.place = root / "tools", root / "place"
        self._tools.mkdir(parents=True)
        for name, body in _STAND_INS.items():
            (self._tools / name).write_text(f"#!/bin/sh\n{body}\n")
            (self._tools / name).chmod(0o755)
        (self._tools / "sh").symlink_to("/bin/sh")
        (self._tools / "env").symlink_to(shutil.which("env") or "/usr/bin/env")

    def run(self, line: str) -> tuple[bytes, int, dict[str, bytes]]:
        """Run a command; return its output, its exit code and the files that it leaves."""
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir()
        done = subprocess.run(
            ["/bin/sh", "-c", line],
            cwd=self.place,
            env={"PATH": str(self._tools), "HOME": "/home/somebody"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=30,
        )
        files = {each.name: each.read_bytes() for each in self.place.iterdir() if each.is_file()}
        return done.stdout, done.returncode, files


def sent(key: str, value: Any) -> Any:
    """Return the argument of a step as it is sent to the server.

    Raises:
        InvalidInputError: The step is rejected.
    """
    (step,) = Manifest.from_dict({"steps": [{key: value}]}).to_dict()["steps"]
    (argument,) = step["args"].values()
    return argument


def arrives(shell: Shell, key: str, value: Any) -> list[str]:
    """Return the arguments that a step's tool receives."""
    argument = sent(key, value)
    words = argument if isinstance(argument, str) else " ".join(argument)
    output, code, files = shell.run(LINES[key].format(words))
    assert (code, files) == (0, {})
    given_words = output.decode().split("\0")[:-1]
    assert given_words[: len(FIRST[key])] == FIRST[key]
    return given_words[len(FIRST[key]) :]


def refusal(key: str, value: Any) -> tuple[str, str]:
    """Return the path and the reason of a step's only problem."""
    with pytest.raises(InvalidInputError) as caught:
        sent(key, value)
    (problem,) = caught.value.problems
    return problem.path, problem.reason


def warned(*steps: Any) -> list[tuple[str, str]]:
    """Return the path and the reason of each warning for these steps."""
    return [(path, reason) for path, reason in prepare({"base": "base", "steps": list(steps)}).warnings]


def refused_places(key: str, value: Any) -> list[str] | None:
    """Return the paths of a step's problems, or None if it has none."""
    try:
        sent(key, value)
    except InvalidInputError as error:
        return [problem.path for problem in error.problems]
    return None
