"""Get a ready record from a server on which builds can be lost, blocked or never cached.

Three facts about the server matter here. A build whose client disconnects leaves a record that says ``building``
forever, and every later request for that content waits 120 s and fails. Of several simultaneous requests for the same
content, one builds and the others fail after 120 s. After a failed build the content is never served from the cache
again. The way out is a *variant*: other content with the same effect.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from contextlib import suppress
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
from .build_job import TO_THE_END
from .build_request import BuildRequest, HookFailedError
from .names import mark_of
from .variants import Variants
from .which_build import DEAD_AFTER

if TYPE_CHECKING:
    from ..api.client import BuildOutcome
    from ..api.records import Record
    from .build_job import Job
    from .run import Run

# Enough requests to find out that blocked content is dead: each takes 120 s, and a build counts as dead after 31 min.
_MOST_REQUESTS = 20
_MOST_LOST = 4
_LOOK_EVERY = 5.0
_LOOKS_WITHOUT_RECORD = 4
# Seconds to watch a build whose stream was lost. If it is not ready by then, the server has probably cancelled it.
_LOST_AFTER = 15.0

# Seconds for each byte of a request that the server may take to process it before it sends its first message.
_HANDLING = 0.3e-6
# The number of looks after which even a cache hit should have been answered.
_SLOW_HITS = 4
# The most requests that are left silent while another one is sent.
_MOST_SILENT = 5
# Seconds within which a silent request should end if it turns out that its own record has taken the name.
_LAST_WORD = 30.0

# A gateway sends these when it lost the server's response, so the server may be building. A 503 may also mean that no
# server got the request. With a Retry-After it comes from a server that refuses the request, which the client repeats.
_GATEWAY = frozenset({502, 503, 504, 520, 521, 522, 523, 524})


class _Seen(enum.Enum):
    """What the records show about the content of a silent request."""

    NOTHING = "nothing"
    BUILDING = "building"
    READY = "ready"
    BLOCKED = "blocked"


class Builder:
    """Builds one job's content, and works around lost and blocked builds.

    Attributes:
        variants: Chooses the variant of the content to request.
    """

    def __init__(self, run: Run, job: Job) -> None:
        """Prepare the builder; nothing is sent.

        Args:
            run: The run.
            job: The build of the content.
        """
        self._run = run
        self._client = run.client()
        self._job = job
        self._clock = run.clock
        self.variants = Variants(run, job)
        # The contents that were requested again because their record was ready.
        self._asked_again: set[str] = set()

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
        self._asked_again.clear()
        self.variants.avoid_doubt()
        for _ in range(_MOST_REQUESTS):
            try:
                return self._noted(self._request(name, before_last_byte))
            except HookFailedError as failed:
                raise failed.error from None
            except BuildBlockedError as error:
                self._follow(error, None, began)
            except UnavailableError as error:
                lost += 1
                if lost == _MOST_LOST or not _is_lost(error):
                    raise
                # If the server had said nothing yet, it may have been about to say that the name is taken. Then a
                # record under the name proves nothing.
                record = self._follow(error, name if error.has_begun else None, began)
                if record is not None:
                    return _outcome(record, error)
            self._job.restart_progress()
        raise TimedOutError(
            "The server neither built this content nor said why, in several requests. Try again later, or give the "
            "manifest another rebuild token, which asks for a new build."
        )

    def _noted(self, outcome: BuildOutcome) -> BuildOutcome:
        """Remember whether the server's cache had the content."""
        note = self._run.contents.note_cached if outcome.from_cache else self._run.contents.note_built
        note(outcome.record.content_hash)
        return outcome

    def _request(self, name: str, before_last_byte: Callable[[float], None] | None) -> BuildOutcome:
        """Send a request, and another one whenever the last one only waits for a build that has ended or is dead."""
        silent: list[BuildRequest] = []
        try:
            while True:
                request = self._send(name, before_last_byte)
                if len(silent) == _MOST_SILENT or self._has_ended(request):
                    return _result(request, silent)
                silent.append(request)
        finally:
            for request in silent:
                request.leave()

    def _has_ended(self, request: BuildRequest) -> bool:
        """Wait for a request to end; return False if it waits in vain, so that another one should be sent."""
        handling = self._job.size * _HANDLING
        was_ready, was_building = True, False
        while not request.wait(self._clock.look_every):
            if request.silence <= handling:
                continue
            seen = self._look(was_building=was_building)
            # If the content was ready from the start, this is a slow cache hit, unless it takes very long.
            is_slow_hit = was_ready and request.silence <= handling + _SLOW_HITS * self._clock.look_every
            if seen is _Seen.BLOCKED or (seen is _Seen.READY and not is_slow_hit and self._may_ask_again()):
                return False
            was_ready = was_ready and seen is _Seen.READY
            was_building = was_building or seen is _Seen.BUILDING
        return True

    def _may_ask_again(self) -> bool:
        """Tell whether a ready record is a reason to request the content again: it is, once."""
        may = self.variants.content_hash not in self._asked_again
        self._asked_again.add(self.variants.content_hash)
        return may

    def _send(self, name: str, before_last_byte: Callable[[float], None] | None) -> BuildRequest:
        job = self._job
        # Once the old record is deleted, no time limit counts, so the request has the time for its end from the start.
        # Before that, the callback and the upload check the limit themselves.
        at_least = TO_THE_END if before_last_byte else 0.0
        return BuildRequest(
            self._client,
            job.spooled_request(name) if before_last_byte else job.request(name),
            timeout=max(job.remaining(), at_least),
            on_event=job.progress.on_event,
            on_upload=job.progress.on_upload,
            before_end=self._before_end,
            before_last_byte=before_last_byte,
        )

    def _before_end(self) -> None:
        # Sending a large body takes time, and so do failed attempts: the run may be cancelled by now.
        self._job.remaining()

    def _look(self, *, was_building: bool) -> _Seen:
        """Find out what a silent request waits for. If it waits in vain, choose the variant to request instead.

        A silent request may also be a build that starts slowly; then its own record says ``building``.

        Args:
            was_building: Whether an earlier look at this request has found the content building.
        """
        try:
            record = self.variants.record()
        except APIError:
            # This look failed, but the request itself continues.
            record = None
        now = self._clock.now()
        if record is None:
            self._job.progress.wait_for("waiting for the server (it may be building this content for another)")
            return _Seen.NOTHING
        if record.is_ready:
            return _Seen.READY
        if record.status == "building" and not self.variants.is_dead_or_failed(record, now):
            self._say_waiting(record, now)
            return _Seen.BUILDING
        if record.status != "building" and not was_building:
            # An earlier build failed, and the server builds the content again for this request.
            return _Seen.NOTHING
        self._say_blocked(record, now)
        self.variants.choose()
        return _Seen.BLOCKED

    def _follow(self, error: UnavailableError | TimedOutError, name: str | None, began: float) -> Record | None:
        """Wait for a build whose stream was lost.

        Args:
            error: The error that ended the request.
            name: The name under which the build may have created its record; None if a record there proves nothing.
            began: When the first request for the content was sent, in seconds since the epoch.

        Returns:
            The named record, if the build created it; None if the content can be requested again.

        Raises:
            BuildFailedError: The build failed.
            TimedOutError: The time limit is over, or the content is blocked and has no variants.
        """
        unseen = 0
        since = self._clock.now()
        while True:
            self._job.remaining()
            if name is not None and (record := self._named(name)) is not None:
                return record
            record = self.variants.known_record()
            if record is None:
                unseen += 1
                if unseen >= _LOOKS_WITHOUT_RECORD:
                    self._leave_unseen(error, began)
                    return None
            elif self._settled(record, error, self._clock.now() - since):
                return None
            self._clock.sleep(_LOOK_EVERY)

    def _settled(self, record: Record, error: UnavailableError | TimedOutError, waited: float) -> bool:
        """Tell whether the content can be requested again, judging by its record; choose the variant if need be.

        Raises:
            BuildFailedError: The build failed.
        """
        now = self._clock.now()
        if record.is_ready:
            if isinstance(error, BuildBlockedError) and not self._may_ask_again():
                self._job.log.warn(
                    "the server's index shows this content as ready, but the server waits in vain for a build of it; "
                    "building the same steps under another content hash"
                )
                self.variants.take_next()
            return True
        if record.status == "failed" and isinstance(error, UnavailableError):
            raise BuildFailedError(
                "The build failed while the connection to the server was broken, so the reason did not arrive. "
                "Run the same command again to see it."
            ) from error
        if self.variants.is_dead_or_failed(record, now):
            self._say_blocked(record, now)
            self.variants.choose()
            return True
        if isinstance(error, StreamLostError) and error.has_begun and waited >= _LOST_AFTER:
            self._job.log.warn(
                "the connection of this build was lost, and the server cancelled the build, which blocks its content "
                "there; building the same steps under another content hash"
            )
            self._run.liveness.lose(record.content_hash)
            self.variants.take_next()
            return True
        self._say_waiting(record, now)
        return False

    def _say_waiting(self, record: Record, now: float) -> None:
        """Show which build is waited for, how long it has been running, and how long it is waited for at most."""
        whose = "an earlier run's build" if mark_of(record) == self._job.mark else "another build"
        age, longest = max(0.0, record.age(now)) / 60, DEAD_AFTER / 60
        self._job.progress.wait_for(
            f"{whose} of this content has been running for {age:.0f} min; waiting for it until {longest:.0f} min"
        )

    def _leave_unseen(self, error: UnavailableError | TimedOutError, began: float) -> None:
        """Choose a variant if content stays blocked and no list shows the build that blocks it.

        The public endpoint does not show running builds, and a list may be incomplete.
        """
        waited = self._clock.now() - began
        if isinstance(error, BuildBlockedError) and (waited >= DEAD_AFTER or self._run.account.is_public()):
            self._job.log.warn(
                f"the server has been waiting for another build of this content for {waited / 60:.0f} min; "
                "building the same steps under another content hash"
            )
            self.variants.take_next()

    def _say_blocked(self, record: Record, now: float) -> None:
        if record.status == "building":
            self._job.log.warn(
                f"an earlier build of this content was cut off {record.age(now) / 60:.0f} min ago and blocks it on the "
                "server; building the same steps under another content hash"
            )

    def _named(self, name: str) -> Record | None:
        try:
            record = self._client.get_snapshot(name)
        except (NotFoundError, UnavailableError, TimedOutError):
            return None
        made_here = mark_of(record) == self._job.mark and record.id not in self._run.replaced_ids
        is_wanted = record.status == "ready" and record.content_hash == self.variants.content_hash
        return record if made_here and is_wanted else None


def _outcome(record: Record, error: UnavailableError) -> BuildOutcome:
    from ..api.client import BuildOutcome  # noqa: PLC0415 - httpx, which a run that changes nothing never needs

    return BuildOutcome(record, error.from_cache)


def _result(request: BuildRequest, silent: Sequence[BuildRequest]) -> BuildOutcome:
    """Return the outcome of a request, or raise its error; if it finds the name taken, see the earlier ones.

    Args:
        request: The last request.
        silent: The earlier ones, which may have ended after all.
    """
    try:
        return request.result()
    except ConflictError:
        # An earlier request's own build or cache hit has just ended.
        for earlier in reversed(silent):
            if earlier.wait(_LAST_WORD):
                with suppress(APIError):
                    return earlier.result()
        raise


def _is_lost(error: UnavailableError) -> bool:
    """Tell whether the server may be building although the request failed."""
    if isinstance(error, StreamLostError):
        return error.sent
    return error.status in _GATEWAY and error.retry_after is None
