"""Warnings about creating a snapshot that need the server: the name is taken, or patches will be lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import APIError, ConflictError
from .ownership import Ownership
from .read_replica import get

if TYPE_CHECKING:
    from ..api.client import Client
    from .build_job import Job
    from .run import Run
    from .types import Recorded


def concerns_of(run: Run, urn: str, inputs: Mapping[str, Any], client: Client) -> Iterator[str]:
    """Yield warnings about what will fail or lose something.

    Args:
        run: The run, with the states that it has seen so far.
        urn: The snapshot's URN.
        inputs: Its checked inputs.
        client: The API.

    Raises:
        APIError: The server can't be reached, or refused.
    """
    name, recorded = str(inputs["name"]), run.known.of(urn)
    if recorded and recorded.name:
        yield from _lost_patches(client, recorded.name, str(inputs["contentHash"]))
    if (recorded and recorded.name == name) or inputs.get("nameGenerated"):
        return
    record = get(client, name)
    if record is None:
        return
    try:
        Ownership(urn, run.known, adopt=bool(inputs.get("adopt", False))).require(record, run.clock.now())
    except ConflictError as error:
        yield f"this will fail: {error.message}"


def tell_of_lost_patches(job: Job, recorded: Recorded | None, name: str, client: Client) -> None:
    """Warn if the old snapshot has patches and the replacement gets another name, so that they will be lost.

    If the request for the patches fails, there is no warning.

    Args:
        job: The build of the replacement.
        recorded: The old snapshot's record as the state has it, or None.
        name: The replacement's name.
        client: The API.
    """
    if recorded is None or recorded.name in ("", name):
        return
    try:
        count = client.count_patches(recorded.name)
    except APIError:
        # The build that follows reports what is wrong with the server.
        return
    if count:
        job.log.warn(patches_lost(recorded.name, count))


def patches_lost(name: str, count: int) -> str:
    """Return the warning that a snapshot's patches will be lost."""
    hang, what = ("1 patch hangs", "it") if count == 1 else (f"{count} patches hang", "them")
    return (
        f"{hang} on the snapshot {name!r}, and its replacement has none of {what}: the server keeps patches with the "
        "old image. Put what they do into the manifest, or add them to the new snapshot."
    )


def _lost_patches(client: Client, name: str, content_hash: str) -> Iterator[str]:
    count = client.count_patches(name)
    if not count:
        return
    record = get(client, name)
    # Snapshots with the same content share their image, and with it its patches.
    if record is not None and record.content_hash != content_hash:
        yield patches_lost(name, count)
