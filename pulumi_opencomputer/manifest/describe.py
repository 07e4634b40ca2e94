"""Our own words for a step, as the build's log and errors show them, never a secret among them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..sanitize import excerpt
from .model import AddDir, AddFile, AptInstall, Env, PipInstall, Run, Workdir
from .prepared import Plan
from .secrets import Secrets

_LENGTH = 100


def describe_steps(plan: Plan, secrets: Secrets) -> tuple[str, ...]:
    """One line for each step of a plan, at most 100 characters."""
    return tuple(
        _ACTIONS[type(step)] + (" (holds a secret)" if secrets.in_step(index) else _rest(plan, index))
        for index, step in enumerate(plan.model.steps)
    )


_ACTIONS = {
    AptInstall: "apt install",
    PipInstall: "pip install",
    Run: "run",
    Env: "env",
    Workdir: "workdir",
    AddFile: "add file",
    AddDir: "add directory",
}

_DETAILS: dict[type, Callable[[Any], str]] = {
    AptInstall: lambda step: " ".join(step.packages),
    PipInstall: lambda step: " ".join(step.packages),
    Run: lambda step: " && ".join(step.commands),
    Env: lambda step: " ".join(step.variables),
    Workdir: lambda step: step.path,
    AddFile: lambda step: step.file.path,
    AddDir: lambda step: step.directory.path,
}


def _rest(plan: Plan, index: int) -> str:
    step = plan.model.steps[index]
    size = f" ({plan.size_of(index)})" if plan.size_of(index) else ""
    detail = excerpt(_DETAILS[type(step)](step), _LENGTH - len(_ACTIONS[type(step)]) - len(size) - 1)
    return f" {detail}{size}"
