"""The emulator's time, which a test can move forward."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timezone


class Clock:
    """Time that passes by itself and can be moved forward.

    Args:
        skew: How far the time that clients see is ahead of the true time, in seconds.
    """

    def __init__(self, skew: float = 0.0) -> None:
        self._first_skew = skew
        self._advanced = 0.0
        self._skew = skew
        self._moved = asyncio.Event()

    @property
    def skew(self) -> float:
        """How far the time that clients see is ahead of the true time, in seconds."""
        return self._skew

    @skew.setter
    def skew(self, seconds: float) -> None:
        self._skew = seconds

    def now(self) -> float:
        """Return the emulator's own time, in seconds since 1970. It decides when things are due."""
        return time.time() + self._advanced

    def told(self) -> float:
        """Return the time that clients see in records and in the header `Date`, in seconds since 1970."""
        return self.now() + self._skew

    def text(self, age: float = 0.0) -> str:
        """Return the time that clients see, minus `age` seconds.

        The format is RFC 3339 in UTC with up to six decimals and no trailing zeros.
        """
        moment = datetime.fromtimestamp(self.told() - age, timezone.utc)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".") + "Z"

    def advance(self, seconds: float) -> None:
        """Move the time forward, also for those who sleep."""
        self._advanced += seconds
        self._moved.set()
        self._moved = asyncio.Event()

    def reset(self) -> None:
        """Go back to the true time and the initial skew."""
        self._advanced = 0.0
        self._skew = self._first_skew

    def wake(self) -> None:
        """Let those who sleep check again whether to continue."""
        self.advance(0)

    async def sleep(self, seconds: float, *, unless: Callable[[], bool] = lambda: False) -> None:
        """Wait until so many seconds have passed or `unless` returns True; it is called after `advance` and `wake`."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        end = time.monotonic() + self._advanced + seconds
        while (left := end - time.monotonic() - self._advanced) > 0 and not unless():
            try:
                await asyncio.wait_for(self._moved.wait(), left)
            except asyncio.TimeoutError:
                return
