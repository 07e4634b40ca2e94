"""What a program can ask the server for, beside its own resources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import NotFoundError
from .importing import find_image
from .outputs import IMAGE_LOOKUP, SNAPSHOT_LOOKUP, looked_up

if TYPE_CHECKING:
    from ..api.client import Client


def get_snapshot(client: Client, name: str) -> dict[str, Any]:
    """Look one named snapshot up.

    Raises:
        NotFoundError: There is none.
        APIError: The server can't be reached, or refused.
    """
    return looked_up(SNAPSHOT_LOOKUP, client.get_snapshot(name, with_manifest=False))


def get_snapshots(client: Client) -> dict[str, Any]:
    """List all named snapshots, newest first, under the key `snapshots`.

    Raises:
        APIError: The server can't be reached, or refused.
    """
    return {"snapshots": [looked_up(SNAPSHOT_LOOKUP, record) for record in client.list_snapshots()]}


def get_image(client: Client, content_hash: str) -> dict[str, Any]:
    """Look one build up by its content hash.

    Raises:
        InvalidInputError: It is no content hash.
        NotFoundError: There is none.
        APIError: The server can't be reached, or refused.
    """
    record = find_image(client, content_hash, with_manifest=False)
    if record is None:
        raise NotFoundError(f"The server has no image with the content hash {content_hash}.")
    return looked_up(IMAGE_LOOKUP, record)
