"""Recognise by digests the parts of a manifest that the program saw without a secret.

A dynamic provider gets secrets in clear. The program sends it the paths of secrets, but Pulumi's transforms may change
the inputs after that. So the program also sends digests of the parts that hold no secret. Any other part may hold one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from .paths import Path, join

_DIGITS = 16


def parts(manifest: Any) -> Iterator[tuple[Path, Any]]:
    """Return the parts that have a digest each: every step and every other value, or the whole."""
    if not isinstance(manifest, Mapping):
        yield (), manifest
        return
    for key, value in manifest.items():
        if key == "steps" and isinstance(value, list | tuple):
            yield from (((key, index), step) for index, step in enumerate(value))
        else:
            yield (str(key),), value


def digest(path: Path, value: Any) -> str:
    """Return a digest of a part's kind and value; the position of a step doesn't count."""
    text = json.dumps([str(path[:1]), _as_sent(value)], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def unfamiliar(manifest: Any, known: Collection[str]) -> Iterator[str]:
    """Return the paths of the parts that may hold a secret, because their digests are not known."""
    for path, value in parts(manifest):
        try:
            is_known = digest(path, value) in known
        except TypeError:
            # A value that is not known yet. Whether it is secret is decided when it is known.
            continue
        if not is_known:
            yield join(("manifest", *path))


def _as_sent(value: Any) -> Any:
    """Return the value as the engine sends it: numbers are floats, and keys without a value are left out."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, Mapping):
        return {str(key): _as_sent(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_as_sent(item) for item in value]
    raise TypeError
