"""JSON as the server's Go reads it, in cases that a Python mapping can't express.

Keys match a field in any case and may be repeated: the last value wins, a null keeps the earlier one, arguments are
merged, and the elements of an earlier list of steps are overwritten.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from ..content.go_json import ManifestEncodingError, key_of, kind_of, step_into, value_tokens, well_formed
from ..content.hashing import fold_key, object_at


class RepeatedKeys(dict[str, Any]):
    """A JSON object with a repeated key: a dict of the last values that also keeps all pairs."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs


def parse_json(text: bytes | str) -> Any:
    """Parse JSON as the server does.

    Differences from `json.loads`: ``-0`` keeps its sign, repeated keys are remembered (`decoded` merges what Go
    merges), each byte that is not UTF-8 becomes U+FFFD, and ``NaN`` is refused.

    Raises:
        ValueError: This is not JSON, or nested deeper than Python can read.
    """
    if isinstance(text, bytes):
        text = _decode_utf8(text)
    try:
        return json.loads(text, object_pairs_hook=_members, parse_int=_integer, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("The JSON is nested too deeply.") from None


def decoded(manifest: object) -> dict[str, Any]:
    """Return the part of a manifest that the server hashes: a base, and steps with type and args.

    Raises:
        ManifestEncodingError: The server could not decode this manifest.
    """
    content = _Content()
    for name, value in _fields(manifest, ("base", "steps"), ""):
        if name == "base":
            content.base = _string(value, content.base, "base")
        else:
            _decode_steps(value, content)
    steps = [{"type": step.type, "args": step.args} for step in content.store[: content.length or 0]]
    return {"base": content.base, "steps": None if content.length is None else steps}


def _decode_utf8(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        # The error handler turns each wrong byte into one lone surrogate, just as Go turns it into one U+FFFD.
        return re.sub("[\udc80-\udcff]", "\ufffd", raw.decode("utf-8", "surrogateescape"))


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    return members if len(members) == len(pairs) else RepeatedKeys(pairs)


def _integer(digits: str) -> float:
    if digits == "-0":
        return -0.0
    # Python refuses integers with more than 4,300 digits. As a float such a number is infinite, which args refuse.
    return int(digits) if len(digits) < 400 else float(digits)


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON.")


@dataclass
class _Step:
    type: str = ""
    args: dict[str, object] | None = None


@dataclass
class _Content:
    """The content of a manifest.

    `store` is the memory behind Go's list of steps: a later, shorter list hides the elements after its end, and a
    longer one after that finds them again. `length` is None for a null list.
    """

    base: str = ""
    store: list[_Step] = field(default_factory=list)
    length: int | None = None


def _decode_steps(value: object, content: _Content) -> None:
    for index, step in enumerate(content.store):
        _check(step.args, f"steps[{index}].args")
    if value is not None and not isinstance(value, (list, tuple)):
        raise ManifestEncodingError("steps", f"must be a list, not {kind_of(value)}")
    if not value:
        content.store, content.length = [], None if value is None else 0
        return
    content.length = len(value)
    for index, step in enumerate(value):
        if index == len(content.store):
            content.store.append(_Step())
        _decode_step(step, content.store[index], f"steps[{index}]")


def _decode_step(value: object, step: _Step, path: str) -> None:
    for name, member in _fields(value, ("type", "args"), path):
        if name == "type":
            step.type = _string(member, step.type, f"{path}.type")
        elif member is None:
            _check(step.args, f"{path}.args")
            step.args = None
        else:
            step.args = _merge(step.args or {}, object_at(member, f"{path}.args"), f"{path}.args")


def _fields(value: object, names: tuple[str, ...], path: str) -> Iterator[tuple[str, object]]:
    """Yield the fields of an object in order, each as often as its name occurs, in any case."""
    if value is None:
        return
    for key, member in _pairs_of(object_at(value, path)):
        name = fold_key(key_of(key, path))
        if name in names:
            yield name, member


def _string(value: object, previous: str, path: str) -> str:
    if value is None:
        return previous
    if not isinstance(value, str):
        raise ManifestEncodingError(path, f"must be a string, not {kind_of(value)}")
    return value


def _merge(known: dict[str, object], members: Mapping[Any, object], path: str) -> dict[str, object]:
    """Add members to `known` and return it. The last value of a key wins, but all must be valid."""
    for member, value in _pairs_of(members):
        key = well_formed(key_of(member, path))
        place = path + step_into(key)
        if key in known:
            _check(known[key], place)
        known[key] = _merged(value, place)
    return known


def _merged(value: object, path: str) -> object:
    """Return the value without repeated keys."""
    if isinstance(value, Mapping):
        return _merge({}, value, path)
    if isinstance(value, list):
        return [_merged(member, path + step_into(index)) for index, member in enumerate(value)]
    return value


def _pairs_of(members: Mapping[Any, object]) -> Iterable[tuple[Any, object]]:
    """Return all pairs of an object as written, including those of repeated keys."""
    return members.pairs if isinstance(members, RepeatedKeys) else members.items()


def _check(value: object, path: str) -> None:
    """Check a value that a later one overwrites. If it is invalid, the server refuses the whole manifest.

    Raises:
        ManifestEncodingError: It is invalid.
    """
    for _ in value_tokens(value, path):
        pass
