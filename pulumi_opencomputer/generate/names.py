"""Unique names in a program: a resource's name, variable and folder, and the configuration keys of its secrets."""

from __future__ import annotations

import keyword
import re
import unicodedata

_LONGEST = 80
# Variables and modules that the generated programs themselves use.
_TAKEN = ("base64", "config", "image", "manifest", "pulumi", "snapshot")
_ODD = re.compile(r"[^A-Za-z0-9_-]+")


class Names:
    """Gives out names that are unique even if case is ignored, since some file systems ignore it.

    Resources and configuration keys never share a name: in YAML, ``${name}`` refers to either.
    """

    def __init__(self) -> None:
        self._given = set(_TAKEN)

    def of(self, text: str) -> str:
        """Return a unique name made from a text, of ASCII letters, digits, ``-`` and ``_``.

        Its variable (see `identifier`) is unique as well.
        """
        plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
        base = _ODD.sub("-", plain).strip("-_")[:_LONGEST] or "snapshot"
        base = base if base[0].isalpha() else f"snapshot-{base}"
        return self._free(base, "-")

    def key(self, base: str) -> str:
        """Return a unique configuration key: the given one, with a number at its end if it is taken."""
        return self._free(base, "")

    def _free(self, base: str, before_number: str) -> str:
        name, number = base, 2
        while identifier(name).lower() in self._given:
            name, number = f"{base}{before_number}{number}", number + 1
        self._given.add(identifier(name).lower())
        return name


def identifier(name: str) -> str:
    """Return the Python variable for a name; one that is a Python keyword gets a ``_`` at the end."""
    found = name.replace("-", "_")
    return f"{found}_" if keyword.iskeyword(found) or keyword.issoftkeyword(found) else found


def config_key(name: str, *parts: str) -> str:
    """Return a configuration key for a value of a resource, such as ``agentsToken``."""
    words: list[str] = re.findall(r"[A-Za-z0-9]+", " ".join([name, *parts]))
    first, *rest = words
    return first[0].lower() + first[1:] + "".join(word[0].upper() + word[1:].lower() for word in rest)
