"""Decide which files of a directory are left out, by patterns as in a ``.gitignore``, one path at a time."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from ..errors import LocalFileError

#: Takes a relative path, its last part, and whether it is a directory; returns whether it is ignored.
IgnoreTest: TypeAlias = Callable[[str, str, bool], bool | None]

# A pattern of the library also matches everything below a match. Git instead tests each file and each directory above
# it separately, and for each one the last matching pattern decides. So a mark is added to the end of paths and of
# patterns: for a path below a match it is at another place. Its NUL occurs in no name, and its letter distinguishes
# directories from files.
_FILE_MARK, _DIRECTORY_MARK, _ANY_MARK = "\0f", "\0d", "\0?"

_CHARACTER_CLASS = re.compile(r"\[:\w*:\]")


def ignore_test(patterns: Sequence[str]) -> IgnoreTest | None:
    """Return a function that tells whether a path is ignored, or None if nothing is ignored.

    Args:
        patterns: Lines as in a ``.gitignore`` in the directory; the last one that matches decides.

    Raises:
        LocalFileError: A pattern is invalid. The reason names its index and does not repeat it.
    """
    rules = [rule for index, line in enumerate(patterns) if (rule := _rule(line, index))]
    if not rules:
        return None
    rules.reverse()

    def is_ignored(relative: str, name: str, is_directory: bool) -> bool | None:
        mark = _DIRECTORY_MARK if is_directory else _FILE_MARK
        whole, last = _as_bytes(relative) + mark, _as_bytes(name) + mark
        for matches, anchored, ignores in rules:
            if matches(whole if anchored else last):
                return ignores
        return False

    return is_ignored


class _Rule(NamedTuple):
    matches: Callable[[str], object]
    anchored: bool
    ignores: bool


def _rule(line: str, index: int) -> _Rule | None:
    """Return one pattern, or None for a line that git skips: a comment or an empty line."""
    from pathspec import GitIgnoreSpec  # noqa: PLC0415 - most directories have no patterns

    # Git skips the byte order mark that some editors write at the start of a file.
    text = _trimmed(line.removeprefix("\ufeff") if index == 0 else line)
    if text.startswith("#"):
        return None
    ignores = not text.startswith("!")
    body = text if ignores else text[1:]
    body, mark = (body[:-1], _DIRECTORY_MARK) if body.endswith("/") else (body, _ANY_MARK)
    if body in {"", "/"}:
        return None
    _check_pattern(body, index)
    if body.rpartition("/")[2] == "**":
        body += "/*"
    sign = "" if ignores else "!"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # about a bracket in brackets, which git takes literally
            (pattern,) = GitIgnoreSpec.from_lines([sign + _as_bytes(body) + mark]).patterns
    except (ValueError, re.error):
        raise LocalFileError(f"ignore[{index}] is not a gitignore pattern.") from None
    # The library, like git, drops a pattern with a bracket that is never closed.
    return _Rule(pattern.regex.match, "/" in body, ignores) if pattern.regex else None


def _trimmed(line: str) -> str:
    """Return the pattern without its line end and trailing spaces. After a backslash, the first space is kept."""
    line = line.removesuffix("\n").removesuffix("\r")
    text = line.rstrip(" ")
    return text + " " if len(text) < len(line) and _ends_in_escape(text) else text


def _as_bytes(text: str) -> str:
    """Return a text with one character for each byte of its UTF-8, because `?` and brackets match one byte in git."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("latin-1")


def _ends_in_escape(text: str) -> bool:
    return (len(text) - len(text.rstrip("\\"))) % 2 == 1


def _check_pattern(body: str, index: int) -> None:
    """Refuse a pattern that would silently match nothing, or something other than it says."""
    if "\n" in body or "\0" in body:
        raise LocalFileError(f"ignore[{index}] holds a line break or NUL; give each pattern as an entry of its own.")
    if _ends_in_escape(body):
        raise LocalFileError(f"ignore[{index}] ends with a backslash.")
    if _CHARACTER_CLASS.search(body):
        raise LocalFileError(f"ignore[{index}] uses a named class like [:digit:]; write a range such as [0-9] instead.")
