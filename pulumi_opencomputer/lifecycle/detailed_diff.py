"""Where two manifests in the declared form differ: the paths of the changes.

This is only shown to the user. The content hash decides whether there is a change; the declared form does not contain
the bytes of local files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from ..manifest.paths import join
from ..sanitize import clean
from .types import Change, is_unknown

# This key of a step with local files does not count: it says where the files are, not what they contain.
_PLACE = "source"
_LOCAL = ("addFile", "addDir")
_DEFAULTS = {"base": "base", "rebuild": None}
_ABSENT = object()


def manifest_changes(old: Any, new: Any) -> dict[str, Change]:
    """Return the changes of content between two manifests by path, such as ``manifest.steps[2].pipInstall``.

    Steps are compared by their number, because for each path the engine shows the old and the new value at that path.

    Args:
        old: The recorded manifest.
        new: The wanted one; parts may be `UNKNOWN`, which differ from everything.

    Returns:
        The changes; empty if they are in a local file's bytes and no single step can be named.
    """
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return {} if old is new else {"manifest": Change.UPDATE}
    found = {f"manifest.{key}": change for key, change in _plain_changes(old, new)}
    steps = old.get("steps", []), new.get("steps", [])
    if not all(isinstance(each, Sequence) for each in steps):
        return found | {"manifest.steps": Change.UPDATE}
    found |= dict(_step_changes(*steps))
    return found or _only_local(steps[1])


def content_changes(state: Mapping[str, Any], inputs: Mapping[str, Any]) -> str:
    """Describe in words how the content of checked inputs differs from a recorded state; empty if that is unknown.

    Args:
        state: The recorded outputs, with ``secretPaths``.
        inputs: The checked inputs. No part may be `UNKNOWN`.
    """
    from ..manifest.changes import changes_in_words  # noqa: PLC0415 - not needed if nothing changed
    from ..manifest.secrets import Secrets  # noqa: PLC0415

    before, after = state.get("manifest"), inputs.get("manifest")
    return clean(changes_in_words(before, after, Secrets.of_inputs(state), Secrets.of_inputs(inputs)))


def _plain_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, Change]]:
    for key, default in _DEFAULTS.items():
        before, after = old.get(key, default), new.get(key, default)
        if before == after:
            continue
        if before is None:
            yield key, Change.ADD
        else:
            yield key, Change.DELETE if after is None else Change.UPDATE


def _step_changes(old: Sequence[Any], new: Sequence[Any]) -> Iterator[tuple[str, Change]]:
    for index, (before, after) in enumerate(zip_longest(old, new, fillvalue=_ABSENT)):
        before_key, after_key = _key(before), _key(after)
        at = ("manifest", "steps", index)
        if before_key and before_key == after_key:
            if _differ(before, after):
                yield join((*at, before_key)), Change.UPDATE
        elif is_unknown(after) or (after is not _ABSENT and not after_key):
            yield join(at), Change.UPDATE
        else:
            if before_key:
                yield join((*at, before_key)), Change.DELETE
            if after_key:
                yield join((*at, after_key)), Change.ADD


def _only_local(steps: Sequence[Any]) -> dict[str, Change]:
    """Return the step whose files changed, if it is the only one with local files."""
    local = [(index, _key(step)) for index, step in enumerate(steps) if _is_local(step)]
    if len(local) != 1:
        return {}
    ((index, key),) = local
    return {join(("manifest", "steps", index, key)): Change.UPDATE}


def _key(step: Any) -> str:
    """Return the kind of a step; empty if it is not a step or not known."""
    return str(next(iter(step))) if isinstance(step, Mapping) and len(step) == 1 else ""


def _differ(before: Any, after: Any) -> bool:
    """Tell whether two steps of a kind differ. A digest counts if both have one."""
    old, new = _content(before), _content(after)
    if _key(before) in _LOCAL and isinstance(old, Mapping) and isinstance(new, Mapping):
        alone = {"digest"} & (old.keys() ^ new.keys())
        old, new = ({key: body[key] for key in body.keys() - alone} for body in (old, new))
    return bool(old != new)


def _content(step: Any) -> Any:
    (body,) = step.values()
    if _key(step) in _LOCAL and isinstance(body, Mapping):
        return {key: value for key, value in body.items() if key != _PLACE}
    return body


def _is_local(step: Any) -> bool:
    return _key(step) in _LOCAL and _PLACE in next(iter(step.values()))
