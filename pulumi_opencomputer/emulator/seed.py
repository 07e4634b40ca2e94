"""Snapshots that exist from the start: read from JSON files, and added to the store without a build."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .records import NewRecord, SaveError, refuse_unsavable
from .requests import ImageRequest, read_image_request
from .store import Store

_API_FORM = (
    "each step needs a type and args, as in the API's form: Manifest.from_dict(…).to_dict() converts the declared form"
)


class SeedError(ValueError):
    """A seed is invalid; the text says where and why."""


@dataclass(frozen=True)
class SeedSnapshot:
    """A snapshot of a seed: its name and its image."""

    name: str
    image: ImageRequest


def read_seed(path: Path) -> tuple[SeedSnapshot, ...]:
    """Read a seed: a JSON file, or a folder of them.

    A file contains one manifest, whose snapshot has the file's name without ``.json``; or an object of manifests by
    snapshot name; or the list of records that ``GET /api/snapshots`` returns.

    Raises:
        SeedError: A file can't be read, a name occurs twice, or the server could not build a manifest.
    """
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise SeedError(f"{path}: the folder has no file whose name ends in .json")
    snapshots: dict[str, SeedSnapshot] = {}
    for file in files:
        for name, manifest in _manifests(file):
            if name in snapshots:
                raise SeedError(f"{file}: there are two snapshots named {name!r}")
            snapshots[name] = _snapshot(file, name, manifest)
    return tuple(snapshots.values())


def plant(store: Store, org_id: str, seed: tuple[SeedSnapshot, ...]) -> None:
    """Add the snapshots of a seed to an organisation's records. Snapshots that already exist stay as they are."""
    for snapshot in seed:
        if store.by_name(org_id, snapshot.name) is None:
            store.add_named(org_id, snapshot.name, snapshot.image, _built(store, org_id, snapshot.image))


def _manifests(file: Path) -> Iterator[tuple[str, Any]]:
    try:
        value = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SeedError(f"{file}: {getattr(error, 'strerror', None) or error}") from None
    if isinstance(value, list):
        for record in value:
            if not isinstance(record, dict) or not isinstance(record.get("name"), str):
                raise SeedError(
                    f"{file}: a list must hold records as GET /api/snapshots returns them, each with a name"
                )
            yield record["name"], record.get("manifest")
    elif not isinstance(value, dict):
        raise SeedError(f"{file}: must hold a manifest, an object of manifests by name, or a list of records")
    elif isinstance(value.get("steps"), list) or isinstance(value.get("base"), str):
        yield file.stem, value
    else:
        yield from value.items()


def _snapshot(file: Path, name: str, manifest: Any) -> SeedSnapshot:
    if reason := _mistake(name, manifest):
        raise SeedError(f"{file}: snapshot {name!r}: {reason}")
    image = read_image_request({key: value for key, value in manifest.items() if key != "name"})
    new = NewRecord("", image.content_hash, name, image, "ready")
    try:
        refuse_unsavable(new)
    except SaveError as error:
        raise SeedError(f"{file}: snapshot {name!r}: {error}") from None
    for number, step in enumerate(image.steps):
        failure = step.failure()
        if reason := step.refusal or (failure.stderr if failure else ""):
            raise SeedError(f"{file}: snapshot {name!r}: steps[{number}] ({step.type}): {reason}")
    if image.invalid:
        raise SeedError(f"{file}: snapshot {name!r}: {image.invalid}")
    return SeedSnapshot(name, image)


def _mistake(name: str, manifest: Any) -> str:
    if not name or "/" in name or name in (".", ".."):
        return "a name must not be empty, contain a slash, or be . or .."
    if not isinstance(manifest, Mapping):
        return "a manifest must be an object with base and steps"
    steps = manifest.get("steps") or []
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        return "steps must be a list of objects"
    return "" if all("type" in step for step in steps) else _API_FORM


def _built(store: Store, org_id: str, image: ImageRequest) -> str:
    record = store.by_hash(org_id, image.content_hash)
    if record and record.checkpoint_id:
        return record.checkpoint_id
    checkpoint_id = str(uuid.uuid4())
    if record is None:
        store.insert(NewRecord(org_id, image.content_hash, None, image, "ready", checkpoint_id))
    return checkpoint_id
