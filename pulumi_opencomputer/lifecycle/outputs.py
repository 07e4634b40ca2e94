"""The outputs of the resources and of the lookups: one table that feeds state, read, import, lookups and schema."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from ..sanitize import excerpt, is_engine_mark
from .names import origin_of, source_of

#: What is said of a record's maker that is not known.
UNKNOWN_ORIGIN = "unknown"

if TYPE_CHECKING:
    from ..api.records import Record


@dataclass(frozen=True)
class Output:
    """One output.

    Attributes:
        name: Its key in state, schema and lookups.
        description: What it is, in Markdown, for the schema.
        type: ``string``, ``boolean``, ``manifest`` or ``versions``.
        of_record: How it comes out of a record; None where a record does not hold it.
        filled_by: Who fills it in: the program itself, check, or only a create.
        refreshed: Whether a read takes it over from the record.
        present: When it has a value: always, once the image is ready, or only now and then.
        of_lookup: What a lookup's schema says in place of the description, where that differs.
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
    "The manifest; for local files their number and size, never the bytes.",
    type="manifest",
    filled_by="program",
)
CONTENT_HASH = Output(
    "contentHash",
    "SHA-256 of the content, 64 hex digits, equal to the server's; known in a preview.",
    of_record=lambda record: record.content_hash,
    filled_by="check",
    of_lookup="The content hash, 64 hex digits.",
)
BUILT_HASH = Output(
    "builtHash",
    "The hash under which it was built: `contentHash`, unless that was blocked at the server.",
    of_record=lambda record: record.content_hash,
)
CHECKPOINT_ID = Output(
    "checkpointId",
    "The built image's id at the server.",
    of_record=lambda record: record.checkpoint_id,
    refreshed=True,
    present="ready",
    of_lookup="The built image's id at the server; absent until it is ready.",
)
STATUS = Output(
    "status",
    "`ready`; after a refresh also `building`, `failed`, or `missing` (the image is not there any more).",
    of_record=lambda record: record.status,
    refreshed=True,
    of_lookup="`building`, `ready` or `failed`.",
)
API_URL = Output("apiUrl", "The address of the API that it lives at.")
ORG_ID = Output(
    "orgId",
    "The organisation that it belongs to.",
    of_record=lambda record: record.org_id,
    refreshed=True,
    present="sometimes",
)
CACHED = Output("cached", "Whether the create was answered from the server's cache.", type="boolean")
NAME = Output(
    "name",
    "The snapshot's name, which sandboxes start from.",
    of_record=lambda record: record.name,
    filled_by="program",
)
SNAPSHOT_ID = Output(
    "snapshotId", "The server's own id, new with each replacement.", of_record=lambda record: record.id
)
CREATED_AT = Output("createdAt", "When it was made, RFC 3339 in UTC.", of_record=lambda record: record.created_at)
LAST_USED_AT = Output(
    "lastUsedAt",
    "When a sandbox last started from it, RFC 3339 in UTC.",
    of_record=lambda record: record.last_used_at,
    refreshed=True,
    present="sometimes",
)

VERSIONS = Output(
    "versions",
    "With `keep`: the version in use, then the superseded ones that are kept, the latest first.",
    type="versions",
    present="sometimes",
)

PROJECT = Output(
    "project",
    f"The Pulumi project that made it; `{UNKNOWN_ORIGIN}` where this provider did not, as are its stack and resource.",
    of_record=lambda record: _shown(origin_of(record).project),
)
STACK = Output("stack", "The stack that made it.", of_record=lambda record: _shown(origin_of(record).stack))
RESOURCE = Output(
    "resource", "The resource that made it, by its name.", of_record=lambda record: _shown(origin_of(record).resource)
)
SOURCE_SNAPSHOT = Output(
    "sourceSnapshot",
    "The snapshot whose content it has, where that was named.",
    of_record=lambda record: _shown(source) if (source := source_of(record)) else None,
    filled_by="program",
    present="sometimes",
)

_SNAPSHOT_MANIFEST = replace(
    MANIFEST,
    description=f"{MANIFEST.description} Absent where the content is another snapshot's (`sourceSnapshot`).",
    present="sometimes",
)
_SNAPSHOT_STATUS = replace(
    STATUS,
    description=(
        "`ready`; after a refresh also `building`, `failed`, `missing` (the image is not there any more), or `foreign` "
        "(another's snapshot has the name)."
    ),
)

#: The outputs of an image.
IMAGE = (MANIFEST, CONTENT_HASH, BUILT_HASH, CHECKPOINT_ID, STATUS, API_URL, ORG_ID, CREATED_AT, CACHED)

#: The outputs of a snapshot.
SNAPSHOT = (
    *(_SNAPSHOT_MANIFEST, CONTENT_HASH, BUILT_HASH, CHECKPOINT_ID, _SNAPSHOT_STATUS, API_URL, ORG_ID),
    *(NAME, SNAPSHOT_ID, CREATED_AT, LAST_USED_AT, VERSIONS, SOURCE_SNAPSHOT),
)

#: What an entry of ``versions`` holds.
VERSION = (NAME, SNAPSHOT_ID, CONTENT_HASH, CREATED_AT)

#: What a lookup of an image answers.
IMAGE_LOOKUP = (CONTENT_HASH, STATUS, CHECKPOINT_ID, CREATED_AT, LAST_USED_AT)

#: What a lookup of a snapshot answers.
SNAPSHOT_LOOKUP = (NAME, SNAPSHOT_ID, *IMAGE_LOOKUP, PROJECT, STACK, RESOURCE, SOURCE_SNAPSHOT)


def _shown(text: str) -> str:
    """A key of a record for people, whoever wrote it."""
    found = excerpt(text)
    return found if found and not is_engine_mark(found) else UNKNOWN_ORIGIN


def maker(record: Record) -> str:
    """Who made a record, for people."""
    origin = origin_of(record)
    if not origin.mark:
        return "not made by this provider"
    resource, stack, project = (_shown(each) for each in (origin.resource, origin.stack, origin.project))
    return f"made by the resource {resource!r} of the stack {stack!r} in the project {project!r}"


def created(outputs: Iterable[Output], record: Record) -> dict[str, Any]:
    """What a resource's new record gives, beside its inputs."""
    return _values((output for output in outputs if output.filled_by == "create"), record)


def refreshed(outputs: Iterable[Output], record: Record, state: Mapping[str, Any]) -> dict[str, Any]:
    """What of a resource's record can change without another content.

    Args:
        outputs: The kind's outputs.
        record: The record.
        state: The outputs as recorded. The public endpoint knows times in whole seconds alone, so a recorded time that
            is the same to the second stays.
    """
    found = _values((output for output in outputs if output.refreshed), record)
    times = [
        name for name in found if name.endswith("At") and _to_the_second(found[name]) == _to_the_second(state.get(name))
    ]
    return {name: value for name, value in found.items() if name not in times}


def _to_the_second(time: Any) -> str:
    return str(time).rstrip("Z").partition(".")[0]


def looked_up(outputs: Iterable[Output], record: Record) -> dict[str, Any]:
    """What a lookup answers about a record."""
    return _values(outputs, record)


def _values(outputs: Iterable[Output], record: Record) -> dict[str, Any]:
    found = {output.name: output.of_record(record) for output in outputs if output.of_record}
    return {name: value for name, value in found.items() if value is not None}
