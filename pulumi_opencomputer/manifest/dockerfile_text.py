"""A Dockerfile's grammar: instructions, words, and the substitution of variables.

This is a small reader of our own. The Python parser on PyPI, dockerfile-parse, has no here-documents, joins continued
lines differently from Docker, and takes shell variables for its own. The package that wraps BuildKit's parser,
dockerfile, has compiled wheels for few platforms only. The tests compare this reader with the latter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

# What Go counts as white space. Python's strip would remove more.
SPACES = " \t\v\f\r\n\x85\xa0"
_DIRECTIVE = re.compile(r"#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*\Z")
_DIRECTIVES = ("escape", "syntax", "check")
_BLANKS = re.compile(r"[\t\v\f\r ]+")
_FLAG = re.compile(r"--\S*")
_NAME = re.compile(r"[^\W\d]\w*")
_HERE_DOCUMENT = re.compile(r"(?:^|\s)\d*<<-?[^<\s]")
_WITH_HERE_DOCUMENTS = ("RUN", "COPY", "ADD")

#: Returns the value of a variable; None if it is not set.
Lookup = Callable[[str], "str | None"]


class RefusedError(Exception):
    """An instruction can't become a step. The text says why and what to do, and does not quote values."""


@dataclass(frozen=True)
class Instruction:
    """One instruction.

    Attributes:
        line: The number of its first line, from 1.
        name: Its name in capitals.
        flags: Its options, such as ``--from=builder``.
        rest: The rest, in one line.
    """

    line: int
    name: str
    flags: tuple[str, ...]
    rest: str

    @property
    def has_here_document(self) -> bool:
        """Whether the following lines may be a here-document rather than instructions."""
        return self.name in _WITH_HERE_DOCUMENTS and _HERE_DOCUMENT.search(self.rest) is not None


class Source:
    """The text of a Dockerfile.

    Attributes:
        escape: The character that continues a line and escapes others: a backslash, or a backtick by directive.
    """

    def __init__(self, text: str) -> None:
        self._lines = [line.rstrip("\r") for line in text.removeprefix("\ufeff").split("\n")]
        self.escape = self._escape()

    def _escape(self) -> str:
        escape = "\\"
        for line in self._lines:
            found = _DIRECTIVE.match(line.lstrip(SPACES))
            if not found:
                break
            if found[1].lower() == "escape" and found[2] in ("\\", "`"):
                escape = found[2]
        return escape

    def instructions(self) -> Iterator[Instruction]:
        """Return the instructions in order, with continued lines joined and comments removed."""
        held, first = "", 0
        for number, line in enumerate(self._lines, 1):
            bare = line.lstrip(SPACES)
            if not bare or bare.startswith("#"):
                continue
            body, goes_on = self._continued(line if first else bare)
            held, first = held + body, first or number
            if not goes_on:
                yield from self._instruction(held, first)
                held, first = "", 0
        yield from self._instruction(held, first)

    def _continued(self, line: str) -> tuple[str, bool]:
        bare = line.rstrip(" \t")
        body = bare.removesuffix(self.escape)
        goes_on = body != bare and not body.endswith(self.escape)
        return (body, True) if goes_on else (line, False)

    @staticmethod
    def _instruction(text: str, line: int) -> Iterator[Instruction]:
        if not text.strip(SPACES):
            return
        name, rest = (*_BLANKS.split(text.strip(SPACES), maxsplit=1), "")[:2]
        flags = []
        while flag := _FLAG.match(rest):
            flags.append(flag[0])
            rest = rest[flag.end() :].lstrip(SPACES)
        yield Instruction(line, name.upper(), tuple(flags), rest.strip(SPACES))


def listed(rest: str) -> list[str] | None:
    """Return the strings of the form ``["a", "b"]``; None for any other form.

    Raises:
        RefusedError: The list holds something else, or something follows it.
    """
    if not rest.startswith("["):
        return None
    try:
        found, end = json.JSONDecoder().raw_decode(rest)
    except ValueError:
        return None
    if not all(isinstance(each, str) for each in found):
        raise RefusedError("has a list with an entry that is not a string: put each entry in double quotes.")
    if rest[end:].strip(SPACES):
        raise RefusedError("has text after its list, which Docker ignores: remove it, or don't write a list.")
    return list(found)


def split_blanks(rest: str) -> list[str]:
    """Split at white space without regard to quotes, as COPY and FROM do."""
    return [word for word in _BLANKS.split(rest) if word]


def pairs(rest: str, escape: str) -> list[tuple[str, str | None]]:
    """Return the names and values of ENV or ARG, with quotes and variables unchanged; None for a name without ``=``."""
    found = []
    for word in _quoted_words(rest, escape):
        name, sign, value = word.partition("=")
        found.append((name, value if sign else None))
    return found


def _quoted_words(rest: str, escape: str) -> Iterator[str]:
    word, quote, at = "", "", 0
    while at < len(rest):
        char = rest[at]
        at += 1
        if not quote and char in SPACES:
            if word:
                yield word
            word = ""
            continue
        if char == escape and quote != "'":
            word += char + rest[at] if at < len(rest) else ""
            at += 1
            continue
        word += char
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
    if word:
        yield word


def expand(text: str, lookup: Lookup, escape: str) -> str:
    """Return a text as Docker reads it: without quotes and escapes, with variables replaced by their values.

    Raises:
        RefusedError: A quote or ``${`` is not closed, or a form of substitution is not supported.
    """
    return _Expansion(text, lookup, escape).up_to("")


class _Expansion:
    def __init__(self, text: str, lookup: Lookup, escape: str) -> None:
        self._text, self._lookup, self._escape = text, lookup, escape
        self._at = 0

    def up_to(self, closing: str) -> str:
        parts: list[str] = []
        while self._at < len(self._text):
            char = self._next()
            if char == closing:
                return "".join(parts)
            if char == "'":
                parts.append(self._single_quoted())
            elif char == '"':
                parts.append(self._double_quoted())
            elif char == "$":
                parts.append(self._variable())
            elif char == self._escape:
                parts.append(self._next())
            else:
                parts.append(char)
        if closing:
            raise RefusedError("has a ${ that is not closed: close it.")
        return "".join(parts)

    def _next(self) -> str:
        char = self._text[self._at : self._at + 1]
        self._at += 1
        return char

    def _single_quoted(self) -> str:
        end = self._text.find("'", self._at)
        if end < 0:
            raise RefusedError("has a quote that is not closed: close it.")
        text = self._text[self._at : end]
        self._at = end + 1
        return text

    def _double_quoted(self) -> str:
        parts: list[str] = []
        while self._at < len(self._text):
            char = self._next()
            if char == '"':
                return "".join(parts)
            if char == "$":
                parts.append(self._variable())
            elif char == self._escape and self._text[self._at : self._at + 1] in ('"', "$", self._escape):
                parts.append(self._next())
            else:
                parts.append(char)
        raise RefusedError("has a quote that is not closed: close it.")

    def _variable(self) -> str:
        if self._text.startswith("{", self._at):
            self._at += 1
            return self._braced()
        if name := _NAME.match(self._text, self._at):
            self._at = name.end()
            return self._lookup(name[0]) or ""
        following = self._text[self._at : self._at + 1]
        if following.isdigit() or (following and following in "@*#?-$!"):
            raise RefusedError("uses a variable of the shell, which has no value here: escape the $.")
        return "$"

    def _braced(self) -> str:
        name = _NAME.match(self._text, self._at)
        form = re.compile(r"\}|:?[-+]").match(self._text, name.end()) if name else None
        if not name or not form:
            raise RefusedError("uses a form of ${ } other than ${A}, ${A:-other} and ${A:+other}: write the value out.")
        self._at = form.end()
        value = self._lookup(name[0])
        if form[0] == "}":
            return value or ""
        other = self.up_to("}")
        is_set = bool(value) if form[0].startswith(":") else value is not None
        if form[0].endswith("+"):
            return other if is_set else ""
        return value or "" if is_set else other
