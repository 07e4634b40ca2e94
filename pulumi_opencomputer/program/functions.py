"""Looking snapshots up from a program."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

if TYPE_CHECKING:
    from ..api.client import Client, Record


@dataclass(frozen=True)
class SnapshotInfo:
    """A named snapshot as the server has it.

    Attributes:
        id: The record's own id.
        name: The name that sandboxes start from.
        content_hash: 64 hex digits.
        status: ``building``, ``ready`` or ``failed``.
        checkpoint_id: The built image's id, None until it is ready.
        created_at: RFC 3339 in UTC.
        last_used_at: RFC 3339 in UTC, or None.
    """

    id: str
    name: str
    content_hash: str
    status: str
    checkpoint_id: str | None
    created_at: str
    last_used_at: str | None


def get_snapshot(name: str) -> SnapshotInfo:
    """Look up one snapshot, now; in a preview too.

    Args:
        name: The snapshot's name.

    Raises:
        NotFoundError: There is none.
        ConfigurationError: There is no key, or a setting can't be used.
        APIError: The server can't be reached, or refused.
    """
    with _client() as client:
        return _info(client.get_snapshot(name, with_manifest=False))


def list_snapshots() -> list[SnapshotInfo]:
    """All named snapshots, newest first. The public endpoint gives 200 at most.

    Raises:
        ConfigurationError: There is no key, or a setting can't be used.
        APIError: The server can't be reached, or refused.
    """
    with _client() as client:
        return [_info(record) for record in client.list_snapshots()]


def _client() -> Client:
    from ..api.client import Client  # noqa: PLC0415 - httpx, which most programs never need
    from ..config import NAMES, resolve  # noqa: PLC0415

    config = pulumi.Config("opencomputer")
    return Client(resolve({name: config.get(name) for name in NAMES}, os.environ))


def _info(record: Record) -> SnapshotInfo:
    return SnapshotInfo(
        id=record.id,
        name=record.name or "",
        content_hash=record.content_hash,
        status=record.status,
        checkpoint_id=record.checkpoint_id,
        created_at=record.created_at,
        last_used_at=record.last_used_at,
    )
