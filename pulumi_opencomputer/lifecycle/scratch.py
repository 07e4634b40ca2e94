"""Builds under a scratch name: an image that is not yet, or never, to have a name of its own.

The name is made of the resource's URN alone, so that the next run finds what an interrupted one left. The public
endpoint's index may not show such a record yet, or never where its manifest is too large: then it can't be deleted, and
another of a few names is taken, so that nothing blocks a later build.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import APIError, ConflictError, UnavailableError
from .delete import is_out_of_reach
from .names import scratch_name
from .waiting import is_too_large, pauses

if TYPE_CHECKING:
    from ..api.client import BuildOutcome
    from .build_job import Job
    from .build_with_recovery import Builder
    from .run import Run

_MOST_CACHE_PROOFS = 4
_MOST_NAMES = 4
# Seconds for which the public endpoint's index is asked for a build that has just ended.
_SHOWN_WITHIN = 30.0


class Scratch:
    """The scratch name of one create.

    Attributes:
        name: The name.
    """

    def __init__(self, run: Run, builder: Builder, job: Job) -> None:
        """Prepare it; nothing is sent."""
        self._run = run
        self._builder = builder
        self._job = job
        self.name = scratch_name(job.urn)

    def build(self) -> BuildOutcome:
        """Build under the name, until the cache is certain to serve the content.

        Raises:
            ConflictError: An interrupted run left a record there.
            UnavailableError: The server does not answer from its cache.
            APIError: As with `Builder.build`.
        """
        for proof in range(_MOST_CACHE_PROOFS):
            outcome = self._builder.build(self.name)
            if outcome.from_cache or self._is_cached():
                return outcome
            # Content whose record can't be seen is asked for again: it comes from the cache, or never does.
            record = self._builder.built_record()
            if (record and not record.is_ready) or proof % 2:
                self._builder.next_variant()
            if not self._delete():
                break
            self._job.restart_progress()
        raise UnavailableError(
            "The image is built, but the server does not answer from its cache, without which the image is no use, and "
            "an old snapshot can't be replaced safely. Nothing was changed; try again later."
        )

    def build_over(self) -> BuildOutcome:
        """Build as `build` does, in place of what an interrupted run left there."""
        for number in range(_MOST_NAMES):
            self.name = scratch_name(self._job.urn, number)
            for _ in range(2):
                try:
                    return self.build()
                except ConflictError:
                    self._job.restart_progress()
                    if not self._delete():
                        break
        raise ConflictError(
            f"The temporary names {scratch_name(self._job.urn)!r} and so on are taken by earlier builds of this "
            "resource, which the server's index does not show, so they can't be deleted. Try again in a few minutes.",
            status=409,
        )

    def clear(self) -> None:
        """Delete the record, once the image is where it belongs; a warning where the index does not show it in time.

        Raises:
            APIError: It can't be deleted. That fails the create, so that the next run clears it.
        """
        try:
            deleted = self._delete()
        except APIError as error:
            error.add_hint(
                f"The image is ready, but its temporary name {self.name!r} could not be deleted; running the same "
                "command again takes the image from the cache and deletes it."
            )
            raise
        if not deleted:
            self._job.log.warn(
                f"the server's index does not show the temporary name {self.name!r} yet, so it can't be deleted; the "
                "next change of this resource, or its delete, does that"
            )

    def clear_left(self) -> None:
        """Delete what an interrupted run may have left; mostly there is nothing."""
        try:
            self._run.client().delete_snapshot(self.name)
        except APIError:
            self._job.log.warn(
                "the server could not be asked to delete what an interrupted run may have left under the temporary "
                f"name {self.name!r}; the next change of this resource, or its delete, does that"
            )

    def _is_cached(self) -> bool:
        """Whether the build's own record is there and ready, as far as the list shows it in time."""
        record = self._builder.built_record()
        if record is None and self._run.account.is_public():
            for pause in pauses(_SHOWN_WITHIN):
                self._job.progress.wait_for("waiting until the server's index shows the build")
                self._job.remaining()
                self._run.clock.sleep(pause)
                record = self._builder.built_record()
                if record is not None:
                    break
        return record is not None and record.is_ready

    def _delete(self) -> bool:
        """Delete a record that is there, in two minutes at most; False where the index does not show it."""
        client = self._run.client()
        if not is_out_of_reach(client.delete_snapshot(self.name)):
            return True
        for pause in () if is_too_large(self._job.manifest) else pauses():
            if self._job.is_cancelled:
                return False
            self._job.progress.wait_for("waiting until the server's index shows the temporary name")
            self._run.clock.sleep(pause)
            if not is_out_of_reach(client.delete_snapshot(self.name)):
                return True
        return False


def clear_left(run: Run, urn: str) -> None:
    """Delete what a resource that is deleted may have left under its scratch names.

    Raises:
        APIError: The server can't be reached, or refused.
    """
    run.client().delete_snapshot(scratch_name(urn))
