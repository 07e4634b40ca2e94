"""Add to each problem of a check where the program declares the value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..manifest.places import Places
from .types import Checked


def located(checked: Checked, places: Places) -> Checked:
    """Return the outcome of a check with each problem's place in the program.

    Args:
        checked: The outcome of the check.
        places: Where the program declares the resource.
    """
    count = step_count(checked.inputs)
    return replace(checked, problems=tuple(places.locate(problem, count) for problem in checked.problems))


def step_count(inputs: Mapping[str, Any]) -> int:
    """Return how many steps a resource's manifest has; 0 if it is not a valid manifest."""
    manifest = inputs.get("manifest")
    steps = manifest.get("steps") if isinstance(manifest, Mapping) else None
    return len(steps) if isinstance(steps, list | tuple) else 0
