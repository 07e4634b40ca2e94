"""What is secret in a manifest: the steps that hold it, and texts without it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from .paths import Path, join, leaves

# A shorter piece of a secret gives nothing away, and would be found in any text.
_PIECE = 6


class Secrets:
    """What is secret in one manifest.

    Args:
        declared: The manifest in the declared form.
        paths: The paths of secret values below the manifest, as ``steps[3].env.TOKEN``; the empty path
            is the whole manifest. A path covers everything below it.
    """

    def __init__(self, declared: Any, paths: Collection[str]) -> None:
        # Most manifests hold no secret, and every check asks.
        found = [(path, str(value)) for path, value in leaves(declared) if _covered(path, paths)] if paths else []
        self._steps = {path[1] for path, _ in found if path[:1] == ("steps",) and len(path) > 1}
        self._texts = {text for _, value in found for text in _spellings(value)}

    @classmethod
    def of_inputs(cls, inputs: Mapping[str, Any]) -> Secrets:
        """Out of a resource's inputs: its ``manifest``, and its ``secretPaths``, which count from the inputs."""
        paths = inputs.get("secretPaths") or ()
        if not isinstance(paths, list | tuple):
            # Not known yet: nothing may be shown then.
            return cls(inputs.get("manifest"), [""])
        prefix = "manifest"
        below = [path[len(prefix) :].lstrip(".") for path in paths if path == prefix or path.startswith(prefix + ".")]
        return cls(inputs.get("manifest"), below)

    def in_step(self, index: int) -> bool:
        """Whether the step (counted from 0) holds a secret."""
        return index in self._steps

    def scrub(self, text: str) -> str:
        """The text with every secret, and every piece of one, replaced by ``[secret]``."""
        hidden = [False] * len(text)
        for secret in self._texts:
            for start, end in _pieces(text, secret):
                hidden[start:end] = [True] * (end - start)
        marked = "".join("\0" if hide else char for char, hide in zip(text, hidden, strict=True))
        return re.sub("\0+", "[secret]", marked)


def _covered(path: Path, secret_paths: Collection[str]) -> bool:
    return any(join(path[:length]) in secret_paths for length in range(len(path) + 1))


def _spellings(secret: str) -> set[str]:
    """A secret as it is, on one line, and with escapes, as messages show it."""
    return {secret, " ".join(secret.split()), ascii(secret)[1:-1]}


def _pieces(text: str, secret: str) -> Iterator[tuple[int, int]]:
    size = min(_PIECE, len(secret))
    if size > 2 or (size and secret == text):
        for start in range(len(text) - size + 1):
            if text[start : start + size] in secret:
                yield start, start + size
