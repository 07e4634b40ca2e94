"""Where a program declares things: the line of its own that a resource or a step comes from.

A line is no part of a resource. A program in Python sends its lines beside the inputs, and the check takes them out
again: they reach no state, no hash and no diff, and are remembered for the messages of that run alone.
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

#: The input that carries the lines. What begins with two underscores is shown by no command of Pulumi's.
INPUT = "__declaredAt"

_OURS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "")  # noqa: PTH100, PTH118, PTH120
# Where `os` is, the rest of the standard library is too. To ask sysconfig takes a provider's start milliseconds.
_LIBRARY = os.path.join(os.path.dirname(os.__file__), "")  # noqa: PTH118, PTH120
_INSTALLED = re.compile(r"[/\\](?:site|dist)-packages[/\\]")
_RUNNERS = ("pulumi-language-python-exec",)

# Methods that make several steps of what they read: a step alone does not tell that it comes from them.
_READERS = frozenset({"from_dict", "pip_install_from_requirements"})

# The first line where the program wants the differences of a manifest hidden.
_HIDDEN = "hidden"

_STEP = re.compile(r"manifest\.steps\[(\d+)\]")
_ENTRY = re.compile(r"(.*?):(\d{1,9})(?: (\w+))?")
_LONGEST_ENTRY = 300
_MOST_ENTRIES = 10_000

# How each file is shown; empty where it is no file of the user's.
_files: dict[str, str] = {}


def here() -> str:
    """The innermost line of the user's own that led to this call, as ``__main__.py:14``; empty where there is none.

    Where a method of ours that reads a whole file was called there, its name stands behind the line.
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
        # Another drive.
        return file
    return file if relative.startswith("..") else relative


def encoded(resource: str, steps: Sequence[str], *, hides_changes: bool = False) -> str:
    """The lines of a resource and of its manifest's steps in one text; a file's name stands where it changes."""
    lines, current = [_HIDDEN] if hides_changes else [], ""
    for entry in (resource, *steps):
        file, colon, rest = entry.rpartition(":")
        lines.append(colon + rest if file == current else entry)
        current = file if colon else current
    return "\n".join(lines)


@dataclass(frozen=True)
class Places:
    """Where one resource and its steps are declared, as far as the program tells.

    Attributes:
        prefix: What stands before an input's path in the program, where that is data: ``resources.daily.properties.``.
        resource: The line that declares the resource; empty where it is not known, as the others.
        steps: The line that declares each step; and the method that was called there, or a Dockerfile's instruction,
            where the step does not tell.
        hides_changes: Whether the program wants the differences of the manifest hidden (``hide_diffs``).
    """

    prefix: str = ""
    resource: str = ""
    steps: tuple[tuple[str, str], ...] = ()
    hides_changes: bool = False

    @classmethod
    def decoded(cls, text: Any) -> Places:
        """Out of what `encoded` gives; what can't be read is left out."""
        if not isinstance(text, str):
            return cls()
        hides = text.partition("\n")[0] == _HIDDEN
        (resource, _), *steps = _entries(text.removeprefix(f"{_HIDDEN}\n") if hides else text)
        return cls("", resource, tuple(steps), hides)

    def of_step(self, index: int, count: int, path: str, call: str) -> str:
        """Where a step is declared, as ``__main__.py:14 .pip_install(["nump"])``; empty where it is not known.

        Args:
            index: The step's number, from 0.
            count: How many steps the manifest has. Where it is another number than the program's, something between
                has changed the steps, and their lines tell nothing.
            path: The step's path in the inputs, as ``manifest.steps[1].pipInstall``.
            call: The call that makes such a step.
        """
        line, reader = self.steps[index] if index < len(self.steps) == count else ("", "")
        if line:
            # An instruction of a Dockerfile is in capital letters.
            return f"{line} {(reader if reader.isupper() else f'.{reader}(…)') if reader else call}"
        where = f"{self.prefix}{path}"
        return f"{self.resource} {where}" if self.resource else where

    def locate(self, problem: Problem, count: int) -> Problem:
        """A problem with the place in the program in front of its path.

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
