"""Builds under a scratch name: an image that is not yet, or never, to have a name of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import APIError, ConflictError, UnavailableError

if TYPE_CHECKING:
    from ..api.client import BuildOutcome, Client
    from .build_job import Job
    from .build_with_recovery import Builder

_MOST_CACHE_PROOFS = 4


def build_cached(client: Client, builder: Builder, job: Job, scratch: str) -> BuildOutcome:
    """Build under a scratch name, until the cache is certain to serve the content.

    Raises:
        ConflictError: An interrupted run left a record there.
        UnavailableError: The server does not answer from its cache.
        APIError: As with `Builder.build`.
    """
    for proof in range(_MOST_CACHE_PROOFS):
        outcome = builder.build(scratch)
        built = None if outcome.from_cache else builder.built_record()
        if outcome.from_cache or (built and built.status == "ready"):
            return outcome
        # Content whose record can't be seen is asked for again: it comes from the cache, or never does.
        if (built and built.status == "failed") or proof % 2:
            builder.next_variant()
        client.delete_snapshot(scratch)
        job.restart_progress()
    raise UnavailableError(
        "The image is built, but the server does not answer from its cache, without which the image is no use, and an "
        "old snapshot can't be replaced safely. Nothing was changed; try again later."
    )


def build_over(client: Client, builder: Builder, job: Job, scratch: str) -> BuildOutcome:
    """Build under a scratch name as `build_cached` does, in place of what an interrupted run left there."""
    try:
        return build_cached(client, builder, job, scratch)
    except ConflictError:
        client.delete_snapshot(scratch)
        job.restart_progress()
        return build_cached(client, builder, job, scratch)


def clear_scratch(client: Client, scratch: str) -> None:
    """Delete the record under a scratch name, once the image is where it belongs.

    Raises:
        APIError: It can't be deleted. That fails the create, so that the next run clears it.
    """
    try:
        client.delete_snapshot(scratch)
    except APIError as error:
        error.add_hint(
            f"The image is ready, but its temporary name {scratch!r} could not be deleted; running the same command "
            "again takes the image from the cache and deletes it."
        )
        raise
