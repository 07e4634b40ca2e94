"""Describe in one line how two manifests differ: which packages, which steps, how many files.

This is only shown to the user. The content hash decides whether there is a change, but does not show where. Values of
variables and contents of files are never shown; for a step that holds a secret, only that it changed.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from ..sanitize import excerpt
from .secrets import Secrets
from .sizes import human_size
from .steps import KINDS

_MOST_CHANGES = 10
_MOST_ENTRIES = 8
_LONGEST_TEXT = 60
# The comparison takes time proportional to the square of the number of steps.
_MOST_STEPS = 1_000

# Keys of a step that are not content: the place of local files, and what a check adds. The digest represents the files.
_NO_CONTENT = ("source", "bytes", "ignore")
_HIDDEN = "(holds a secret)"
_LOCAL_CHANGED = "the local files changed"


@dataclass(frozen=True)
class _Step:
    """A step of one of the manifests.

    Attributes:
        number: Its number, from 1.
        key: The step's key, which names its kind.
        value: The value of the key.
        is_secret: Whether it holds a secret.
        content: A text that is equal for steps with the same content only.
    """

    number: int
    key: str
    value: Any
    is_secret: bool
    content: str

    @property
    def title(self) -> str:
        kind = KINDS.get(self.key)
        return kind.title if kind else self.key

    @property
    def place(self) -> Any:
        """The path in the sandbox of the step's files; None if it has no files."""
        return self.value.get("path") if _is_files(self.value) else None

    @property
    def what(self) -> str:
        """A short description of the step, without values of variables and contents of files."""
        if self.is_secret:
            return f"{self.title} {_HIDDEN}"
        detail = self.place if _is_files(self.value) else self.value
        words = " ".join(map(_entry, detail)) if isinstance(detail, list | tuple | Mapping) else str(detail)
        return f"{self.title} {excerpt(words, _LONGEST_TEXT)}"


def changes_in_words(old: Any, new: Any, old_secrets: Secrets, new_secrets: Secrets) -> str:
    """Describe how the content of two manifests differs; empty if they can't be compared.

    Args:
        old: The recorded manifest in the declared form, as a check returned it.
        new: The wanted one. No part may be unknown.
        old_secrets: The secrets of the old manifest.
        new_secrets: The secrets of the new manifest.

    Returns:
        For example ``step 2 pip install: +polars==1.9.1 -polars==1.9.0; step 5 run moved from 3``.
    """
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return ""
    before, after = _steps(old, old_secrets), _steps(new, new_secrets)
    if len(before) > _MOST_STEPS or len(after) > _MOST_STEPS:
        return ""
    found = [*_plain_changes(old, new), *_step_changes(before, after)]
    if not found and any("source" in step.value for step in after if isinstance(step.value, Mapping)):
        # The state comes from a version of this package that recorded no digests.
        found = [_LOCAL_CHANGED]
    more = f"; and {len(found) - _MOST_CHANGES} more" if len(found) > _MOST_CHANGES else ""
    return "; ".join(_scrubbed(text, old_secrets, new_secrets) for text in found[:_MOST_CHANGES]) + more


def _scrubbed(text: str, *secrets: Secrets) -> str:
    # The text about a step with a secret does not contain it. Redacting could only damage the fixed words, which may
    # be part of a secret by chance.
    if _HIDDEN in text:
        return text
    for each in secrets:
        text = each.scrub(text)
    return text


def _steps(manifest: Mapping[str, Any], secrets: Secrets) -> list[_Step]:
    steps = manifest.get("steps")
    listed = steps if isinstance(steps, list | tuple) else []
    found = []
    for index, step in enumerate(listed):
        if isinstance(step, Mapping) and len(step) == 1:
            ((key, value),) = step.items()
            found.append(_Step(index + 1, key, value, secrets.in_step(index), _content(key, value)))
    return found


def _content(key: str, value: Any) -> str:
    if _is_files(value) and "source" in value:
        # With `source`, `files` is the number of files, which a check adds.
        value = {name: part for name, part in value.items() if name not in (*_NO_CONTENT, "files")}
    return json.dumps([key, value], sort_keys=True, default=repr)


def _is_files(value: Any) -> bool:
    return (
        isinstance(value, Mapping) and "path" in value and ("source" in value or "content" in value or "files" in value)
    )


def _plain_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    before, after = old.get("base", "base"), new.get("base", "base")
    if before != after:
        yield f"base {_entry(before)} → {_entry(after)}"
    if old.get("rebuild") != new.get("rebuild"):
        yield "a fresh build is asked for"


def _step_changes(before: Sequence[_Step], after: Sequence[_Step]) -> list[str]:
    """Describe the changes of steps, in the order of the new steps; removed steps come last."""
    gone: list[_Step] = []
    come: list[_Step] = []
    pairs: list[tuple[_Step, _Step]] = []
    matcher = SequenceMatcher(None, [step.content for step in before], [step.content for step in after], autojunk=False)
    for kind, start, end, to_start, to_end in matcher.get_opcodes():
        if kind != "equal":
            gone += before[start:end]
            come += after[to_start:to_end]
    # Pair old and new steps, the best matches first: the same content, then the same path, then the same kind.
    for alike in (_is_moved, _is_same_place, _is_same_kind):
        for step in list(come):
            other = next((each for each in gone if alike(each, step)), None)
            if other is not None:
                pairs.append((other, step))
                gone.remove(other)
                come.remove(step)
    told = [(new.number, _told(old, new)) for old, new in pairs]
    told += [(step.number, f"step {step.number} {step.what} added") for step in come]
    removed = [f"{step.what}, which was step {step.number}, removed" for step in gone]
    return [*(text for _, text in sorted(told)), *removed]


def _is_moved(old: _Step, new: _Step) -> bool:
    return old.content == new.content


def _is_same_place(old: _Step, new: _Step) -> bool:
    return old.key == new.key and new.place is not None and old.place == new.place


def _is_same_kind(old: _Step, new: _Step) -> bool:
    return old.key == new.key


def _told(old: _Step, new: _Step) -> str:
    if _is_moved(old, new):
        return f"step {new.number} {new.title} moved from {old.number}"
    if old.is_secret or new.is_secret:
        return f"step {new.number} {new.title}: changed {_HIDDEN}"
    if _is_files(old.value) and _is_files(new.value):
        return f"step {new.number} {new.title} {_files_change(old.value, new.value)}"
    return f"step {new.number} {new.title}: {_value_change(old.value, new.value)}"


def _value_change(old: Any, new: Any) -> str:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        changed = [f"~{_entry(name)}" for name in new if name in old and old[name] != new[name]]
        added = [f"+{_entry(name)}" for name in new if name not in old]
        removed = [f"-{_entry(name)}" for name in old if name not in new]
        return _entries([*changed, *added, *removed])
    if isinstance(old, list | tuple) and isinstance(new, list | tuple):
        plus, minus = Counter(map(_entry, new)), Counter(map(_entry, old))
        entries = [f"+{text}" for text in (plus - minus).elements()] + [
            f"-{text}" for text in (minus - plus).elements()
        ]
        return _entries(entries) if entries else "in another order"
    return f"{_entry(old)} → {_entry(new)}"


def _entries(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _MOST_ENTRIES} more" if len(texts) > _MOST_ENTRIES else ""
    return " ".join(texts[:_MOST_ENTRIES]) + more


def _entry(value: Any) -> str:
    """Return a value for display, shortened, and in quotes if it contains a space."""
    text = excerpt(str(value), _LONGEST_TEXT)
    return f'"{text}"' if " " in text else text


def _files_change(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    moved = old["path"] != new["path"]
    place = f"{_entry(old['path'])} → {_entry(new['path'])}" if moved else _entry(new["path"])
    before, after = _amounts(old), _amounts(new)
    if moved and old.get("digest") == new.get("digest") and before == after:
        return place
    (files_before, size_before), (files_after, size_after) = before, after
    if files_after is None or files_before is None:
        sizes = "same size" if size_before == size_after else f"{human_size(size_before)} → {human_size(size_after)}"
        return f"{place}: content changed ({sizes})"
    count = f"{files_before} → {files_after}" if files_before != files_after else f"{files_after}"
    growth = size_after - size_before
    size = f"{'+' if growth > 0 else '-'}{human_size(abs(growth))}" if growth else "same size"
    return f"{place}: files changed ({count}, {size})"


def _amounts(body: Mapping[str, Any]) -> tuple[int | None, int]:
    """Return the number of files, None for a single file, and their total size in bytes.

    The size of inline content is the length of its text, also for base64.
    """
    files = body.get("files")
    if isinstance(files, list | tuple):
        return len(files), sum(len(str(file.get("content", ""))) for file in files if isinstance(file, Mapping))
    size = body.get("bytes")
    found = int(size) if isinstance(size, int | float) else len(str(body.get("content", "")))
    return (int(files), found) if isinstance(files, int | float) else (None, found)
