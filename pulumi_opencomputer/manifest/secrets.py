"""The secrets of a manifest: which steps hold them, and how to remove them from texts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import Any

from .paths import Path, join, leaves
from .redaction import Redactor


class Secrets:
    """The secrets of one manifest.

    Args:
        declared: The manifest in the declared form.
        paths: The paths of secret values below the manifest, such as ``steps[3].env.TOKEN``. The empty path is the
            whole manifest. A path covers everything below it.
    """

    def __init__(self, declared: Any, paths: Collection[str]) -> None:
        # Most manifests have no secrets, and every check gets here, so skip the walk through the manifest then.
        covering = frozenset(paths)
        found = [(path, str(value)) for path, value in leaves(declared) if _covered(path, covering)] if paths else []
        self._steps = {path[1] for path, _ in found if path[:1] == ("steps",) and len(path) > 1}
        self._values = [value for _, value in found]

    @classmethod
    def of_inputs(cls, inputs: Mapping[str, Any]) -> Secrets:
        """Return the secrets of a resource's inputs: of ``manifest``, by the paths in ``secretPaths``."""
        paths = inputs.get("secretPaths") or ()
        if not isinstance(paths, list | tuple):
            # The paths are not known yet, so treat the whole manifest as secret.
            return cls(inputs.get("manifest"), [""])
        prefix = "manifest"
        below = [path[len(prefix) :].lstrip(".") for path in paths if path == prefix or path.startswith(prefix + ".")]
        return cls(inputs.get("manifest"), below)

    def in_step(self, index: int) -> bool:
        """Tell whether the step (counted from 0) holds a secret."""
        return index in self._steps

    def scrub(self, text: str) -> str:
        """Return the text with every secret, and every piece of one, replaced by ``[secret]``.

        A secret is found literally, in another case, joined to one line, and in the forms in which a server or a tool
        may show it: base64, hex, and percent, HTML and JSON escapes. The time is proportional to the sizes of text and
        secrets.
        """
        return self.scrub_all([text])[0]

    def scrub_all(self, texts: Sequence[str]) -> list[str]:
        """Return several texts as `scrub` does. Large secrets are searched once for all of them."""
        return self._redactor.redact(texts) if self._values else list(texts)

    @cached_property
    def _redactor(self) -> Redactor:
        return Redactor(self._values)


def _covered(path: Path, secret_paths: Collection[str]) -> bool:
    return any(join(path[:length]) in secret_paths for length in range(len(path) + 1))
