"""The emulator's time, which a test can move on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timezone


class Clock:
    """Time that passes by itself and can be moved on.

    Args:
        skew: How far the time that clients are told is ahead of the true one, in seconds.
    """

    def __init__(self, skew: float = 0.0) -> None:
        self._first_skew = skew
        self._advanced = 0.0
        self._skew = skew
        self._moved = asyncio.Event()

    @property
    def skew(self) -> float:
        """How far the time that clients are told is ahead, in seconds."""
        return self._skew

    @skew.setter
    def skew(self, seconds: float) -> None:
        self._skew = seconds

    def now(self) -> float:
        """Return the seconds since 1970 that decide when things are due."""
        return time.time() + self._advanced

    def told(self) -> float:
        """Return the seconds since 1970 as clients are told: in records and in the header `Date`."""
        return self.now() + self._skew

    def text(self, age: float = 0.0) -> str:
        """Return the time that clients are told, `age` seconds ago.

        It is RFC 3339 in UTC with up to six decimals, trailing zeros cut.
        """
        moment = datetime.fromtimestamp(self.told() - age, timezone.utc)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".") + "Z"

    def advance(self, seconds: float) -> None:
        """Let time pass at once, for sleepers as well."""
        self._advanced += seconds
        self._moved.set()
        self._moved = asyncio.Event()

    def reset(self) -> None:
        """Return to the true time and the initial skew."""
        self._advanced = 0.0
        self._skew = self._first_skew

    def wake(self) -> None:
        """Let sleepers check again whether they should go on sleeping."""
        self.advance(0)

    async def sleep(self, seconds: float, *, unless: Callable[[], bool] = lambda: False) -> None:
        """Wait until that much time has passed, or until `unless` is true; it is asked when something happens."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        end = time.monotonic() + self._advanced + seconds
        while (left := end - time.monotonic() - self._advanced) > 0 and not unless():
            try:
                await asyncio.wait_for(self._moved.wait(), left)
            except asyncio.TimeoutError:
                return
