"""What a program can ask the server for, beside its own resources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInputError, NotFoundError
from .check import HashMemory, check
from .imports import find_image
from .read import row_outputs
from .types import Kind

if TYPE_CHECKING:
    from ..answers import Row
    from ..client import Client


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


def hash_manifest(given: Mapping[str, Any], memory: HashMemory) -> dict[str, Any]:
    """The content hash of a manifest in the declared form, `UNKNOWN` as long as a part of it is not known.

    Args:
        given: The ``manifest``, and in ``secretPaths`` where secrets stand in it.
        memory: The hashes already computed in this process.

    Raises:
        InvalidInputError: Every mistake, with its path.
    """
    inputs = {key: given.get(key) for key in ("manifest", "secretPaths")}
    checked = check(Kind.IMAGE, "", {}, inputs, memory)
    if checked.problems:
        raise InvalidInputError(checked.problems)
    return {"contentHash": checked.inputs["contentHash"]}


def _snapshot(row: Row) -> dict[str, Any]:
    return {**row_outputs(row), "name": row.name, "snapshotId": row.id, "contentHash": row.content_hash}
