"""One resource of a generated program: its manifest, its secrets and its local files."""

from __future__ import annotations

import base64
import json
import posixpath
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ..manifest.paths import Path as ValuePath
from ..manifest.paths import copied, join
from .names import config_key
from .sensitive import Sensitive, at

_UNFIT = re.compile(r'[\x00-\x1f<>:"\\|?*]|[ .]$|^\s')
_LONGEST_PART = 200


class ConfigSecret(NamedTuple):
    """A placeholder in a manifest for a value that is encrypted in the stack's configuration."""

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
        is_imported: Whether it can be imported; if not, the program takes over its name with `adopt`.
    """

    kind: str
    name: str
    id: str
    manifest: dict[str, Any]
    secrets: list[Secret] = field(default_factory=list)
    is_imported: bool = True

    @property
    def import_entry(self) -> dict[str, str]:
        """Its entry in the file for ``pulumi import --file``."""
        id_ = self.id
        if self.secrets:
            # The plugin returns the values at these paths to the engine as secrets.
            id_ = json.dumps({"id": self.id, "secrets": [secret.path for secret in self.secrets]})
        return {"type": f"opencomputer:index:{self.kind}", "name": self.name, "id": id_}

    def take_secrets(self, chosen: list[Sensitive], taken: set[str]) -> None:
        """Replace the chosen values with references to the stack's configuration, under keys not in `taken`."""
        for each in chosen:
            key = _free(config_key(self.name, *_words(each)), taken)
            self.secrets.append(Secret(key, join(("manifest", *each.path))))
            _put(self.manifest, each.path, ConfigSecret(key))


def with_local_files(manifest: Mapping[str, Any], folder: Path, prefix: str, inline_bytes: int) -> dict[str, Any]:
    """Return the manifest with large files and binary files written to a folder next to the program.

    Args:
        manifest: The manifest in the declared form. A file that is a `ConfigSecret` stays in the program.
        folder: The folder for the files; created if needed.
        prefix: The path of that folder relative to the program, such as ``./files/agents``.
        inline_bytes: The largest text file, in bytes, that stays in the program.
    """
    made: dict[str, Any] = copied(manifest)
    for number, step in enumerate(made.get("steps", ()), 1):
        if "addFile" in step:
            step["addFile"] = _local_file(step["addFile"], number, folder, prefix, inline_bytes)
        elif "addDir" in step:
            step["addDir"] = _local_directory(step["addDir"], number, folder, prefix)
    return made


def _local_file(body: dict[str, Any], number: int, folder: Path, prefix: str, inline_bytes: int) -> dict[str, Any]:
    raw, name = _bytes(body), posixpath.basename(body["path"])
    if raw is None or not raw or _is_unfit(name):
        return body
    if "encoding" not in body and len(raw) <= inline_bytes:
        return body
    place = folder / f"{number}-{name}"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(raw)
    return {"path": body["path"], "source": f"{prefix}/{place.name}"}


def _local_directory(body: dict[str, Any], number: int, folder: Path, prefix: str) -> dict[str, Any]:
    entries = [(entry["relativePath"], _bytes(entry)) for entry in body.get("files", ())]
    if not entries or any(raw is None for _, raw in entries) or not _fit_together([name for name, _ in entries]):
        return body
    place = folder / f"{number}-{_fit(posixpath.basename(posixpath.normpath(body['path'])))}"
    try:
        for name, raw in entries:
            file = place / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(raw or b"")
    except OSError:
        # This machine's file system can't hold these files, so they stay in the program.
        shutil.rmtree(place, ignore_errors=True)
        return body
    return {"path": body["path"], "source": f"{prefix}/{place.name}"}


def _bytes(body: Mapping[str, Any]) -> bytes | None:
    """Return the bytes of an inline file; None for a secret, which the program only refers to by its key."""
    content = body.get("content")
    if not isinstance(content, str):
        return None
    return base64.b64decode(content) if "encoding" in body else content.encode()


def _fit_together(names: list[str]) -> bool:
    """Tell whether files with these names can share a folder on any system, and keep their names there."""
    folded = {name.casefold() for name in names}
    parents = {name[:position] for name in names for position in _slashes(name)}
    return (
        len(folded) == len(names)
        and not folded & {parent.casefold() for parent in parents}
        and not any(_is_unfit(part) for name in names for part in name.split("/"))
    )


def _slashes(name: str) -> list[int]:
    return [position for position, letter in enumerate(name) if letter == "/"]


def _is_unfit(name: str) -> bool:
    return not name or bool(_UNFIT.search(name)) or len(name.encode("utf-8", "replace")) > _LONGEST_PART


def _fit(name: str) -> str:
    return "directory" if _is_unfit(name) or name == "/" else name


def _put(value: Any, path: ValuePath, new: Any) -> None:
    parent = at(value, path[:-1])
    parent[path[-1]] = new


def _words(each: Sensitive) -> list[str]:
    last = each.path[-1]
    if each.path[2] == "env":
        return [str(last)]
    return [str(each.path[2]), str(int(each.path[1]) + 1), *([str(int(last) + 1)] if isinstance(last, int) else [])]


def _free(key: str, taken: set[str]) -> str:
    found, number = key, 2
    while found in taken:
        found, number = f"{key}{number}", number + 1
    taken.add(found)
    return found


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
