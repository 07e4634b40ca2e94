"""What a program can ask the server for, beside its own resources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import NotFoundError
from .importing import find_image
from .read import row_outputs

if TYPE_CHECKING:
    from ..api.client import Client
    from ..api.records import Row


def get_snapshot(client: Client, name: str) -> dict[str, Any]:
    """One named snapshot.

    Raises:
        NotFoundError: There is none.
        APIError: The server can't be reached, or refused.
    """
    return _snapshot(client.get_snapshot(name))


def get_snapshots(client: Client) -> dict[str, Any]:
    """All named snapshots, newest first, under the key `snapshots`.

    Raises:
        APIError: The server can't be reached, or refused.
    """
    return {"snapshots": [_snapshot(row) for row in client.list_snapshots()]}


def get_image(client: Client, content_hash: str) -> dict[str, Any]:
    """One build, by its content hash.

    Raises:
        InvalidInputError: It is no content hash.
        NotFoundError: There is none.
        APIError: The server can't be reached, or refused.
    """
    row = find_image(client, content_hash, with_manifest=False)
    if row is None:
        raise NotFoundError(f"The server has no image with the content hash {content_hash}.")
    return {**row_outputs(row), "contentHash": row.content_hash}


def _snapshot(row: Row) -> dict[str, Any]:
    return {**row_outputs(row), "name": row.name, "snapshotId": row.id, "contentHash": row.content_hash}
