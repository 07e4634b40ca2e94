"""Lookups for programs: snapshots and images that exist on the server, whoever made them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..api.transport import LARGEST_ANSWER
from ..errors import NotFoundError
from ..sanitize import quoted
from .importing import find_image
from .outputs import IMAGE_LOOKUP, SNAPSHOT_LOOKUP, looked_up

if TYPE_CHECKING:
    from ..api.client import Client
    from ..api.record_list import RecordList


def get_snapshot(client: Client, name: str, api_url: str) -> dict[str, Any]:
    """Look up one named snapshot.

    Args:
        client: The API.
        name: The snapshot's name.
        api_url: The API's address, for the error.

    Raises:
        NotFoundError: There is no such snapshot. The message has the name and the address, and says what to do.
        APIError: The server can't be reached, or refused.
    """
    try:
        record = client.get_snapshot(name, with_manifest=False)
    except NotFoundError as error:
        error.reword(
            f"There is no snapshot {quoted(name)} at {api_url} that the API key may see. Check the name, the address "
            "(opencomputer:apiUrl) and whose key it is; list_snapshots() in Python and getSnapshots elsewhere list all "
            "snapshots. For a snapshot of this program, use the output name of its resource."
        )
        raise
    return looked_up(SNAPSHOT_LOOKUP, record)


def get_snapshots(client: Client) -> dict[str, Any]:
    """List all named snapshots, newest first, under the key `snapshots`.

    Raises:
        APIError: The server can't be reached, or refused.
    """
    return {"snapshots": [looked_up(SNAPSHOT_LOOKUP, record) for record in client.list_snapshots()]}


def get_image(client: Client, content_hash: str, api_url: str) -> dict[str, Any]:
    """Look up one build by its content hash.

    Args:
        client: The API.
        content_hash: 64 hex digits.
        api_url: The API's address, for the error.

    Raises:
        InvalidInputError: It is not a content hash.
        NotFoundError: There is no such build. The message has the hash and the address.
        APIError: The server can't be reached, or refused.
    """
    record = find_image(client, content_hash, with_manifest=False)
    if record is None:
        raise NotFoundError(f"The server at {api_url} has no image with the content hash {content_hash}.")
    return looked_up(IMAGE_LOOKUP, record)


def list_records(client: Client, *, images: bool) -> RecordList:
    """Return the records of the named snapshots, or of the images, newest first, as far as the server lists them.

    Raises:
        APIError: The server can't be reached, or refused.
    """
    return (client.list_images if images else client.list_snapshots)(limit=LARGEST_ANSWER, seconds=None)
