"""One resource of a generated program: its manifest and its secrets."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..manifest.paths import Path, join
from .names import Names, config_key
from .sensitive import Sensitive, at


@dataclass(frozen=True)
class ConfigSecret:
    """A placeholder in a manifest for a value that is encrypted in the stack's configuration.

    It is not a tuple, because a copy of a manifest turns tuples into lists.
    """

    key: str


@dataclass(frozen=True)
class Secret:
    """A value that goes into the stack's configuration.

    Attributes:
        key: The configuration key.
        path: The value's path in the resource's inputs, such as ``manifest.steps[2].env.TOKEN``.
    """

    key: str
    path: str


@dataclass
class Resource:
    """A resource of the program.

    Attributes:
        kind: ``Snapshot`` or ``Image``.
        name: Its name in the program.
        id: Its id in Pulumi: the snapshot's name, or the image's content hash.
        manifest: The manifest in the declared form, with a `ConfigSecret` in place of each secret.
        secrets: The values that go into the stack's configuration.
        is_imported: Whether it can be imported.
    """

    kind: str
    name: str
    id: str
    manifest: dict[str, Any]
    secrets: list[Secret] = field(default_factory=list)
    is_imported: bool = True

    @property
    def is_adopted(self) -> bool:
        """Whether the program takes over its name with `adopt`; an image has no name to take over."""
        return self.kind == "Snapshot" and not self.is_imported

    @property
    def import_entry(self) -> dict[str, str]:
        """Its entry in the file for ``pulumi import --file``."""
        id_ = self.id
        if self.secrets:
            # The plugin returns the values at these paths to the engine as secrets.
            id_ = json.dumps({"id": self.id, "secrets": [secret.path for secret in self.secrets]})
        return {"type": f"opencomputer:index:{self.kind}", "name": self.name, "id": id_}

    def take_secrets(self, chosen: list[Sensitive], names: Names) -> None:
        """Replace the chosen values with references to the stack's configuration."""
        for each in chosen:
            key = names.key(config_key(self.name, *_words(each)))
            self.secrets.append(Secret(key, join(("manifest", *each.path))))
            _put(self.manifest, each.path, ConfigSecret(key))


def _put(value: Any, path: Path, new: Any) -> None:
    parent = at(value, path[:-1])
    parent[path[-1]] = new


def _words(each: Sensitive) -> list[str]:
    last = each.path[-1]
    if each.path[2] == "env":
        return [str(last)]
    return [str(each.path[2]), str(int(each.path[1]) + 1), *([str(int(last) + 1)] if isinstance(last, int) else [])]


class Wanted(NamedTuple):
    """A snapshot or image that was chosen for the program.

    Attributes:
        kind: ``Snapshot`` or ``Image``.
        id: The snapshot's name, or the image's content hash.
        is_named: Whether the user gave its exact name, rather than a pattern.
    """

    kind: str
    id: str
    is_named: bool = False
