"""What a check finds, told with its place in the program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..manifest.places import Places
from .types import Checked


def located(checked: Checked, places: Places) -> Checked:
    """Return the outcome of a check with the program's place of each problem and warning.

    A warning about a step names its line; one about a whole resource does not: its image, declared on another line,
    has the same, which is then said once.

    Args:
        checked: What the check found.
        places: Where the program declares the resource.
    """
    count = _steps(checked.inputs)
    problems = tuple(places.locate(problem, count) for problem in checked.problems)
    warnings = tuple(places.locate(warning, count, steps_alone=True) for warning in checked.warnings)
    return replace(checked, problems=problems, warnings=warnings)


def _steps(inputs: Mapping[str, Any]) -> int:
    manifest = inputs.get("manifest")
    steps = manifest.get("steps") if isinstance(manifest, Mapping) else None
    return len(steps) if isinstance(steps, list | tuple) else 0
