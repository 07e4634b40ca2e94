"""Text from the server, made fit for a terminal and for Pulumi's engine.

Pulumi's engine panics on ``<{%`` with an unknown colour name behind it, and a log line that carries
control sequences could rewrite what stands on the user's screen.
"""

from __future__ import annotations

import re

EXCERPT_LENGTH = 200
"""The most characters of the server's text that an error quotes."""

_SEQUENCES = re.compile(
    "\x1b\\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor movements
    "|\x9b[0-?]*[ -/]*[@-~]"  # the same, with its one-character introducer
    "|\x1b\\][^\x07\x1b\x9c\n]*(?:\x07|\x1b\\\\|\x9c)?"  # OSC: titles, links
    "|\x1b[PX^_][^\x1b\x9c\n]*(?:\x1b\\\\|\x9c)?"  # device control, private messages
    "|\x1b[ -/]*[0-~]"  # the remaining two- and three-character escapes
)
_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]")
_SURROGATES = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    r"""Return the text without control sequences, control and direction-changing characters.

    Line ends of every kind become ``\n``, tabs stay, lone surrogates become U+FFFD, and Pulumi's colour
    introducer ``<{%`` is broken with a space.
    """
    text = _LINE_ENDS.sub("\n", _SEQUENCES.sub("", text))
    text = _SURROGATES.sub("\ufffd", _UNPRINTABLE.sub("", text))
    return text.replace("<{%", "<{ %")


def excerpt(text: str, length: int = EXCERPT_LENGTH) -> str:
    """Return the cleaned text on one line of at most `length` characters; a cut shows as ``…``."""
    line = " ".join(clean(text).split()).replace("<{%", "<{ %")
    return line if len(line) <= length else line[: length - 1] + "…"


def quoted(name: str) -> str:
    """Return a name for a message: cleaned, cut and in quotes."""
    return f"'{excerpt(name)}'"
