"""The outputs of the resources and of the lookups: one table that feeds state, read, import, lookups and schema."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from ..sanitize import excerpt, is_engine_mark
from .names import origin_of, source_of

#: Stands for a project, stack or resource that a record does not name.
UNKNOWN_ORIGIN = "unknown"

if TYPE_CHECKING:
    from ..api.records import Record


@dataclass(frozen=True)
class Output:
    """One output.

    Attributes:
        name: Its key in state, schema and lookups.
        description: Its description in the schema, in Markdown.
        type: ``string``, ``boolean``, ``manifest`` or ``versions``.
        of_record: Returns its value from a record; None if records don't have it.
        filled_by: What sets it first: the program, check, or the create.
        refreshed: Whether a refresh updates it from the record.
        present: When it has a value: always, once the image is ready, or only in some cases.
        of_lookup: Its description in the schema of lookups, if that differs.
    """

    name: str
    description: str
    type: Literal["string", "boolean", "manifest", "versions"] = "string"
    of_record: Callable[[Record], Any] | None = None
    filled_by: Literal["program", "check", "create"] = "create"
    refreshed: bool = False
    present: Literal["always", "ready", "sometimes"] = "always"
    of_lookup: str = ""


MANIFEST = Output(
    "manifest",
    "The manifest. Of local files it has the number and the size, never the bytes.",
    type="manifest",
    filled_by="program",
)
CONTENT_HASH = Output(
    "contentHash",
    "SHA-256 of the content as the server computes it, 64 hex digits. A preview shows it already.",
    of_record=lambda record: record.content_hash,
    filled_by="check",
    of_lookup="The content hash, 64 hex digits.",
)
BUILT_HASH = Output(
    "builtHash",
    "The hash that the image was built under. It is `contentHash`, unless a lost or failed build blocks that hash on "
    "the server.",
    of_record=lambda record: record.content_hash,
)
CHECKPOINT_ID = Output(
    "checkpointId",
    "The server's ID of the built image.",
    of_record=lambda record: record.checkpoint_id,
    refreshed=True,
    present="ready",
    of_lookup="The server's ID of the built image; absent until the image is ready.",
)
STATUS = Output(
    "status",
    "`ready`. After a refresh it can also be `building`, `failed`, or `missing` (the image no longer exists).",
    of_record=lambda record: record.status,
    refreshed=True,
    of_lookup="`building`, `ready` or `failed`.",
)
API_URL = Output("apiUrl", "The address of the API that it was created at.")
ORG_ID = Output(
    "orgId",
    "The ID of the organisation that it belongs to.",
    of_record=lambda record: record.org_id,
    refreshed=True,
    present="sometimes",
)
CACHED = Output("cached", "Whether the image came from the server's cache, without a build.", type="boolean")
NAME = Output(
    "name",
    "The snapshot's name, which sandboxes start from.",
    of_record=lambda record: record.name,
    filled_by="program",
)
SNAPSHOT_ID = Output(
    "snapshotId",
    "The server's ID of the snapshot; each replacement gets a new one.",
    of_record=lambda record: record.id,
)
CREATED_AT = Output("createdAt", "When it was created, RFC 3339 in UTC.", of_record=lambda record: record.created_at)
LAST_USED_AT = Output(
    "lastUsedAt",
    "When a sandbox last started from it, RFC 3339 in UTC.",
    of_record=lambda record: record.last_used_at,
    refreshed=True,
    present="sometimes",
)

VERSIONS = Output(
    "versions",
    "With `keep`: the version in use, followed by the superseded versions that are kept, newest first.",
    type="versions",
    present="sometimes",
)

PROJECT = Output(
    "project",
    f"The Pulumi project that created it. If it was not created by this provider, project, stack and resource are "
    f"`{UNKNOWN_ORIGIN}`.",
    of_record=lambda record: _shown(origin_of(record).project),
)
STACK = Output("stack", "The stack that created it.", of_record=lambda record: _shown(origin_of(record).stack))
RESOURCE = Output(
    "resource", "The name of the resource that created it.", of_record=lambda record: _shown(origin_of(record).resource)
)
SOURCE_SNAPSHOT = Output(
    "sourceSnapshot",
    "The name of the snapshot whose content it was given, if any.",
    of_record=lambda record: _shown(source) if (source := source_of(record)) else None,
    filled_by="program",
    present="sometimes",
)

_SNAPSHOT_MANIFEST = replace(
    MANIFEST,
    description=f"{MANIFEST.description} Absent if the content was given by `sourceSnapshot`.",
    present="sometimes",
)
_SNAPSHOT_STATUS = replace(
    STATUS,
    description=(
        "`ready`. After a refresh it can also be `building`, `failed`, `missing` (the image no longer exists), or "
        "`foreign` (someone else's snapshot has the name)."
    ),
)

#: The outputs of an image.
IMAGE = (MANIFEST, CONTENT_HASH, BUILT_HASH, CHECKPOINT_ID, STATUS, API_URL, ORG_ID, CREATED_AT, CACHED)

#: The outputs of a snapshot.
SNAPSHOT = (
    *(_SNAPSHOT_MANIFEST, CONTENT_HASH, BUILT_HASH, CHECKPOINT_ID, _SNAPSHOT_STATUS, API_URL, ORG_ID),
    *(NAME, SNAPSHOT_ID, CREATED_AT, LAST_USED_AT, VERSIONS, SOURCE_SNAPSHOT),
)

#: The fields of an entry of ``versions``.
VERSION = (NAME, SNAPSHOT_ID, CONTENT_HASH, CREATED_AT)

#: The fields that a lookup of an image returns.
IMAGE_LOOKUP = (CONTENT_HASH, STATUS, CHECKPOINT_ID, CREATED_AT, LAST_USED_AT)

#: The fields that a lookup of a snapshot returns.
SNAPSHOT_LOOKUP = (NAME, SNAPSHOT_ID, *IMAGE_LOOKUP, PROJECT, STACK, RESOURCE, SOURCE_SNAPSHOT)


def _shown(text: str) -> str:
    """Return a text from a record, which anyone may have written, in a form that is safe to show."""
    found = excerpt(text)
    return found if found and not is_engine_mark(found) else UNKNOWN_ORIGIN


def maker(record: Record) -> str:
    """Return a phrase that says which resource created a record."""
    origin = origin_of(record)
    if not origin.mark:
        return "not made by this provider"
    resource, stack, project = (_shown(each) for each in (origin.resource, origin.stack, origin.project))
    return f"made by the resource {resource!r} of the stack {stack!r} in the project {project!r}"


def created(outputs: Iterable[Output], record: Record) -> dict[str, Any]:
    """Return the outputs that a resource's new record provides."""
    return _values((output for output in outputs if output.filled_by == "create"), record)


def refreshed(outputs: Iterable[Output], record: Record, state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the outputs that a refresh updates: they can change although the content stays the same.

    Args:
        outputs: The kind's outputs.
        record: The record.
        state: The recorded outputs. The public endpoint returns times in whole seconds only, so a recorded time is
            kept if it is the same to the second.
    """
    found = _values((output for output in outputs if output.refreshed), record)
    times = [
        name for name in found if name.endswith("At") and _to_the_second(found[name]) == _to_the_second(state.get(name))
    ]
    return {name: value for name, value in found.items() if name not in times}


def _to_the_second(time: Any) -> str:
    return str(time).rstrip("Z").partition(".")[0]


def looked_up(outputs: Iterable[Output], record: Record) -> dict[str, Any]:
    """Return the fields of a lookup of a record."""
    return _values(outputs, record)


def _values(outputs: Iterable[Output], record: Record) -> dict[str, Any]:
    found = {output.name: output.of_record(record) for output in outputs if output.of_record}
    return {name: value for name, value in found.items() if value is not None}
