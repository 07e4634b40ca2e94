"""diff: what changed, as a pure function of the recorded state and the checked inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .types import Difference, Kind, is_unknown


def diff(kind: Kind, state: Mapping[str, Any], inputs: Mapping[str, Any]) -> Difference:
    """Compare a resource's recorded state with its new checked inputs.

    Only the content hash, the name, and the loss of the row replace a resource. Where local files lie,
    how much memory a build has, and how long it may take is no change.

    Args:
        kind: Which resource.
        state: Its outputs as recorded.
        inputs: Its checked inputs; parts may be `UNKNOWN`.
    """
    decisive = ("contentHash", "name") if kind is Kind.SNAPSHOT else ("contentHash",)
    replaces = [key for key in decisive if is_unknown(inputs.get(key)) or state.get(key) != inputs.get(key)]
    if state.get("status", "ready") != "ready":
        replaces.append("status")
    updates = []
    if list(state.get("secretPaths") or ()) != list(_known_list(inputs.get("secretPaths"))):
        updates.append("secretPaths")
    return Difference(tuple(replaces), tuple(updates))


def _known_list(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else ()
