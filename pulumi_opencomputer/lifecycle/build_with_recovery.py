"""Getting a ready row out of a server on which builds can be lost, blocked or never cached.

Three facts of the server decide here. A build whose client went away leaves a row that says
``building`` for good, and every later request for that content waits 120 s and fails. Of several requests
for one content at a time, one builds and the others fail after 120 s. And after a failed build the content
is never answered from the cache again. Other content with the same effect, a *twin*, is the way out.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import (
    AnswerTooLargeError,
    BuildBlockedError,
    BuildFailedError,
    NotFoundError,
    StreamLostError,
    TimedOutError,
    UnavailableError,
)
from .build_job import Job
from .names import mark_of

if TYPE_CHECKING:
    from ..api.client import Client
    from ..api.records import Row

#: Seconds after which a row that says ``building`` is dead: the server gives a build 600 s.
DEAD_AFTER = 15 * 60.0

#: The most bytes of a list that are read to learn about rows.
LIST_LIMIT = 64 * 1024 * 1024

#: Enough for a content that is blocked, each request for which takes 120 s, to be known as dead.
_MOST_REQUESTS = 10
_MOST_LOST = 4
_LOOK_EVERY = 5.0
_LOOKS_WITHOUT_ROW = 4

# What stands before a server answers so when the server's own answer is lost: it may be building.
_GATEWAY = frozenset({502, 504, 520, 521, 522, 523, 524})


@dataclass(frozen=True)
class Clock:
    """Time as the lifecycle sees it; tests inject their own.

    Attributes:
        sleep: Waits for so many seconds.
        now: Seconds of the epoch.
    """

    sleep: Callable[[float], None]
    now: Callable[[], float]


def which_build(rows: Mapping[str, Row], hash_of: Callable[[int], str], now: float) -> int:
    """Which twin of a content to ask for: the smallest that can be had.

    That is one without a row, with a ready row, or with one that has been building for less than 15 minutes.

    Args:
        rows: The unnamed rows by content hash.
        hash_of: The content hash of a twin; twin 0 is the content itself.
        now: Seconds of the epoch.
    """
    return next(twin for twin in itertools.count() if not _useless(rows.get(hash_of(twin)), now))


def _useless(row: Row | None, now: float) -> bool:
    if row is None or row.status == "ready":
        return False
    return row.status == "failed" or row.age(now) >= DEAD_AFTER


class Builder:
    """Makes rows of one job's content."""

    def __init__(self, client: Client, job: Job, clock: Clock, *, gone: Collection[str] = ()) -> None:
        """Prepare it; nothing is sent.

        Args:
            client: The API.
            job: The content.
            clock: Time.
            gone: The ids of rows that this process replaced, which a mirror that lags may still show.
        """
        self._client = client
        self._job = job
        self._clock = clock
        self._gone = gone

    def build(self, name: str) -> Row:
        """Build the content, or take it from the cache, and put it under a name.

        Args:
            name: The name; it must be free.

        Returns:
            The named row, ready, made by this very call.

        Raises:
            BuildFailedError: A step failed.
            ConflictError: The name is taken.
            TimedOutError: The resource's time limit is over, or the content stays blocked.
            APIError: The server can't be reached, or refused.
        """
        began = self._clock.now()
        lost = 0
        for _ in range(_MOST_REQUESTS):
            try:
                return self._request(name)
            except BuildBlockedError as error:
                self._follow(error, None, began)
            except UnavailableError as error:
                lost += 1
                if lost == _MOST_LOST or not _is_lost(error):
                    raise
                # Before its first word the server may have been about to say that the name is taken.
                row = self._follow(error, name if self._job.progress.has_begun else None, began)
                if row is not None:
                    return row
            self._job.restart_progress()
        raise TimedOutError(
            "The server neither built this content nor said why, in several requests. Try again later; "
            "A rebuild token in the manifest asks for a build of its own."
        )

    def built_row(self) -> Row | None:
        """The unnamed row of the content that is asked for, which the cache serves if it is ready."""
        return self.rows().get(self._hash())

    def choose(self) -> None:
        """Look at the rows of the content, and choose the twin to ask for."""
        rows, now = self.rows(), self._clock.now()
        if self._job.has_twins:
            self._use(max(which_build(rows, self._job.hash_of, now), self._job.twin))
        else:
            self._use(int(_useless(rows.get(self._hash()), now)))

    def next_twin(self) -> None:
        """Ask for other content with the same effect."""
        self._use(self._job.twin + 1)

    def rows(self) -> dict[str, Row]:
        """The unnamed rows by content hash; none where the list is too long to be read."""
        try:
            rows = self._client.list_images(with_manifests=False, limit=LIST_LIMIT)
        except AnswerTooLargeError:
            return {}
        return {row.content_hash: row for row in reversed(rows) if row.name is None}

    def _request(self, name: str) -> Row:
        job = self._job
        return self._client.create_snapshot(
            job.request(name),
            timeout=job.remaining(),
            on_event=job.progress.on_event,
            on_quiet=self._on_quiet,
            before_end=self._before_end,
        )

    def _before_end(self) -> None:
        # A large body takes its time, and so do attempts that don't arrive: the run may have been cancelled since.
        self._job.remaining()

    def _on_quiet(self, _seconds: float) -> None:
        # A request that waits for another's build is silent from its beginning; one that builds has spoken.
        if not self._job.progress.has_begun:
            self._job.progress.wait_for("waiting for the server (it may be building this content for another)")

    def _follow(self, error: UnavailableError | TimedOutError, name: str | None, began: float) -> Row | None:
        """Wait for the outcome of a build that is not ours to hear of any more.

        Args:
            error: What ended the request.
            name: The name that the build may have put its row under, or None if a row there proves nothing.
            began: When the first request for the content was made.

        Returns:
            The named row, if the build put it there; None if the content can be asked for again.
        """
        unseen = 0
        while True:
            self._job.remaining()
            if name is not None and (row := self._named(name)) is not None:
                return row
            row = self._safe_rows().get(self._hash())
            if row is None:
                unseen += 1
                if unseen >= _LOOKS_WITHOUT_ROW:
                    self._leave_unseen(error, began)
                    return None
            elif self._settled(row, error):
                return None
            self._clock.sleep(_LOOK_EVERY)

    def _settled(self, row: Row, error: UnavailableError | TimedOutError) -> bool:
        """Whether the content can be asked for again, now that its row was seen; chooses the twin."""
        now = self._clock.now()
        if row.status == "ready":
            return True
        if row.status == "failed" and isinstance(error, UnavailableError):
            raise BuildFailedError(
                "The build failed while the connection to the server was broken, and the reason was said there. "
                "Run the same command again to see it."
            ) from error
        if _useless(row, now):
            self._say_blocked(row, now)
            self.choose()
            return True
        age = f"{row.age(now) / 60:.0f} min"
        self._job.progress.wait_for(f"another build of this content has been running for {age}; waiting for it")
        return False

    def _leave_unseen(self, error: UnavailableError | TimedOutError, began: float) -> None:
        """Take a twin of content that stays blocked, where a list that is cut does not show by what."""
        waited = self._clock.now() - began
        if isinstance(error, BuildBlockedError) and waited >= DEAD_AFTER:
            self._job.log.warn(
                f"the server has been waiting for another build of this content for {waited / 60:.0f} min; "
                "building the same steps under another content hash"
            )
            self.next_twin()

    def _say_blocked(self, row: Row, now: float) -> None:
        if row.status == "building":
            self._job.log.warn(
                f"an earlier build of this content was cut off {row.age(now) / 60:.0f} min ago and blocks it on the "
                "server; building the same steps under another content hash"
            )

    def _use(self, twin: int) -> None:
        if twin and not self._job.has_twins:
            raise TimedOutError(
                "The server can't build this content any more: an earlier build of it was cut off or failed. "
                "Add a step that runs true: that makes it other content."
            )
        self._job.twin = twin

    def _named(self, name: str) -> Row | None:
        try:
            row = self._client.get_snapshot(name)
        except (NotFoundError, UnavailableError, TimedOutError):
            return None
        made_here = mark_of(row) == self._job.mark and row.id not in self._gone
        return row if made_here and row.status == "ready" and row.content_hash == self._hash() else None

    def _safe_rows(self) -> dict[str, Row]:
        try:
            return self.rows()
        except (UnavailableError, TimedOutError):
            return {}

    def _hash(self) -> str:
        return self._job.hash_of(self._job.twin)


def _is_lost(error: UnavailableError) -> bool:
    """Whether the server may be building all the same."""
    return error.sent if isinstance(error, StreamLostError) else error.status in _GATEWAY
