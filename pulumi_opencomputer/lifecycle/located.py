"""What a check finds, told with its place in the program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..manifest.places import Places
from .types import Checked


def located(checked: Checked, places: Places) -> Checked:
    """Return the outcome of a check with the program's place of each problem.

    Args:
        checked: What the check found.
        places: Where the program declares the resource.
    """
    count = step_count(checked.inputs)
    return replace(checked, problems=tuple(places.locate(problem, count) for problem in checked.problems))


def step_count(inputs: Mapping[str, Any]) -> int:
    """How many steps the manifest of a resource has, as far as it is one."""
    manifest = inputs.get("manifest")
    steps = manifest.get("steps") if isinstance(manifest, Mapping) else None
    return len(steps) if isinstance(steps, list | tuple) else 0
