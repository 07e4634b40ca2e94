"""Run a command in a pseudo-terminal, and read the screen as a person would see it."""

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
    """The style of a part of a line.

    Attributes:
        color: The text colour: pyte's name (``green``, ``brightblack``), six hex digits, or ``default``.
        background: The background colour, in the same form.
        is_bold: Whether the text is bold.
        is_underlined: Whether the text is underlined.
    """

    color: str = "default"
    background: str = "default"
    is_bold: bool = False
    is_underlined: bool = False


@dataclass(frozen=True)
class Picture:
    """A terminal's contents at one moment, including the lines that have scrolled off the top.

    Attributes:
        columns: The width of the terminal.
        lines: The lines, each as a sequence of texts with their styles.
        height: The number of lines, counted from the end, that are on the screen.
    """

    columns: int
    lines: tuple[tuple[tuple[str, Style], ...], ...]
    height: int

    @property
    def text(self) -> str:
        """All lines without styles and without trailing blank lines."""
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
        chunks: The command's output so far, in pieces as it arrived: the seconds since the start, and the bytes. An
            asciinema recording, for example, can be made from them.
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
            rows: The terminal's height.
            folder: The command's working directory.
            environment: The command's whole environment; ``TERM`` and the size are added.
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
        """Return what the terminal shows now."""
        with self._changed:
            top = [_pieces(line, self._columns) for line in self._screen.history.top]
            shown = [_pieces(self._screen.buffer[row], self._columns) for row in range(self._rows)]
        return Picture(self._columns, tuple(top + shown), self._rows)

    def wait_for(self, wanted: str | Callable[[str], bool], seconds: float = _DEADLINE) -> Picture:
        """Wait until the screen shows a text, or a condition is true for its text; return what it shows then.

        Raises:
            AssertionError: That does not happen in time, or the command ends first. The message is what the screen
                shows.
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
        """Wait until there are more than that many chunks, or the command has ended; False if the time is over."""
        with self._changed:
            return self._changed.wait_for(lambda: self._ended or len(self.chunks) > chunks, max(0.0, seconds))

    def has_ended(self, seconds: float = 0.0) -> bool:
        """Wait at most that many seconds for the command's end; return whether it has ended."""
        with self._changed:
            return self._changed.wait_for(lambda: self._ended, seconds)

    def wait(self, seconds: float = _DEADLINE) -> int:
        """Wait for the command's end; return its exit code.

        Raises:
            AssertionError: The command does not end in time. The message is what the screen shows.
        """
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the command did not end:\n{self.picture().text}") from None
        self._reader.join(seconds)
        return code

    def interrupt(self) -> None:
        """Do what Ctrl-C does: send SIGINT to the command's process group."""
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
            # On Linux, reading fails like this once every writer has closed the terminal.
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
