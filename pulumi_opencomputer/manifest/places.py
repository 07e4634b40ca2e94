"""Where a program declares things: the line of the program that a resource or a step comes from.

A Python program sends these lines as an extra input, and the check removes that input again. So the lines never get
into a state, a hash or a diff; they are only remembered for the messages of the same run.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any

from ..errors import Problem
from ..sanitize import clean

#: The input that carries the lines. Pulumi's commands don't show inputs whose name begins with two underscores.
INPUT = "__declaredAt"

_OURS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "")  # noqa: PTH100, PTH118, PTH120
# The folder of the standard library, where `os` is. Asking sysconfig would slow a provider's start by milliseconds.
_LIBRARY = os.path.join(os.path.dirname(os.__file__), "")  # noqa: PTH118, PTH120
_INSTALLED = re.compile(r"[/\\](?:site|dist)-packages[/\\]")
_RUNNERS = ("pulumi-language-python-exec",)

# Methods that make steps from something that they read. The step itself does not show that, so they are named.
_READERS = frozenset({"from_dict", "pip_install_from_requirements"})

# The first line of the encoded text if the program hides the differences of the manifest.
_HIDDEN = "hidden"

_STEP = re.compile(r"manifest\.steps\[(\d+)\]")
_ENTRY = re.compile(r"(.*?):(\d{1,9})(?: (\w+))?")
_LONGEST_ENTRY = 300
_MOST_ENTRIES = 10_000

# The shown path of each source file; empty for files that are not the user's.
_files: dict[str, str] = {}


def here() -> str:
    """Return the innermost line of the user's own code that led to this call, such as ``__main__.py:14``, or "".

    If that line called one of the `_READERS`, the method's name follows after a space.
    """
    frame: FrameType | None = sys._getframe(1)
    called = ""
    while frame is not None:
        code = frame.f_code
        shown = _files.get(code.co_filename)
        if shown is None:
            shown = _files[code.co_filename] = _shown(code.co_filename)
        if shown:
            return f"{shown}:{frame.f_lineno} {called}" if called in _READERS else f"{shown}:{frame.f_lineno}"
        called = code.co_name
        frame = frame.f_back
    return ""


def _shown(file: str) -> str:
    if file.startswith(("<", _OURS, _LIBRARY)) or _INSTALLED.search(file) or file.endswith(_RUNNERS):
        return ""
    try:
        relative = os.path.relpath(file)
    except ValueError:
        # The file is on another drive (Windows), so there is no relative path.
        return file
    return file if relative.startswith("..") else relative


def encoded(resource: str, steps: Sequence[str], *, hides_changes: bool = False) -> str:
    """Return the lines of a resource and of its manifest's steps as one text, for `Places.decoded`.

    To keep it short, an entry in the same file as the previous one is written without the file's name.

    Args:
        resource: The line that declares the resource.
        steps: The line that declares each step.
        hides_changes: Whether the program hides the differences of the manifest.
    """
    lines, current = [_HIDDEN] if hides_changes else [], ""
    for entry in (resource, *steps):
        file, colon, rest = entry.rpartition(":")
        lines.append(colon + rest if file == current else entry)
        current = file if colon else current
    return "\n".join(lines)


@dataclass(frozen=True)
class Places:
    """Where one resource and its steps are declared, as far as that is known.

    Attributes:
        prefix: For a program in YAML, the path of the resource's inputs in it: ``resources.daily.properties.``.
        resource: The line that declares the resource; empty if unknown.
        steps: For each step the line that declares it, empty if unknown; and, if the step itself does not show that,
            the method that was called there or the Dockerfile's instruction.
        hides_changes: Whether the program hides the differences of the manifest (``hide_diffs``).
    """

    prefix: str = ""
    resource: str = ""
    steps: tuple[tuple[str, str], ...] = ()
    hides_changes: bool = False

    @classmethod
    def decoded(cls, text: Any) -> Places:
        """Return the places from the text that `encoded` returned. What can't be read is left out."""
        if not isinstance(text, str):
            return cls()
        hides = text.partition("\n")[0] == _HIDDEN
        (resource, _), *steps = _entries(text.removeprefix(f"{_HIDDEN}\n") if hides else text)
        return cls("", resource, tuple(steps), hides)

    def of_step(self, index: int, count: int, path: str, call: str) -> str:
        """Return where a step is declared, such as ``__main__.py:14 .pip_install(["nump"])``.

        If the step's line is unknown, return the resource's line and the step's path, or the path alone.

        Args:
            index: The step's number, from 0.
            count: How many steps the manifest has. If the program declared another number, something has changed the
                steps since, and their lines are ignored.
            path: The step's path in the inputs, such as ``manifest.steps[1].pipInstall``.
            call: The builder's call that makes such a step.
        """
        line, reader = self.steps[index] if index < len(self.steps) == count else ("", "")
        if line:
            # In capital letters it is the instruction of a Dockerfile.
            return f"{line} {(reader if reader.isupper() else f'.{reader}(…)') if reader else call}"
        where = f"{self.prefix}{path}"
        return f"{self.resource} {where}" if self.resource else where

    def locate(self, problem: Problem, count: int) -> Problem:
        """Return a problem with its place in the program in front of its path.

        Args:
            problem: The problem.
            count: How many steps the manifest has.
        """
        if self.prefix:
            return Problem(f"{self.prefix}{problem.path}", problem.reason) if problem.path else problem
        step = _STEP.match(problem.path)
        index = int(step[1]) if step else count
        line = self.steps[index][0] if index < len(self.steps) == count else ""
        line = line or self.resource
        if not line:
            return problem
        return Problem(f"{line}: {problem.path}" if problem.path else line, problem.reason)


def _entries(text: str) -> Iterator[tuple[str, str]]:
    file = ""
    for entry in text.split("\n")[:_MOST_ENTRIES]:
        match = _ENTRY.fullmatch(clean(entry[:_LONGEST_ENTRY]))
        if match is None:
            yield "", ""
            continue
        file = match[1] or file
        yield (f"{file}:{match[2]}", match[3] or "") if file else ("", "")
