"""The API's records, validated on arrival, and JSON parsing with limits. Nothing here does I/O.

Whatever a server or a stranger put into a field, a `Record` contains no control sequences for a terminal, and nothing
that Pulumi's engine would misread as a command or as one of its own markers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, TypeVar

from pydantic_core import from_json

from ..errors import ProtocolError
from ..sanitize import clean, is_engine_mark, quoted
from .error_mapping import quote
from .json_stream import has_more_values

T = TypeVar("T")

_HASH = re.compile(r"[0-9a-f]{64}")
_IDENTIFIER = re.compile(r"[A-Za-z0-9._:@/+=~-]{1,200}")
_STATUS = re.compile(r"[A-Za-z0-9_. -]{1,40}")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_LONGEST_NAME = 4_096
_SMALL = 8 * 1024 * 1024
_MOST_VALUES = 4_000_000


@dataclass(frozen=True)
class Record:
    """The API's record of a named snapshot, or of the unnamed build behind it.

    Attributes:
        id: The record's own id.
        name: The snapshot's name, without control characters; None for a build's record.
        content_hash: 64 hex digits, without the name that the server appends for named records.
        status: `building`, `ready` or `failed`; later servers may have other words.
        checkpoint_id: The built image's id; None until the record is ready, and again once the image is deleted.
        created_at: The time of creation, RFC 3339 in UTC; exactly as the server wrote it if that was UTC.
        last_used_at: When a sandbox last started from it, in the same format, or None.
        manifest: The manifest as the server stores it, in the API's form; None if it was not requested.
        org_id: The organisation of the key, or None.
        cell_id: The cell that holds the record; None unless the public endpoint answered.
        name_is_exact: Whether `name` is exactly the server's, so that nothing was removed from it.
    """

    id: str
    name: str | None
    content_hash: str
    status: str
    checkpoint_id: str | None
    created_at: str
    last_used_at: str | None
    manifest: Mapping[str, Any] | None
    org_id: str | None = None
    cell_id: str | None = None
    name_is_exact: bool = True

    @property
    def is_ready(self) -> bool:
        """Whether sandboxes can start from it. A ready record whose image was deleted is not ready."""
        return self.status == "ready" and self.checkpoint_id is not None

    def age(self, now: float) -> float:
        """Return the seconds from the record's creation to `now` (seconds since the epoch, by the server's clock)."""
        return now - _moment(self.created_at).timestamp()


def parse_json(data: bytes | bytearray, what: str, redact: Callable[[str], str]) -> object:
    """Parse JSON from UTF-8 bytes. The peak memory is that of the bytes plus the value.

    Args:
        data: The whole document.
        what: A description of it for the error, such as ``answer to /api/snapshots``.
        redact: Removes the API key from a text.

    Raises:
        ProtocolError: It is not JSON, is nested deeper than 200 levels, or has so many values that it would take too
            much memory.
    """
    # Many tiny values take 20 times the memory of their bytes as Python objects. A file's content is one long value.
    if len(data) > _SMALL and has_more_values(data, _MOST_VALUES):
        raise ProtocolError(f"The server's {what} has more than {_MOST_VALUES:,} values, which no record has.")
    try:
        return from_json(data, allow_inf_nan=False)
    except (ValueError, RecursionError):
        raise ProtocolError(f"The server's {what} is not valid JSON.", text=quote(bytes(data[:2000]), redact)) from None


def parse_record(value: object, what: str, *, name: str | None = None, with_manifest: bool = True) -> Record:
    """Return a record from a JSON value, after checking each field.

    Args:
        value: The JSON value.
        what: A description of the response for the error.
        name: The name that the record must have; None for any.
        with_manifest: Whether the record keeps its manifest.

    Raises:
        ProtocolError: A field is missing or has a wrong type or format, or the record has another name. The message
            names the field, but does not show its value.
    """
    if not isinstance(value, dict):
        raise ProtocolError(f"The server's {what} is not a record (a JSON object).")
    fields = _Fields(value, what)
    if name is not None and value.get("name") != name:
        raise ProtocolError(f"The server's {what} is not about the snapshot {quoted(name)}, but about another record.")
    manifest = fields.optional("manifest", dict)
    found = fields.name()
    return Record(
        id=fields.required("id", fields.identifier("id")),
        name=found,
        content_hash=fields.content_hash(),
        status=fields.matching("status", _STATUS),
        checkpoint_id=fields.identifier("checkpointId"),
        created_at=fields.required("createdAt", fields.time("createdAt")),
        last_used_at=fields.time("lastUsedAt"),
        manifest=manifest if with_manifest else None,
        org_id=fields.identifier("orgId"),
        cell_id=fields.identifier("cellId"),
        name_is_exact=found in (value.get("name"), None),
    )


@dataclass(frozen=True)
class Head:
    """The fields of a record that identify it and show whether it has an image.

    Attributes:
        id: As of `Record`.
        name: As of `Record`.
        content_hash: As of `Record`.
        checkpoint_id: As of `Record`.
    """

    id: str
    name: str | None
    content_hash: str
    checkpoint_id: str | None

    @property
    def is_ready(self) -> bool:
        """Whether sandboxes can start from it. A record has a checkpoint only while it is ready."""
        return self.checkpoint_id is not None


def parse_head(value: object, what: str) -> Head:
    """Return the head of a record from a JSON value, after checking each of its fields.

    Args:
        value: The JSON value; other fields may be missing.
        what: A description of the response for the error.

    Raises:
        ProtocolError: As with `parse_record`.
    """
    if not isinstance(value, dict):
        raise ProtocolError(f"The server's {what} is not a record (a JSON object).")
    fields = _Fields(value, what)
    return Head(
        id=fields.required("id", fields.identifier("id")),
        name=fields.name(),
        content_hash=fields.content_hash(),
        checkpoint_id=fields.identifier("checkpointId"),
    )


class _Fields:
    """The fields of one record."""

    def __init__(self, value: Mapping[str, Any], what: str) -> None:
        self._value = value
        self._what = what

    def required(self, key: str, found: T | None) -> T:
        if found is None:
            raise self._wrong(key)
        return found

    def optional(self, key: str, kind: type[T]) -> T | None:
        found = self._value.get(key)
        if found is not None and not isinstance(found, kind):
            raise self._wrong(key)
        return found

    def matching(self, key: str, shape: re.Pattern[str]) -> str:
        found = self._value.get(key)
        if not isinstance(found, str) or not shape.fullmatch(found) or is_engine_mark(found):
            raise self._wrong(key)
        return found

    def identifier(self, key: str) -> str | None:
        found = self._value.get(key)
        # Numbers are accepted as ids too. `True` is an int in Python.
        if type(found) is int and 0 <= found < 10**30:
            return str(found)
        return None if found is None else self.matching(key, _IDENTIFIER)

    def content_hash(self) -> str:
        found = self.required("contentHash", self.optional("contentHash", str)).partition(":named:")[0]
        if not _HASH.fullmatch(found):
            raise self._wrong("contentHash")
        return found

    def name(self) -> str | None:
        found = self.optional("name", str)
        if found and (len(found) > _LONGEST_NAME or is_engine_mark(found)):
            raise self._wrong("name")
        return " ".join(clean(found).split("\n")) if found else None

    def time(self, key: str) -> str | None:
        found = self.optional(key, str)
        if found is None:
            return None
        try:
            return _in_utc(found)
        except (ValueError, OverflowError):
            raise self._wrong(key) from None

    def _wrong(self, key: str) -> ProtocolError:
        return ProtocolError(f"The server's {self._what} has a record whose {key} is missing or invalid.")


def _in_utc(text: str) -> str:
    moment = _moment(text)
    if re.search(r"T.*Z$", text):
        return text
    decimals = _TIME.fullmatch(text)[3] or ""  # type: ignore[index]
    return f"{moment.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%S}{decimals}Z"


def _moment(text: str) -> datetime:
    match = _TIME.fullmatch(text)
    if not match:
        raise ValueError("not a time")
    day, time, decimals, zone = match.groups()
    zone = "+00:00" if zone in "Zz" else zone
    microseconds = ((decimals or ".")[1:] + "000000")[:6]
    return datetime.fromisoformat(f"{day}T{time}.{microseconds}{zone}")
