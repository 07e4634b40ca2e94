"""What a snapshot is called in a program: a resource's name, a variable and a folder, each of them there once."""

from __future__ import annotations

import keyword
import re
import unicodedata

_LONGEST = 80
# What the generated programs use themselves.
_TAKEN = ("base64", "config", "image", "manifest", "pulumi", "snapshot")
_ODD = re.compile(r"[^A-Za-z0-9_-]+")


class Names:
    """Gives each name once, whatever the case of its letters: some file systems and readers don't tell it."""

    def __init__(self) -> None:
        self._given = set(_TAKEN)

    def of(self, text: str) -> str:
        """A name of ASCII letters, digits, ``-`` and ``_`` that is like a text, and has an identifier of its own."""
        plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
        base = _ODD.sub("-", plain).strip("-_")[:_LONGEST] or "snapshot"
        base = base if base[0].isalpha() else f"snapshot-{base}"
        name, number = base, 2
        while identifier(name).lower() in self._given:
            name, number = f"{base}-{number}", number + 1
        self._given.add(identifier(name).lower())
        return name


def identifier(name: str) -> str:
    """The Python variable of a name."""
    found = name.replace("-", "_")
    return f"{found}_" if keyword.iskeyword(found) or keyword.issoftkeyword(found) else found


def config_key(name: str, *parts: str) -> str:
    """A key of the stack's configuration, as ``agentsToken``, for a value of a resource."""
    words: list[str] = re.findall(r"[A-Za-z0-9]+", " ".join([name, *parts]))
    first, *rest = words
    return first[0].lower() + first[1:] + "".join(word[0].upper() + word[1:].lower() for word in rest)
