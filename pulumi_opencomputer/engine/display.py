"""Find out whether the Pulumi CLI shows log lines with the name of their resource, or bare.

Normally its table names the resource next to each line, and the list below the table names it above its lines. With
``--diff`` lines are shown bare. The protocol does not say which is the case, so this module examines the command line
that started this process.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

# How many ancestors to examine: there may be a shell script between the CLI and the provider's process.
_GENERATIONS = 4
_SECONDS = 5.0
_YES = ("1", "t", "true")

Look = Callable[[int], "tuple[int, Sequence[str]] | None"]
"""Returns the parent and the arguments of a process; None if they can't be found out."""


def is_bare(
    environ: Mapping[str, str] = os.environ, look: Look | None = None, process: Callable[[], int] = os.getppid
) -> bool:
    """Tell whether lines are shown without the name of their resource; False if that can't be found out.

    Args:
        environ: This process's environment, which it has from the CLI.
        look: Examines a process.
        process: Returns the id of the process that started this one.
    """
    for arguments in _ancestors(look or _look, process()):
        if Path(arguments[0]).stem == "pulumi":
            return _flag(arguments, environ.get("PULUMI_OPTION_DIFF", ""))
    return False


def _flag(arguments: Sequence[str], default: str) -> bool:
    value = default
    for argument in arguments:
        if argument == "--":
            break
        if argument == "--diff":
            value = "true"
        elif argument.startswith("--diff="):
            value = argument.partition("=")[2]
    return value.lower() in _YES


def _ancestors(look: Look, process: int) -> Iterator[Sequence[str]]:
    for _ in range(_GENERATIONS):
        found = look(process)
        if found is None:
            return
        process, arguments = found
        if arguments:
            yield arguments


def _look(process: int) -> tuple[int, Sequence[str]] | None:
    folder = Path("/proc") / str(process)
    try:
        arguments = (folder / "cmdline").read_text(errors="replace").rstrip("\0").split("\0")
        # The second field, the program's name in parentheses, may itself contain spaces and parentheses.
        parent = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[1]
        return int(parent), arguments
    except (OSError, ValueError, IndexError):
        return _ask_ps(process)


def _ask_ps(process: int) -> tuple[int, Sequence[str]] | None:
    """Examine a process where there is no /proc, as on macOS."""
    command = ["ps", "-ww", "-o", "ppid=,args=", "-p", str(process)]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=True)  # noqa: S603
        parent, _, arguments = ran.stdout.strip().partition(" ")
        return int(parent), arguments.split()
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
