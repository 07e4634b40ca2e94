"""Descriptions of steps for logs and errors, without secrets and in this package's own words."""

from __future__ import annotations

from ..sanitize import excerpt
from .prepared import PreparedManifest
from .secrets import Secrets

_LENGTH = 100


def describe_steps(prepared: PreparedManifest, secrets: Secrets, length: int = _LENGTH) -> tuple[str, ...]:
    """Return one line for each step of a manifest.

    Args:
        prepared: The manifest.
        secrets: Its secrets. A step that holds one is described by its kind only.
        length: The maximum number of characters of a line.
    """
    return tuple(
        step.title + (" (holds a secret)" if secrets.in_step(index) else _rest(prepared, index, length))
        for index, step in enumerate(prepared.model.steps)
    )


def _rest(prepared: PreparedManifest, index: int, length: int) -> str:
    step = prepared.model.steps[index]
    size = f" ({prepared.size_of(index)})" if prepared.size_of(index) else ""
    return f" {excerpt(step.detail(), length - len(step.title) - len(size) - 1)}{size}"
