"""Make text from the server safe for a terminal and for Pulumi's engine.

Pulumi's engine panics on ``<{%`` followed by an unknown colour name, and a log line with control sequences could
rewrite the user's screen.
"""

from __future__ import annotations

import re

#: The strings with which Pulumi's protocol represents an unknown value, one for each type.
UNKNOWN_MARKS = frozenset(
    {
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)
# The strings with which Pulumi's protocol marks special values, such as secrets. If the server's text equals one of
# these or of the above, Pulumi would misread it.
_SIGNATURES = frozenset(
    {
        "4dabf18193072939515e22adb298388d",
        "1b47061264138c4ac30d75fd1eb44270",
        "c44067f5952c0a294b673a41bacd8c17",
        "0def7320c3a5731c473e5ecbe6d01bc7",
        "5cf8f73096256a8f31e491e813e4eb8e",
        "d0e6a833031e9bbcd3f4e8bde6ca49a4",
    }
)

EXCERPT_LENGTH = 200
"""The maximum number of characters of the server's text that an error quotes."""

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
    r"""Return the text without control sequences, control characters and characters that change text direction.

    Line ends of every kind become ``\n``, tabs stay, lone surrogates become U+FFFD, and Pulumi's colour
    introducer ``<{%`` is broken with a space.
    """
    text = _LINE_ENDS.sub("\n", _SEQUENCES.sub("", text))
    text = _SURROGATES.sub("\ufffd", _UNPRINTABLE.sub("", text))
    return text.replace("<{%", "<{ %")


def unshowable(text: str) -> str | None:
    """Return the first character that `clean` removes or replaces; None if there is none."""
    return next((char for char in text if clean(char) != char), None)


def excerpt(text: str, length: int = EXCERPT_LENGTH) -> str:
    """Return the cleaned text on one line of at most `length` characters; ``…`` replaces what is cut off."""
    line = " ".join(clean(text).split()).replace("<{%", "<{ %")
    return line if len(line) <= length else line[: length - 1] + "…"


def is_engine_mark(text: str) -> bool:
    """Tell whether the text equals one of the Pulumi engine's markers, such as that of an unknown value."""
    return text in UNKNOWN_MARKS or text in _SIGNATURES


def quoted(name: str) -> str:
    """Return a name for use in a message: cleaned, shortened and in quotes."""
    return f"'{excerpt(name)}'"
