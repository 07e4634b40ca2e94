"""Signals that end a process, turned into an exception, so that its temporary files are removed."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from typing import Any


class EndedError(KeyboardInterrupt):
    """A signal asked the process to end.

    Attributes:
        number: The signal's number.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Raise EndedError in the block when SIGTERM or SIGHUP arrives. To be called in the main thread.

    A signal that the process was started to ignore, as by nohup, stays ignored.
    """
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    before = {number: handler for number, handler in before.items() if handler is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, _end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, _: Any) -> None:
    raise EndedError(number)
