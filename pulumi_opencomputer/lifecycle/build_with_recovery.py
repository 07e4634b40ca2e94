"""Get a ready record from a server on which builds can be lost, blocked or never cached.

Three facts about the server matter here. A build whose client went away leaves a record that says ``building`` for
good, and every later request for that content waits 120 s and fails. Of several simultaneous requests for one content,
one builds and the others fail after 120 s. After a failed build the content is never served from the cache again. The
way out is a *variant*: other content with the same effect.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ..errors import (
    APIError,
    BuildBlockedError,
    BuildFailedError,
    ConflictError,
    NotFoundError,
    StreamLostError,
    TimedOutError,
    UnavailableError,
)
from .build_request import BuildRequest, HookFailedError
from .names import mark_of
from .which_build import DEAD_AFTER, is_dead_or_failed, unnamed, which_build

if TYPE_CHECKING:
    from ..api.client import BuildOutcome
    from ..api.records import Head, Record
    from .build_job import Job
    from .run import Run

# Enough to find out that blocked content is dead; each request for it takes 120 s.
_MOST_REQUESTS = 20
_MOST_LOST = 4
_LOOK_EVERY = 5.0
_LOOKS_WITHOUT_RECORD = 4
# Seconds to watch a build whose stream broke off: the server cancels a build whose client went away.
_LOST_AFTER = 15.0

# The seconds that the server may take to handle each byte of a request before it says its first word.
_HANDLING = 0.3e-6
# Looks after which even a cache hit should have been answered.
_SLOW_HITS = 4
# Seconds in which a silent request ends if its own record has taken the name.
_LAST_WORD = 30.0

# A gateway answers like this when the server's answer is lost: the server may be building.
_GATEWAY = frozenset({502, 504, 520, 521, 522, 523, 524})


class _Seen(enum.Enum):
    """What a look at a silent request's content shows."""

    NOTHING = "nothing"
    BUILDING = "building"
    READY = "ready"
    BLOCKED = "blocked"


class Builder:
    """Makes records of one job's content."""

    def __init__(self, run: Run, job: Job) -> None:
        """Prepare it; nothing is sent.

        Args:
            run: The run.
            job: The content.
        """
        self._run = run
        self._client = run.client()
        self._job = job
        self._clock = run.clock

    def build(self, name: str, *, before_last_byte: Callable[[float], None] | None = None) -> BuildOutcome:
        """Build the content, or take it from the cache, and put it under a name.

        Args:
            name: The name; it must be free.
            before_last_byte: Called when the server has all but the last byte of the request and its hash is verified,
                with the seconds that it may take; called again for each further request. The same bytes are sent each
                time, whatever happens to local files.

        Returns:
            The named record, ready and made by this call; and whether the cache had the content.

        Raises:
            BuildFailedError: A step failed.
            ConflictError: The name is taken.
            TimedOutError: The resource's time limit is over, or the content stays blocked.
            APIError: The server can't be reached, or refused; or what `before_last_byte` raised.
        """
        began = self._clock.now()
        lost = 0
        for _ in range(_MOST_REQUESTS):
            try:
                return self._request(name, before_last_byte)
            except HookFailedError as failed:
                raise failed.error from None
            except BuildBlockedError as error:
                self._follow(error, None, began)
            except UnavailableError as error:
                lost += 1
                if lost == _MOST_LOST or not _is_lost(error):
                    raise
                # Before its first message the server may have been about to say that the name is taken.
                record = self._follow(error, name if error.has_begun else None, began)
                if record is not None:
                    return _outcome(record, error)
            self._job.restart_progress()
        raise TimedOutError(
            "The server neither built this content nor said why, in several requests. Try again later; "
            "A rebuild token in the manifest asks for a build of its own."
        )

    def built(self) -> Head | None:
        """Return the unnamed record of the content that was just built. The cache serves it if it is ready.

        It follows the named record in the list, so that record, which is as large, is read first.
        """
        return self._client.find_head(self._hash(), size=self._job.size)

    def choose(self) -> None:
        """Look at the records of the content, and choose the variant to ask for."""
        records, now = self.records(), self._clock.now()
        if self._job.has_variants:
            is_kept = self._run.liveness.is_kept
            self._use(max(which_build(records, self._job.hash_of, now, is_kept), self._job.variant))
        else:
            self._use(int(self._is_dead_or_failed(records.get(self._hash()), now)))

    def next_variant(self) -> None:
        """Ask for other content with the same effect."""
        self._use(self._job.variant + 1)

    def records(self) -> Mapping[str, Record]:
        """Return the unnamed records by content hash, as far as they are needed to choose a build."""
        wanted = self._hash()

        def is_enough(record: Record) -> bool:
            return record.name is None and record.content_hash == wanted and record.is_ready

        return unnamed(self._client.list_images(until=is_enough))

    def _request(self, name: str, before_last_byte: Callable[[float], None] | None) -> BuildOutcome:
        """Ask once, and again if the request only waited for a build that has ended meanwhile."""
        request = self._send(name, before_last_byte)
        handling = self._job.size * _HANDLING
        was_ready, was_building = True, False
        while not request.wait(self._clock.look_every):
            if request.silence <= handling:
                continue
            seen = self._look(was_building=was_building)
            # Content that was ready from the start is a slow cache hit, unless it takes very long.
            is_slow_hit = was_ready and request.silence <= handling + _SLOW_HITS * self._clock.look_every
            if seen is _Seen.BLOCKED or (seen is _Seen.READY and not is_slow_hit):
                return self._ask_again(request, name, before_last_byte)
            was_ready = was_ready and seen is _Seen.READY
            was_building = was_building or seen is _Seen.BUILDING
        return request.result()

    def _send(self, name: str, before_last_byte: Callable[[float], None] | None) -> BuildRequest:
        job = self._job
        return BuildRequest(
            self._client,
            job.spooled_request(name) if before_last_byte else job.request(name),
            timeout=job.remaining(),
            on_event=job.progress.on_event,
            on_upload=job.progress.on_upload,
            before_end=self._before_end,
            before_last_byte=before_last_byte,
        )

    def _before_end(self) -> None:
        # Sending a large body takes time, and so do failed attempts: the run may be cancelled by now.
        self._job.remaining()

    def _look(self, *, was_building: bool) -> _Seen:
        """Look at what a silent request waits for. If it waits in vain, choose the variant to ask for.

        A silent request may also be its own build starting slowly, whose record says building.
        """
        try:
            record = self.records().get(self._hash())
        except APIError:
            # The request itself continues.
            record = None
        now = self._clock.now()
        if record is None:
            self._job.progress.wait_for("waiting for the server (it may be building this content for another)")
            return _Seen.NOTHING
        if record.is_ready:
            return _Seen.READY
        if record.status == "building" and not self._is_dead_or_failed(record, now):
            self._say_waiting(record, now)
            return _Seen.BUILDING
        if record.status != "building" and not was_building:
            # It failed before, and the server builds it again for this request.
            return _Seen.NOTHING
        self._say_blocked(record, now)
        self.choose()
        return _Seen.BLOCKED

    def _ask_again(
        self, silent: BuildRequest, name: str, before_last_byte: Callable[[float], None] | None
    ) -> BuildOutcome:
        """Ask again beside a request that waits in vain, and abandon that one if the new one is answered."""
        try:
            return self._send(name, before_last_byte).result()
        except ConflictError:
            # The silent request's own build or cache hit has just ended.
            if silent.wait(_LAST_WORD):
                return silent.result()
            raise
        finally:
            silent.leave()

    def _follow(self, error: UnavailableError | TimedOutError, name: str | None, began: float) -> Record | None:
        """Wait for a build whose stream we lost.

        Args:
            error: What ended the request.
            name: The name under which the build may have put its record; None if a record there proves nothing.
            began: When the first request for the content was made.

        Returns:
            The named record, if the build put it there; None if the content can be asked for again.
        """
        unseen = 0
        since = self._clock.now()
        while True:
            self._job.remaining()
            if name is not None and (record := self._named(name)) is not None:
                return record
            record = self._known_records().get(self._hash())
            if record is None:
                unseen += 1
                if unseen >= _LOOKS_WITHOUT_RECORD:
                    self._leave_unseen(error, began)
                    return None
            elif self._settled(record, error, self._clock.now() - since):
                return None
            self._clock.sleep(_LOOK_EVERY)

    def _settled(self, record: Record, error: UnavailableError | TimedOutError, waited: float) -> bool:
        """Tell whether the content can be asked for again, now that its record was seen; choose the variant."""
        now = self._clock.now()
        if record.is_ready:
            return True
        if record.status == "failed" and isinstance(error, UnavailableError):
            raise BuildFailedError(
                "The build failed while the connection to the server was broken, and the reason was said there. "
                "Run the same command again to see it."
            ) from error
        if self._is_dead_or_failed(record, now):
            self._say_blocked(record, now)
            self.choose()
            return True
        if isinstance(error, StreamLostError) and error.has_begun and waited >= _LOST_AFTER:
            self._job.log.warn(
                "the connection of this build broke off, and the build with it, which blocks its content on the "
                "server; building the same steps under another content hash"
            )
            self._run.liveness.lose(record.content_hash)
            self.next_variant()
            return True
        self._say_waiting(record, now)
        return False

    def _say_waiting(self, record: Record, now: float) -> None:
        """Say on the status line whose build is waited for, for how long it has been running, and how long it may."""
        whose = "an earlier run's build" if mark_of(record) == self._job.mark else "another build"
        age, longest = max(0.0, record.age(now)) / 60, DEAD_AFTER / 60
        self._job.progress.wait_for(
            f"{whose} of this content has been running for {age:.0f} min; waiting for it until {longest:.0f} min"
        )

    def _leave_unseen(self, error: UnavailableError | TimedOutError, began: float) -> None:
        """Choose a variant of content that stays blocked if no list shows why.

        The public endpoint does not show running builds, and a list may be incomplete.
        """
        waited = self._clock.now() - began
        if isinstance(error, BuildBlockedError) and (waited >= DEAD_AFTER or self._run.account.is_public()):
            self._job.log.warn(
                f"the server has been waiting for another build of this content for {waited / 60:.0f} min; "
                "building the same steps under another content hash"
            )
            self.next_variant()

    def _say_blocked(self, record: Record, now: float) -> None:
        if record.status == "building":
            self._job.log.warn(
                f"an earlier build of this content was cut off {record.age(now) / 60:.0f} min ago and blocks it on the "
                "server; building the same steps under another content hash"
            )

    def _is_dead_or_failed(self, record: Record | None, now: float) -> bool:
        return is_dead_or_failed(record, now, self._run.liveness.is_kept)

    def _use(self, variant: int) -> None:
        if variant and not self._job.has_variants:
            raise TimedOutError(
                "The server can't build this content any more: an earlier build of it was cut off or failed. "
                "Add a step that runs true: that makes it other content."
            )
        self._job.variant = variant

    def _named(self, name: str) -> Record | None:
        try:
            record = self._client.get_snapshot(name)
        except (NotFoundError, UnavailableError, TimedOutError):
            return None
        made_here = mark_of(record) == self._job.mark and record.id not in self._run.replaced_ids
        return record if made_here and record.status == "ready" and record.content_hash == self._hash() else None

    def _known_records(self) -> Mapping[str, Record]:
        try:
            return self.records()
        except (UnavailableError, TimedOutError):
            return {}

    def _hash(self) -> str:
        return self._job.hash_of(self._job.variant)


def _outcome(record: Record, error: UnavailableError) -> BuildOutcome:
    from ..api.client import BuildOutcome  # noqa: PLC0415 - httpx, which a run that changes nothing never needs

    return BuildOutcome(record, error.from_cache)


def _is_lost(error: UnavailableError) -> bool:
    """Tell whether the server may be building anyway."""
    return error.sent if isinstance(error, StreamLostError) else error.status in _GATEWAY
