"""Packages and paths that the server puts into a shell command without quotes.

A word that the shell takes literally is sent as declared. A package that the shell would not take literally is sent in
single quotes: without them `pandas>=2` would install any pandas and write a file `=2`. Several words in one string,
options, patterns and quoted words stay as they are. What can't arrive as declared is refused.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from typing import Any

# The common case, without looking at each character.
_PLAIN = re.compile(r"[A-Za-z0-9_.,:/@%+=!^*?\[\]{}-][A-Za-z0-9_.,:/@%+=!^*?\[\]{}~#-]*")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"\\`]+")
_APT_PIN = re.compile(r"[a-z0-9][a-z0-9+.-]*(:[a-z0-9-]+)?([=/][^\s'\"\\`$]+)?[+-]?")
_PATTERN = re.compile(r"[*?\[]")
_BLANKS = " \t\n"
_OPERATORS = ";&|<>()"
_IN_DOUBLE_QUOTES = re.compile(r'(?P<text>(?:[^"\\$`]|\\.)*)(?P<end>["$`]?)', re.DOTALL)

_OWN_ENTRY = "give each package an entry of its own, or put the word in single quotes, as in \"'pandas>=2.*'\"."


class NotLiteralError(ValueError):
    """The shell would not take a text literally.

    Attributes:
        what: What it does not take literally, such as ``a comment``.
    """

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(what)


def split_words(text: str) -> list[str]:
    """Return the words of a text, as ``/bin/sh`` splits and unquotes it; patterns match no file.

    Raises:
        NotLiteralError: It contains something that is not just words for the shell, such as a comment or an operator.
    """
    if _PLAIN.fullmatch(text):
        return [text]
    return list(_words(text))


def package_as_sent(text: str, is_one_package: Callable[[str], bool], *, last: bool) -> str:
    """Return one entry of a list of packages as it is sent.

    Args:
        text: The entry as declared.
        is_one_package: Tells whether a text is one package, regardless of how the shell would read it.
        last: Whether it is the last entry, so that a trailing line break does no harm.

    Raises:
        NotLiteralError: It can't arrive as declared; the message says what to do.
    """
    bare = text.strip(_BLANKS)
    try:
        words = split_words(text.rstrip(_BLANKS) if last else text)
    except NotLiteralError as error:
        if is_one_package(bare):
            return shlex.quote(bare)
        if bare != text and _is_literal(bare):
            return bare
        raise NotLiteralError(
            f"holds {error.what}, which the server's shell does not pass on: {_cure(error.what)}"
        ) from None
    # `pandas == 2.0` is one requirement for pip, but three words for the shell.
    return shlex.quote(bare) if len(words) > 1 and is_one_package(bare) else text


def package_refusals(texts: Sequence[Any], is_one_package: Callable[[str], bool]) -> Iterator[tuple[int, str]]:
    """Yield the index of each entry of a list of packages that can't arrive as declared, and the reason.

    Args:
        texts: The entries. Anything that is not a string is skipped.
        is_one_package: As for `package_as_sent`.
    """
    for index, text in enumerate(texts):
        if isinstance(text, str):
            try:
                package_as_sent(text, is_one_package, last=index == len(texts) - 1)
            except NotLiteralError as error:
                yield index, str(error)


def is_requirement(text: str) -> bool:
    """Tell whether a text is one requirement for pip: a name with its extras and bounds, or a package's address."""
    if _ADDRESS.fullmatch(text):
        return True
    from packaging.requirements import InvalidRequirement, Requirement  # noqa: PLC0415 - most names are plain

    try:
        Requirement(text)
    except InvalidRequirement:
        return False
    return True


def is_apt_pin(text: str) -> bool:
    """Tell whether a text is one package for apt-get: a name, its architecture, and a version or a suite."""
    return _APT_PIN.fullmatch(text) is not None


def is_one_word(text: str) -> bool:
    """Tell whether the shell takes a text as one literal word, whatever files there are."""
    try:
        return split_words(text) == [text] and not _PATTERN.search(text)
    except NotLiteralError:
        return False


def _is_literal(text: str) -> bool:
    try:
        split_words(text)
    except NotLiteralError:
        return False
    return True


def _cure(what: str) -> str:
    return "remove it, because whatever follows it would not be installed." if what == "a comment" else _OWN_ENTRY


def _words(text: str) -> Iterator[str]:
    """Split a text into words."""
    at, word = 0, None
    while at < len(text):
        char = text[at]
        if char in " \t":
            if word is not None:
                yield word
            at, word = at + 1, None
            continue
        piece, at = _piece(text, at, starts_word=word is None)
        if piece is not None:
            word = (word or "") + piece
    if word is not None:
        yield word


def _piece(text: str, at: int, *, starts_word: bool) -> tuple[str | None, int]:
    """Return the part of a word that begins at an index, and where it ends; None for an escaped line break."""
    char = text[at]
    if char == "'":
        return _single_quoted(text, at + 1)
    if char == '"':
        return _double_quoted(text, at + 1)
    if char == "\\":
        if at + 1 == len(text):
            raise NotLiteralError("a backslash at its end")
        escaped = text[at + 1]
        return (None if escaped == "\n" else escaped), at + 2
    if char == "\n":
        raise NotLiteralError("a line break")
    if starts_word and char == "#":
        raise NotLiteralError("a comment")
    if char in _OPERATORS or char in "$`" or (starts_word and char == "~"):
        raise NotLiteralError(f"an unquoted {char}")
    return char, at + 1


def _single_quoted(text: str, at: int) -> tuple[str, int]:
    end = text.find("'", at)
    if end < 0:
        raise NotLiteralError("a quote that is not closed")
    return text[at:end], end + 1


def _double_quoted(text: str, at: int) -> tuple[str, int]:
    match = _IN_DOUBLE_QUOTES.match(text, at)
    end = match["end"] if match else ""
    if match is None or not end:
        raise NotLiteralError("a quote that is not closed")
    if end != '"':
        raise NotLiteralError(f"{end} in double quotes")
    return re.sub(r"\\([\\\"$`])|\\\n", r"\1", match["text"]), match.end()
