"""The server's text about a build apart from known events: output of commands, or messages of later server versions."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable

from ..sanitize import clean, excerpt
from .build_log import BuildLog

LINES_OF_A_STEP = 30
"""The maximum number of lines shown for one step, unless the user asks for all. Of further ones the number is shown."""

LINES_IN_ALL = 500
"""The maximum number of lines shown for one build, unless the user asks for all."""

LAST_LINES = 10
"""How many last lines the error of a failed build repeats."""

LONGEST_LAST = 300
"""The maximum length of such a line, in characters."""

_SECONDS_BETWEEN_STATUS_LINES = 0.5


class ServerLines:
    """The server's own lines of one build, in order, limited in number unless the user asks for all.

    Lines beyond the limit are shown as ephemeral status lines, and at the end of the step their number is shown.
    """

    def __init__(self, log: BuildLog, steps: int, clock: Callable[[], float], redact: Callable[[str], str]) -> None:
        """Prepare the lines; nothing is shown yet.

        Args:
            log: The build's log.
            steps: The number of steps.
            clock: A monotonic clock, in seconds.
            redact: Removes secrets from a text.
        """
        self._log = log
        self._steps = steps
        self._clock = clock
        self._redact = redact
        self._shown: Counter[int] = Counter()
        self._more: Counter[int] = Counter()
        self._withheld: Counter[int] = Counter()
        self._last: deque[tuple[int, str]] = deque(maxlen=LAST_LINES)
        self._status_shown = float("-inf")

    def say(self, step: int | None, text: str, *, is_withheld: bool) -> None:
        """Show a text, line by line.

        Args:
            step: The step that the server names, counted from 1. None or any other number if it names no step.
            text: The server's text, which may have several lines.
            is_withheld: Whether the lines are only counted.
        """
        number = step if step is not None and 1 <= step <= self._steps else 0
        for line in text.splitlines():
            if not line.strip():
                continue
            if is_withheld:
                self._withheld[number] += 1
            else:
                self._show(number, line)

    def end_step(self, number: int) -> None:
        """Show how many lines of a step were left out."""
        if more := self._more.pop(number, 0):
            self._log.note(f"{self._place(number)}… and {_count(more, 'more line')} of the server")
        if withheld := self._withheld.pop(number, 0):
            lines = _count(withheld, "line")
            self._log.info(f"{self._place(number)}{lines} of the server withheld, because the step holds a secret")

    def last(self, number: int) -> tuple[str, ...]:
        """Return the last lines of a step, including those without a step number."""
        return tuple(line for step, line in self._last if step in (0, number))

    def close(self) -> None:
        """Show how many lines of the remaining steps were left out."""
        for number in sorted({*self._more, *self._withheld}):
            self.end_step(number)

    def _show(self, number: int, line: str) -> None:
        text = _one_line(self._redact(line))
        shown = f"{self._place(number)}{text}"
        self._last.append((number, excerpt(text, LONGEST_LAST)))
        is_within_limits = self._shown[number] < LINES_OF_A_STEP and self._shown.total() < LINES_IN_ALL
        if self._log.detail(shown, is_within_limits=is_within_limits):
            self._shown[number] += 1
            return
        self._more[number] += 1
        if self._clock() - self._status_shown >= _SECONDS_BETWEEN_STATUS_LINES:
            self._status_shown = self._clock()
            self._log.status(shown)

    def _place(self, number: int) -> str:
        return f"[{number}/{self._steps}] | " if number else "| "


def _one_line(text: str) -> str:
    """Return the text cleaned and on one line, with its indentation."""
    return clean(text).replace("\n", " ").rstrip()


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
