"""Hints for a failed build step: the probable cause, judging by what its command printed, and what to do about it."""

from __future__ import annotations

import re
from typing import NamedTuple


class _Cause(NamedTuple):
    """A known cause of failures.

    Attributes:
        steps: The API's types of the steps that it applies to; empty for all.
        words: Matches what the command prints in that case.
        hint: What it means, and what to do.
    """

    steps: tuple[str, ...]
    words: re.Pattern[str]
    hint: str


def _cause(hint: str, *words: str, steps: tuple[str, ...] = ()) -> _Cause:
    return _Cause(steps, re.compile("|".join(words), re.IGNORECASE), hint)


_APT, _PIP = ("apt_install",), ("pip_install",)
_MEMORY = (
    "The build sandbox ran out of memory. Give it more: builder_memory(4096) in Python, builderMemoryMB elsewhere; the "
    "unit is MB."
)
_TOO_LONG = (
    "The step exceeded the server's time limit: 300 s for a command, 600 s for a build. Split it into several steps, "
    "or fetch its result ready-made. A longer timeout of the resource does not help."
)
_NO_COMMAND = (
    "The command was not found. Install it in an earlier step (apt_install, pip_install), or give its full path; "
    "each step starts in a new shell, without what an earlier one exported."
)
_NOT_EXECUTABLE = "The file exists but is not executable: files are embedded without modes. Run chmod +x on it first."

# The first match counts, so more specific causes come first.
_CAUSES = (
    _cause(_MEMORY, "cannot allocate memory", "out of memory", "MemoryError", "std::bad_alloc", "oom-kill", "ENOMEM"),
    _cause(_TOO_LONG, "deadline exceeded", "context canceled", "timed out after"),
    _cause(
        "The build sandbox's disk is full. Install less in one image, and let each step remove what it leaves behind "
        "(caches, archives).",
        "no space left on device",
        "disk quota exceeded",
    ),
    _cause(
        "The build sandbox can't reach that host. Check the spelling of the address, and that the host is public.",
        "could not resolve",
        "temporary failure in name resolution",
        "name or service not known",
        "network is unreachable",
        "getaddrinfo",
    ),
    _cause(
        "apt knows no package of that name, or not in that version. Check the spelling: names differ between systems, "
        "and the base is Ubuntu 22.04 (packages.ubuntu.com lists what it has).",
        "unable to locate package",
        "couldn't find any package",
        "has no installation candidate",
        "version .{1,80} for .{1,80} was not found",
        steps=_APT,
    ),
    _cause(
        "pip knows no package of that name, or no version of it that fits the sandbox's Python. Check the spelling "
        "and the version at pypi.org.",
        "no matching distribution found",
        "could not find a version that satisfies",
        steps=_PIP,
    ),
    _cause(
        "The packages require conflicting versions of each other. Loosen a version, or install them in one step, so "
        "that pip can choose.",
        "ResolutionImpossible",
        "conflicting dependencies",
        steps=_PIP,
    ),
    _cause(
        "pip does not understand the requirement. Write it as in a requirements file, one a string: pandas>=2,<3.",
        "invalid requirement",
        "invalid specifier",
        steps=_PIP,
    ),
    _cause(
        "pip had to compile the package and could not. Choose a version with a wheel for the sandbox's Python, or "
        "install what it needs to compile with apt_install first.",
        "failed building wheel",
        "failed to build",
        "subprocess-exited-with-error",
        "fatal error: .{1,80}: no such file",
        steps=_PIP,
    ),
    _cause(
        "The shell could not parse the command, for example because a quote or a bracket is not closed. Check the "
        "quoting; the commands of a step are joined with &&.",
        "unterminated quoted string",
        "unexpected EOF",
        "syntax error",
        "unmatched",
    ),
    _cause(_NO_COMMAND, "command not found", r": not found\b", "executable file not found"),
    _cause(_NOT_EXECUTABLE, "permission denied", steps=("run",)),
    _cause(
        "A file that the command names does not exist. Add it in an earlier step (add_file, add_local_dir), and give "
        "its full path: a step does not start in the directory of the previous one.",
        "no such file or directory",
        "can't open file",
        "cannot access",
    ),
)
_BY_EXIT_CODE = {126: _NOT_EXECUTABLE, 127: _NO_COMMAND, 137: _MEMORY, 124: _TOO_LONG}


def hint_for(step_type: str | None, exit_code: int | None, text: str) -> str:
    """Return the probable cause of a failed step and what to do; empty if no known cause matches.

    Args:
        step_type: The API's type of the step, or None.
        exit_code: The exit code of its command, or None.
        text: What the command printed; empty if it is withheld because the step holds a secret.
    """
    for cause in _CAUSES:
        if (not cause.steps or step_type in cause.steps) and cause.words.search(text):
            return cause.hint
    return _BY_EXIT_CODE.get(exit_code or 0, "")
