"""The content of another snapshot, byte for byte, as the server's own record has it: what a promotion sends again.

The record does not say what in it is secret, so nothing of it is shown, and none of it enters a state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..manifest.secrets import Secrets
from ..sanitize import excerpt


@dataclass(frozen=True)
class Source:
    """Another snapshot's content.

    Attributes:
        name: The snapshot's name.
        manifest: Its manifest in the API's form, without the keys that say whose it is.
        content_hash: The content hash as it was declared, 64 hex digits.
        built_hash: The hash of the manifest: the declared one, unless that was blocked at the server when it was built.
    """

    name: str
    manifest: Mapping[str, Any] = field(repr=False)
    content_hash: str
    built_hash: str

    @property
    def steps(self) -> tuple[Mapping[str, Any], ...]:
        """The steps, in the API's form."""
        return tuple(self.manifest.get("steps") or ())

    @property
    def secrets(self) -> Secrets:
        """All that it holds."""
        return Secrets({"steps": [{"args": step.get("args")} for step in self.steps]}, [""])

    @property
    def descriptions(self) -> tuple[str, ...]:
        """What is said of each step."""
        return tuple(f"{excerpt(str(step.get('type')), 40)} (content of {self.name})" for step in self.steps)

    def image(self, variant: int) -> dict[str, Any]:
        """The manifest; above 0 other content with the same effect."""
        if not (variant and self.steps):
            return dict(self.manifest)
        last = self.steps[-1]
        args = dict(last.get("args") or {})
        args["rebuild"] = f"{args['rebuild']}/{variant}" if "rebuild" in args else variant
        return {**self.manifest, "steps": [*self.steps[:-1], {**last, "args": args}]}
