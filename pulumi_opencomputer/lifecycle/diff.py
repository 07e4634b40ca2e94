"""Diff: what changed, as a pure function of the recorded state and the checked inputs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .detailed_diff import manifest_changes
from .types import Change, Difference, is_unknown

# The part of a secret's path that is shown: down to its step.
_SHOWN = re.compile(r"manifest\.steps\[\d+\]\.\w+|\w+")


def diff(
    decisive: Sequence[str], state: Mapping[str, Any], inputs: Mapping[str, Any], settings: Sequence[str] = ()
) -> Difference:
    """Compare a resource's recorded state with its new checked inputs.

    Only the decisive inputs and the loss of the record replace a resource. The location of local files, the memory of
    a build and its time limit don't count as changes.

    Args:
        decisive: The inputs whose change replaces the resource.
        state: Its recorded outputs.
        inputs: Its checked inputs; parts may be `UNKNOWN`.
        settings: The inputs whose change only updates the state.
    """
    replaces = [key for key in decisive if is_unknown(inputs.get(key)) or state.get(key) != inputs.get(key)]
    if state.get("status", "ready") != "ready":
        replaces.append("status")
    replacing = dict.fromkeys(replaces, Change.UPDATE)
    if "contentHash" in replaces:
        replacing |= manifest_changes(state.get("manifest"), inputs.get("manifest"))
    updating = {key: _change(state, inputs, key) for key in settings if state.get(key) != inputs.get(key)}
    updates = tuple(updating)
    before, after = _paths(state), _paths(inputs)
    if before != after:
        updates = (*updates, "secretPaths")
        updating |= dict.fromkeys(_shown(set(before) ^ set(after)), Change.UPDATE)
    return Difference(tuple(replaces), updates, replacing, updating)


def _change(state: Mapping[str, Any], inputs: Mapping[str, Any], key: str) -> Change:
    if state.get(key) is None:
        return Change.ADD
    return Change.DELETE if inputs.get(key) is None else Change.UPDATE


def _paths(values: Mapping[str, Any]) -> list[Any]:
    paths = values.get("secretPaths")
    return list(paths) if isinstance(paths, list | tuple) else []


def _shown(paths: set[Any]) -> Sequence[str]:
    return [match[0] for path in sorted(map(str, paths)) if (match := _SHOWN.match(path))]
