"""Which files of a build's context Docker ignores: the patterns of a ``.dockerignore``, and what they match.

The patterns differ from those of a ``.gitignore``: they begin at the context's root, ``**`` matches any text, and ``!``
includes a file of an ignored directory again. So they are not translated one by one. Instead, the files that they leave
out of a directory now are listed as patterns of a ``.gitignore``.
"""

from __future__ import annotations

import os
import posixpath
import re
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from .dockerfile_text import SPACES

_SET = re.compile(r"\[\^?[^]^*?/\\]+\]")
_BROKEN = re.compile(r"[\[\\]")
# Two stars at the start and no other special character: any path that ends like this, also within a name.
_ENDING = re.compile(r"\*\*[^/*?\[\]\\][^*?\[\]\\]*")


class DockerIgnore:
    """The patterns of a ``.dockerignore``.

    Args:
        text: Its text.

    Raises:
        ValueError: A line is not a valid pattern; the text begins with the line's number.
    """

    def __init__(self, text: str) -> None:
        self._rules = list(_rules(text))
        self._brings_back = any(not ignores for _, ignores in self._rules)

    def ignores(self, relative: str) -> bool:
        """Tell whether a path below the context is ignored, by itself or because a directory above it is."""
        parts = relative.split("/")
        paths = ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]
        for pattern, ignores in reversed(self._rules):
            if any(pattern.fullmatch(path) for path in paths):
                return ignores
        return False

    def left_out(self, context: Path, below: str) -> tuple[list[str], bool]:
        """Return what is left out of a directory.

        Args:
            context: The context's directory.
            below: The directory's path below it; empty for the context itself.

        Returns:
            Patterns of a ``.gitignore`` in that directory, with a single pattern for a subdirectory that is left out
            completely; and whether the directory itself is left out completely.
        """
        if not self._rules:
            return [], False
        skipped = self._skipped(context / below, below + "/" if below else "", len(below) + 1 if below else 0)
        return ([], True) if skipped is None else (skipped, False)

    def _skipped(self, directory: Path, prefix: str, cut: int) -> list[str] | None:
        """Return the patterns for one directory; None if all of it is left out."""
        own = bool(prefix) and self.ignores(prefix[:-1])
        if own and not self._brings_back:
            return None
        keeps, patterns = not own, []
        for entry in sorted(os.scandir(directory), key=lambda each: each.name):
            relative = prefix + entry.name
            # Docker sees the link, not its target.
            if entry.is_dir(follow_symlinks=False):
                found = self._skipped(Path(entry.path), relative + "/", cut)
            else:
                found = None if self.ignores(relative) else []
            keeps = keeps or found is not None
            mark = "/" if entry.is_dir(follow_symlinks=False) else ""
            patterns += [f"/{_literal(relative[cut:])}{mark}"] if found is None else found
        return patterns if keeps else None


def _rules(text: str) -> Iterator[tuple[re.Pattern[str], bool]]:
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        pattern = "" if line.startswith("#") else line.strip(SPACES)
        if not pattern:
            continue
        sign = "!" if pattern.startswith("!") else ""
        # Docker reads the ! again after it has cleaned the path, so that /!a counts as one.
        cleaned = _clean(pattern[len(sign) :])
        pattern = _clean(sign + (cleaned if cleaned == "/" else cleaned.removeprefix("/")))
        ignores = not pattern.startswith("!")
        try:
            yield _compiled(pattern.removeprefix("!")), ignores
        except re.error:
            raise ValueError(f"{number} is not a valid pattern.") from None


def _clean(pattern: str) -> str:
    bare = pattern.strip(SPACES)
    # normpath turns an empty path into a dot, and keeps two leading slashes.
    return re.sub("^/+", "/", posixpath.normpath(bare)) if bare else ""


def _compiled(pattern: str) -> re.Pattern[str]:
    """Return the regular expression that Docker makes from a pattern, so that unusual patterns mean the same.

    Raises:
        re.error: The pattern has brackets or escapes that Docker reads differently from what they say.
    """
    if not pattern or _BROKEN.search(_SET.sub("", re.sub(r"\\[^A-Za-z0-9]", "", pattern))):
        raise re.error("brackets or escapes")
    if _ENDING.fullmatch(pattern):
        return re.compile(".*" + re.escape(pattern[2:]))
    parts = re.findall(r"\*\*/?|\\.|.", pattern, re.DOTALL)
    regex = [_meaning(part) for part in parts]
    if parts[-1:] == ["**"]:
        regex[-1] = ".*"
    with warnings.catch_warnings():
        # `[[]` is a set with one bracket, but Python warns that a later version may read it differently.
        warnings.simplefilter("ignore", FutureWarning)
        return re.compile("".join(regex))


def _meaning(part: str) -> str:
    if part.startswith("**"):
        return "(?:.*/)?"
    if part in ("*", "?"):
        return "[^/]*" if part == "*" else "[^/]"
    # These characters make up a set, whose syntax is the same in Python.
    return part if part in ("[", "]", "^", "-") else re.escape(part[-1])


def _literal(path: str) -> str:
    """Return the pattern of a ``.gitignore`` that matches this path only."""
    return re.sub(r"([\\*?\[\]!# ])", r"\\\1", path)


def matching(context: Path, pattern: str, ignored: DockerIgnore) -> Sequence[str]:
    """Return the paths below the context that a source with wildcards matches, without ignored ones.

    Args:
        context: The context's directory.
        pattern: The source; each of its parts matches a name.
        ignored: The ignore rules.

    Raises:
        re.error: The pattern is invalid.
    """
    found = [""]
    for part in pattern.split("/"):
        test = _compiled(re.sub(r"\*+", "*", part))
        found = [
            f"{above}/{name}".lstrip("/")
            for above in found
            if (context / above).is_dir()
            for name in sorted(each.name for each in (context / above).iterdir())
            if test.fullmatch(name)
        ]
    return [path for path in found if not ignored.ignores(path)]
