"""Telling which parts of a manifest a program gave in clear, by digests alone.

A dynamic provider is given secrets in clear. The program tells it where they stand, but Pulumi's transforms change the
inputs after that. So the program also says which parts it has seen without a secret; any other part may hold one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from .paths import Path, join

_DIGITS = 16


def parts(manifest: Any) -> Iterator[tuple[Path, Any]]:
    """The parts that are told apart: each step, and each other value; else the whole."""
    if not isinstance(manifest, Mapping):
        yield (), manifest
        return
    for key, value in manifest.items():
        if key == "steps" and isinstance(value, list | tuple):
            yield from (((key, index), step) for index, step in enumerate(value))
        else:
            yield (str(key),), value


def digest(path: Path, value: Any) -> str:
    """What tells a part from others: its kind and its value, whichever place a step has."""
    text = json.dumps([str(path[:1]), _as_sent(value)], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def unfamiliar(manifest: Any, known: Collection[str]) -> Iterator[str]:
    """The paths of the parts that may hold a secret, since their digests are not among the known."""
    for path, value in parts(manifest):
        try:
            is_known = digest(path, value) in known
        except TypeError:
            # A value that is not known yet: its secrecy is told when it is.
            continue
        if not is_known:
            yield join(("manifest", *path))


def _as_sent(value: Any) -> Any:
    """As the engine sends it: numbers are floats, and a key without a value is left out."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, Mapping):
        return {str(key): _as_sent(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_as_sent(item) for item in value]
    raise TypeError
