"""Commands that the server joins with ``&&`` into one line of a shell.

The end of a command may break or swallow the next command, often with exit code 0. Line breaks at the end are removed;
everything else that can't be joined is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

_BLANKS = " \t\n"
_OPERATOR = re.compile(r"&&|\|\||;;|<<-?|>>|<&|>&|<>|>\||[;&|<>()]")
_ENDS_BADLY = ("&&", "||", ";", "&", "|", "(", "<", ">", ">>", "<<", "<<-", "<&", ">&", "<>", ">|")
_ELSE = "or give what follows a step of its own."

_CURES = {
    "comment": f"ends in a comment, which would swallow the next command: put the comment on a line before it, {_ELSE}",
    "here-document": (
        f"ends in a here-document, which would swallow the next command: write the file with an addFile step, {_ELSE}"
    ),
    "backslash": f"ends in a backslash, which would change the next command: remove it, {_ELSE}",
    "open": f"has a quote or substitution that is not closed, which would swallow the next command: close it, {_ELSE}",
    "operator": f"ends in an operator, which breaks the `&&` that joins it to the next command: remove it, {_ELSE}",
    "&": f"ends in &, which breaks the `&&` that joins it to the next command: put it in ( ), {_ELSE}",
}
_NOTHING = "holds only a comment, but a command must follow the `&&` that joins it to the previous command: remove it."


def commands_as_sent(commands: Sequence[str]) -> list[str]:
    """Return a step's commands as they are sent: without trailing line breaks before another command."""
    return [*map(_without_line_end, commands[:-1]), *commands[-1:]]


def command_refusals(commands: Sequence[Any]) -> Iterator[tuple[int, str]]:
    """Yield the index of each command that can't be joined to its neighbour as declared, and the reason.

    Args:
        commands: The commands. Anything that is not a string is skipped.
    """
    for index, command in enumerate(commands):
        if not isinstance(command, str):
            continue
        ending = Ending.of(_without_line_end(command))
        if index < len(commands) - 1:
            if ending.fault:
                yield index, _CURES[ending.fault]
        elif index and not ending.has_words:
            yield index, _NOTHING


def _without_line_end(command: str) -> str:
    """Return the command without trailing line breaks, unless a backslash makes them part of the last line."""
    body = command.rstrip(_BLANKS)
    tail = command[len(body) :]
    if "\n" not in tail or _escapes(body):
        return command
    return body


def _escapes(text: str) -> bool:
    return (len(text) - len(text.rstrip("\\"))) % 2 == 1


class Ending:
    """How a command ends, as far as it matters for the next command.

    Attributes:
        fault: Why no command can follow it, as a key of `_CURES`; or empty.
        has_words: Whether it has more than comments and white space.
    """

    def __init__(self) -> None:
        self.fault = ""
        self.has_words = False

    @classmethod
    def of(cls, command: str) -> Ending:
        """Read a command."""
        return _Reader(command).read()


class _Reader:
    """Reads a command as the shell does, with regard to quotes, substitutions, comments and here-documents."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._open = False
        self._delimiters: list[tuple[str, bool, bool]] = []
        self._in_body = False
        self._last = ""
        self._ending = Ending()

    def read(self) -> Ending:
        self._commands("")
        if self._open:
            self._ending.fault = "open"
        elif self._in_body or self._delimiters:
            self._ending.fault = "here-document"
        elif self._last in ("comment", "backslash"):
            self._ending.fault = self._last
        elif self._last in ("", "line break", *_ENDS_BADLY):
            self._ending.fault = "&" if self._last == "&" else "operator"
        return self._ending

    def _commands(self, closing: str) -> None:
        """Read up to an unquoted closing character, or the end."""
        depth, starts_word = 0, True
        while self._at < len(self._text):
            char = self._text[self._at]
            if char == closing and not depth:
                self._at += 1
                return
            if char in _BLANKS:
                self._at += 1
                starts_word = True
                if char == "\n":
                    self._last = "line break"
                    self._here_documents()
            elif starts_word and char == "#":
                self._comment()
            elif operator := _OPERATOR.match(self._text, self._at):
                self._operator(operator[0])
                depth += {"(": 1, ")": -1}.get(operator[0], 0)
                depth = max(depth, 0)
                starts_word = True
            else:
                starts_word = self._word_part() and starts_word
        self._open = self._open or bool(closing)

    def _comment(self) -> None:
        end = self._text.find("\n", self._at)
        self._at = len(self._text) if end < 0 else end
        self._last = "comment"

    def _operator(self, operator: str) -> None:
        self._at += len(operator)
        self._last = operator
        self._ending.has_words = True
        if operator.startswith("<<"):
            self._delimiter(strips_tabs=operator.endswith("-"))

    def _word_part(self) -> bool:
        """Read one character, quotation or substitution of a word; return True for an escaped line break."""
        char = self._text[self._at]
        if char == "\\":
            if self._text[self._at + 1 : self._at + 2] == "\n":
                self._at += 2
                return True
            self._last = "word" if self._at + 1 < len(self._text) else "backslash"
            self._at += 2
        else:
            self._last = "word"
            self._quote_or_char(char)
        self._ending.has_words = True
        return False

    def _quote_or_char(self, char: str) -> None:
        self._at += 1
        if char == "'":
            self._skip_to("'")
        elif char == '"':
            self._double_quoted('"')
        elif char == "`":
            self._backquoted()
        elif char == "$":
            self._dollar()

    def _skip_to(self, char: str) -> None:
        end = self._text.find(char, self._at)
        self._open = self._open or end < 0
        self._at = len(self._text) if end < 0 else end + 1

    def _backquoted(self) -> None:
        while self._at < len(self._text):
            char = self._text[self._at]
            self._at += 2 if char == "\\" else 1
            if char == "`":
                return
        self._open = True

    def _double_quoted(self, closing: str) -> None:
        """Read up to the closing character of double quotes, or of ``${``."""
        while self._at < len(self._text):
            char = self._text[self._at]
            self._at += 2 if char == "\\" else 1
            if char == closing:
                return
            if char == "`":
                self._backquoted()
            elif char == "$":
                self._dollar()
            elif closing == "}" and char == '"':
                self._double_quoted('"')
        self._open = True

    def _dollar(self) -> None:
        if self._text.startswith("((", self._at):
            self._arithmetic()
        elif self._text.startswith("(", self._at):
            self._at += 1
            last, had_words = self._last, self._ending.has_words
            self._commands(")")
            self._last, self._ending.has_words = last, had_words
        elif self._text.startswith("{", self._at):
            self._at += 1
            self._double_quoted("}")
        elif self._text.startswith("$", self._at):
            self._at += 1

    def _arithmetic(self) -> None:
        depth = 0
        while self._at < len(self._text):
            char = self._text[self._at]
            self._at += 1
            depth += {"(": 1, ")": -1}.get(char, 0)
            if char in "'\"":
                self._skip_to(char)
            if not depth:
                return
        self._open = True

    # Here-documents

    def _delimiter(self, *, strips_tabs: bool) -> None:
        """Read the delimiter after ``<<``."""
        while self._text[self._at : self._at + 1] in (" ", "\t"):
            self._at += 1
        start = self._at
        while self._at < len(self._text):
            char = self._text[self._at]
            if char in _BLANKS or _OPERATOR.match(self._text, self._at):
                break
            self._at += 1
            if char in "'\"":
                self._skip_to(char)
            elif char == "\\":
                self._at += 1
        raw = self._text[start : self._at]
        word = re.sub(r"\\(.)|['\"]", r"\1", raw)
        self._delimiters.append((word, strips_tabs, word != raw))
        self._last = "word" if raw else self._last

    def _here_documents(self) -> None:
        """Read the here-documents whose bodies begin after a line."""
        for word, strips_tabs, is_quoted in self._delimiters:
            self._in_body = not self._body(word, strips_tabs, is_quoted)
        self._delimiters.clear()

    def _body(self, word: str, strips_tabs: bool, is_quoted: bool) -> bool:
        """Read one body; return whether it has ended: its delimiter was found, with a line end after it."""
        goes_on = False
        while self._at < len(self._text):
            end = self._text.find("\n", self._at)
            line = self._text[self._at : end if end >= 0 else None]
            self._at = len(self._text) if end < 0 else end + 1
            found = (line.lstrip("\t") if strips_tabs else line) == word and not goes_on
            goes_on = not is_quoted and _escapes(line)
            if found:
                return end >= 0
        return False
