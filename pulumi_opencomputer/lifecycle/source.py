"""The content of another snapshot, byte for byte as in the server's record. A promotion (`sourceSnapshot`) resends it.

The record does not say which parts are secret, so no part of the content is shown or written to a state.
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
        manifest: Its manifest in the API's form, without the keys that say which resource made the snapshot.
        content_hash: The hash of the declared content, 64 hex digits.
        built_hash: The hash of this manifest, 64 hex digits. It differs from `content_hash` if the server built a
            variant, because the declared content was blocked.
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
        """Secrets that cover the whole manifest."""
        return Secrets({"steps": [{"args": step.get("args")} for step in self.steps]}, [""])

    @property
    def descriptions(self) -> tuple[str, ...]:
        """A description of each step for logs and errors: only its type and the snapshot's name."""
        return tuple(f"{excerpt(str(step.get('type')), 40)} (content of {self.name})" for step in self.steps)

    def image(self, variant: int) -> dict[str, Any]:
        """Return the manifest to send.

        Args:
            variant: 0 for the manifest itself; above 0 for other content with the same effect.
        """
        if not (variant and self.steps):
            return dict(self.manifest)
        last = self.steps[-1]
        args = dict(last.get("args") or {})
        args["rebuild"] = f"{args['rebuild']}/{variant}" if "rebuild" in args else variant
        return {**self.manifest, "steps": [*self.steps[:-1], {**last, "args": args}]}
