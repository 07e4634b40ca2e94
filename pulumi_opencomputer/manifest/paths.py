"""Paths through nested values, as used in errors and for secrets: ``steps[1].aptInstall[0]``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

#: Keys and indices from the outside in.
Path = tuple[str | int, ...]


def join(path: Sequence[str | int]) -> str:
    """Return a path as text: ``("steps", 1, "run")`` is ``steps[1].run``. Keys that are not names are quoted."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part.replace("_", "a").isalnum():
            text += f".{part}" if text else part
        else:
            text += f"[{ascii(part)[:60]}]"
    return text


def copied(value: Any) -> Any:
    """Return a copy with copied containers, so that later changes by the caller do not change a manifest."""
    if isinstance(value, Mapping):
        return {key: copied(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [copied(item) for item in value]
    return value


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield every value in nested mappings and lists that is not itself a mapping or list, with its path."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from leaves(item, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))
    else:
        yield path, value


def find(value: Any, matches: Callable[[Any], bool]) -> Iterator[tuple[Path, Any]]:
    """Yield the matching leaves with their paths."""
    return ((path, leaf) for path, leaf in leaves(value) if matches(leaf))


def find_outputs(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the Pulumi Outputs in a value, each with its path as text.

    They are recognised by their shape, ``apply`` and ``is_secret``, so that plain programs need no pulumi.
    """
    return ((join(path), leaf) for path, leaf in find(value, is_output))


def is_output(value: Any) -> bool:
    """Tell whether a value is a Pulumi Output."""
    return callable(getattr(type(value), "apply", None)) and callable(getattr(type(value), "is_secret", None))
