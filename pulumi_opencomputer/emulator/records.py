"""The API's records, and the limits of the real database."""

from __future__ import annotations

import json
from dataclasses import dataclass

from .requests import ImageRequest

LONGEST_NAME = 2600
DUPLICATE = 'ERROR: duplicate key value violates unique constraint "{}" (SQLSTATE 23505)'


class SaveError(Exception):
    """The database refuses a record. The text is the real database's message.

    Attributes:
        duplicate: Whether the reason is that the record's name or content hash is taken.
    """

    def __init__(self, message: str, *, duplicate: bool = False) -> None:
        super().__init__(message)
        self.duplicate = duplicate


@dataclass(frozen=True)
class Record:
    """A record without its manifest.

    Attributes:
        cell_id: The cell that holds it; None unless the record comes from the edge.
    """

    seq: int
    id: str
    org_id: str
    content_hash: str
    checkpoint_id: str | None
    name: str | None
    status: str
    created_at: str
    last_used_at: str
    cell_id: str | None = None

    def parts(self, manifest: bytes) -> list[bytes]:
        """Return the record's JSON in parts, with its manifest's JSON as one of them, so that it is not copied."""
        head: dict[str, str] = {"id": self.id, "orgId": self.org_id}
        if self.cell_id is not None:
            head["cellId"] = self.cell_id
        head["contentHash"] = self.content_hash
        if self.checkpoint_id:
            head["checkpointId"] = self.checkpoint_id
        if self.name is not None:
            head["name"] = self.name
        tail = {"status": self.status, "createdAt": self.created_at, "lastUsedAt": self.last_used_at}
        return [_json(head)[:-1] + b',"manifest":', manifest, b"," + _json(tail)[1:]]


@dataclass(frozen=True)
class NewRecord:
    """A record to be inserted.

    Attributes:
        org_id: The organisation that it belongs to.
        content_hash: The record's content hash; for a named record usually with a suffix.
    """

    org_id: str
    content_hash: str
    name: str | None
    image: ImageRequest
    status: str
    checkpoint_id: str | None = None


def refuse_unsavable(new: NewRecord) -> None:
    """Refuse a record that the real database can't store.

    Raises:
        SaveError: The real database would refuse it.
    """
    if "\0" in (new.name or ""):
        raise SaveError('ERROR: invalid byte sequence for encoding "UTF8": 0x00 (SQLSTATE 22021)')
    if new.image.unsavable:
        raise SaveError(new.image.unsavable)
    size = len((new.name or "").encode())
    if size > LONGEST_NAME:
        raise SaveError(
            f"ERROR: index row size {size + 88} exceeds btree version 4 maximum 2704 for index"
            ' "idx_image_cache_org_hash" (SQLSTATE 54000)'
        )


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
