"""Choose which variant of a job's content to request, from the server's records and from what this run has found out.

A *variant* is other content with the same effect. Variant 0 is the content itself; a higher one is requested only if
all lower ones are blocked, or are never served from the server's cache.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from ..errors import APIError, TimedOutError, UnavailableError
from .waiting import INDEX_LIMIT, YOUNG
from .which_build import is_dead_or_failed, unnamed, which_build

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..api.records import Record
    from .build_job import Job
    from .run import Run

# Bytes. The record of a larger request is certainly not in the public endpoint's index.
_NEVER_IN_INDEX = 1.5 * INDEX_LIMIT


class Variants:
    """The variants of one job's content; `job.variant` is the chosen one."""

    def __init__(self, run: Run, job: Job) -> None:
        """Begin with the lowest variant that this run has not ruled out; nothing is sent.

        Args:
            run: The run.
            job: The build of the content.
        """
        self._run = run
        self._client = run.client()
        self._job = job
        self._memory = run.contents
        # By content hash, the time before which no list has shown a record of it.
        self._absent_before: dict[str, float] = {}
        if job.has_variants:
            while self._memory.is_useless(job.hash_of(job.variant)):
                job.variant += 1

    @property
    def content_hash(self) -> str:
        """The hash of the chosen variant."""
        return self._job.hash_of(self._job.variant)

    def choose(self) -> None:
        """Look at the records of the content, and choose the variant to request.

        Raises:
            TimedOutError: The content is blocked and has no steps, so there are no variants.
            APIError: The records can't be read.
        """
        records, now = self._records(), self._run.clock.now()
        if not self._job.has_variants:
            self._use(int(self.is_dead_or_failed(records.get(self.content_hash), now)))
            return
        is_kept = self._run.liveness.is_kept
        self._use(which_build(records, self._job.hash_of, now, is_kept, self._memory.is_useless))

    def leave(self) -> None:
        """Rule out the chosen variant, and choose another one by the records.

        Raises:
            TimedOutError: As with `choose`.
            APIError: The server refuses to show the records. If it does not serve now, the next variant is taken.
        """
        self._memory.rule_out(self.content_hash)
        if not self._job.has_variants:
            self._use(1)
        try:
            self.choose()
        except (UnavailableError, TimedOutError):
            self.take_next()

    def take_next(self) -> None:
        """Rule out the chosen variant, and take the next one without looking at the records.

        Raises:
            TimedOutError: As with `choose`.
        """
        self._use(self._job.variant + 1)

    def avoid_doubt(self) -> None:
        """Choose another variant if this run has had this one built, but the server's record shows no image.

        Without this, each further resource of the run with this content would have it built again. At the public
        endpoint a record proves nothing, so there is no look. A look that fails does not stop the build.
        """
        if not self._job.has_variants:
            return
        with self._memory.doubts, suppress(APIError):
            if not self._memory.is_doubtful(self.content_hash) or self._run.account.is_known_as_public():
                return
            is_cached = self.is_cached()
            if is_cached:
                self._memory.note_cached(self.content_hash)
            elif is_cached is False:
                self.leave()

    def is_cached(self) -> bool | None:
        """Tell whether the server's cache has the content that was just built, by the build's unnamed record.

        In the list it comes after the named record of the same size, so the limit of a read of much allows for that.

        Returns:
            None if the list shows no record, or one from the public endpoint's index, which may be of an image that
            was deleted long ago.

        Raises:
            APIError: The records can't be read.
        """
        if self._job.size > _NEVER_IN_INDEX:
            head = self._client.find_head(self.content_hash, size=self._job.size)
            return None if head is None else head.is_ready
        record = self.record()
        return None if record is None or record.cell_id is not None else record.is_ready

    def record(self) -> Record | None:
        """Return the newest unnamed record of the chosen variant; None if there is none.

        Raises:
            APIError: The records can't be read.
        """
        return self._records().get(self.content_hash)

    def known_record(self) -> Record | None:
        """Return the same; None also if the server does not serve now."""
        try:
            return self.record()
        except (UnavailableError, TimedOutError):
            return None

    def is_dead_or_failed(self, record: Record | None, now: float) -> bool:
        """Tell whether the server will never serve a record's content from its cache."""
        return is_dead_or_failed(record, now, self._run.liveness.is_kept)

    def _records(self) -> Mapping[str, Record]:
        """Return the unnamed records by content hash, as far as they are needed to choose a build.

        The list begins with the newest. Higher variants are newer than the chosen one, so nothing after its record is
        needed; nor, if an earlier look has found none, what is older than that look and the index's lag.
        """
        wanted = self.content_hash
        absent_before = self._absent_before.get(wanted)

        def is_enough(record: Record) -> bool:
            is_wanted = record.name is None and record.content_hash == wanted
            return is_wanted or (absent_before is not None and record.age(absent_before) > 0)

        now = self._run.clock.now()
        found = unnamed(self._client.list_images(until=is_enough))
        if wanted not in found:
            self._absent_before.setdefault(wanted, now - YOUNG)
        return found

    def _use(self, variant: int) -> None:
        if variant and not self._job.has_variants:
            raise TimedOutError(
                "The server can't build this content any more, because an earlier build of it was interrupted or "
                "failed. Add a step that runs the command true, which makes it different content."
            )
        for lower in range(variant):
            self._memory.rule_out(self._job.hash_of(lower))
        self._job.variant = variant
