"""Our own words for a step, as the build's log and errors show them, never a secret among them."""

from __future__ import annotations

from ..sanitize import excerpt
from .prepared import PreparedManifest
from .secrets import Secrets

_LENGTH = 100


def describe_steps(prepared: PreparedManifest, secrets: Secrets) -> tuple[str, ...]:
    """One line for each step of a manifest, at most 100 characters."""
    return tuple(
        step.title + (" (holds a secret)" if secrets.in_step(index) else _rest(prepared, index))
        for index, step in enumerate(prepared.model.steps)
    )


def _rest(prepared: PreparedManifest, index: int) -> str:
    step = prepared.model.steps[index]
    size = f" ({prepared.size_of(index)})" if prepared.size_of(index) else ""
    return f" {excerpt(step.detail(), _LENGTH - len(step.title) - len(size) - 1)}{size}"
