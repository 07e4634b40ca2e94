"""A command in a real terminal of some size: a pseudo-terminal, and the screen that a person would look at."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyte
from pyte.screens import Char

_DEADLINE = 120.0
_SCROLLED = 5_000
_PIECE = 64 * 1024


@dataclass(frozen=True)
class Style:
    """How a piece of a line looks.

    Attributes:
        color: The colour's name as pyte has it (``green``, ``brightblack``), six hex digits, or ``default``.
        background: The same for what is behind.
        is_bold: Whether it is bold.
        is_underlined: Whether it is underlined.
    """

    color: str = "default"
    background: str = "default"
    is_bold: bool = False
    is_underlined: bool = False


@dataclass(frozen=True)
class Picture:
    """What stands in a terminal at one moment, with all that has scrolled out of it above.

    Attributes:
        columns: The width of the terminal.
        lines: Each line as pieces of one style.
        height: How many of the lines, from the end, are on the screen.
    """

    columns: int
    lines: tuple[tuple[tuple[str, Style], ...], ...]
    height: int

    @property
    def text(self) -> str:
        """All lines, without styles and without blank lines at the end."""
        lines = ["".join(piece for piece, _ in line).rstrip() for line in self.lines]
        return "\n".join(lines).rstrip("\n")

    @property
    def visible(self) -> str:
        """The lines on the screen."""
        lines = ["".join(piece for piece, _ in line).rstrip() for line in self.lines[-self.height :]]
        return "\n".join(lines).rstrip("\n")


class Terminal:
    """A command that runs in a terminal.

    Attributes:
        chunks: What the command wrote so far, as it came: seconds since its start, and bytes. A recording in
            asciinema's format, for example, is made of these.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int,
        rows: int = 40,
        folder: Path,
        environment: Mapping[str, str],
    ) -> None:
        """Start the command.

        Args:
            command: The program and its arguments.
            columns: The terminal's width.
            rows: Its height.
            folder: Where the command runs.
            environment: Its whole environment; ``TERM`` is set.
        """
        self.chunks: list[tuple[float, bytes]] = []
        self._columns = columns
        self._rows = rows
        self._screen = pyte.HistoryScreen(columns, rows, history=_SCROLLED, ratio=0.001)
        self._stream = pyte.ByteStream(self._screen)
        self._changed = threading.Condition()
        self._ended = False
        self._started = time.monotonic()
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        try:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env={**environment, "TERM": "xterm-256color", "COLUMNS": str(columns), "LINES": str(rows)},
                stdin=slave,
                stdout=slave,
                stderr=slave,
                start_new_session=True,
            )
        finally:
            os.close(slave)
        self._reader = threading.Thread(target=self._read, name="terminal", daemon=True)
        self._reader.start()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def picture(self) -> Picture:
        """What it shows now."""
        with self._changed:
            top = [_pieces(line, self._columns) for line in self._screen.history.top]
            shown = [_pieces(self._screen.buffer[row], self._columns) for row in range(self._rows)]
        return Picture(self._columns, tuple(top + shown), self._rows)

    def wait_for(self, wanted: str | Callable[[str], bool], seconds: float = _DEADLINE) -> Picture:
        """Wait until the screen shows a text, or one of which something is true; return what it shows then.

        Raises:
            AssertionError: The time was over, or the command ended, before; the message is what the screen shows.
        """
        is_there = wanted if callable(wanted) else lambda text: wanted in text
        end = time.monotonic() + seconds
        while True:
            with self._changed:
                ended, count = self._ended, len(self.chunks)
            if is_there((picture := self.picture()).visible):
                return picture
            assert not ended, f"the command ended before it showed {wanted!r}:\n{picture.text}"
            assert self._goes_on(count, end - time.monotonic()), f"{wanted!r} did not show in time:\n{picture.text}"

    def _goes_on(self, chunks: int, seconds: float) -> bool:
        """Wait until more than so many chunks came, or the command ended; False if that took too long."""
        with self._changed:
            return self._changed.wait_for(lambda: self._ended or len(self.chunks) > chunks, max(0.0, seconds))

    def has_ended(self, seconds: float = 0.0) -> bool:
        """Wait at most so long for the command's end; tell whether it has ended."""
        with self._changed:
            return self._changed.wait_for(lambda: self._ended, seconds)

    def wait(self, seconds: float = _DEADLINE) -> int:
        """Wait for the command's end; return its exit code.

        Raises:
            AssertionError: It did not end in time; the message is what the screen shows.
        """
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the command did not end:\n{self.picture().text}") from None
        self._reader.join(seconds)
        return code

    def interrupt(self) -> None:
        """Do what Ctrl-C does: SIGINT to the command and all that it started in its group."""
        os.killpg(self._process.pid, signal.SIGINT)

    def close(self) -> None:
        """Kill the command if it still runs."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(_DEADLINE)
        self._reader.join(1)
        if self._master >= 0:
            os.close(self._master)
            self._master = -1

    def _read(self) -> None:
        while chunk := self._next():
            with self._changed:
                self.chunks.append((time.monotonic() - self._started, chunk))
                self._stream.feed(chunk)
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _next(self) -> bytes:
        try:
            return os.read(self._master, _PIECE)
        except OSError:
            # On Linux that is how the end of all who write shows.
            return b""


def _pieces(line: Mapping[int, Char], columns: int) -> tuple[tuple[str, Style], ...]:
    found: list[tuple[str, Style]] = []
    for text, style in _cells(line, columns):
        if found and found[-1][1] == style:
            found[-1] = (found[-1][0] + text, style)
        else:
            found.append((text, style))
    return tuple(found)


def _cells(line: Mapping[int, Char], columns: int) -> Iterator[tuple[str, Style]]:
    for column in range(columns):
        char = line[column]
        colors = (char.bg, char.fg) if char.reverse else (char.fg, char.bg)
        yield char.data, Style(*colors, is_bold=char.bold, is_underlined=char.underscore)
