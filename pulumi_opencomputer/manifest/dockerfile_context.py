"""The files that a Dockerfile copies: which files a source means, and which of them Docker leaves out."""

from __future__ import annotations

import os
import posixpath
import re
import stat
import tarfile
from pathlib import Path

from ..content.local_files import scan_directory, scan_file
from ..errors import InvalidInputError, Problem
from .dockerfile_text import RefusedError
from .dockerignore import DockerIgnore, matching

_WILDCARD = re.compile(r"[*?\[\\]")
_ARCHIVE = re.compile(r"\.(tar(\.\w+)?|tgz|tbz2?|txz|tzst)\Z", re.IGNORECASE)


class Context:
    """The directory that COPY and ADD read from.

    Args:
        root: Its absolute path.
        dockerfile: The Dockerfile, which may have an ignore file of its own.

    Raises:
        InvalidInputError: A ``.dockerignore`` can't be read. Names its line.
    """

    def __init__(self, root: Path, dockerfile: Path) -> None:
        self._root, self._ignored = root, _ignored(dockerfile, root)

    def sources(self, raw: str, text: str) -> list[str]:
        """Return the paths below the context that a source means.

        Args:
            raw: The source as written in the file, for errors.
            text: The same with variables replaced by their values.

        Raises:
            RefusedError: There are none, or the pattern is invalid.
        """
        path = posixpath.normpath("/" + text).lstrip("/")
        try:
            found = matching(self._root, path, self._ignored) if _WILDCARD.search(path) else self._named(path)
        except re.error:
            raise RefusedError(f"names {raw[:80]}, which is not a valid pattern: close its brackets.") from None
        if not found:
            raise RefusedError(
                f"names {raw[:80]}, which is not in the context, or is left out by .dockerignore: check the path, or "
                "name the right directory in the argument context."
            )
        return list(found)

    def _named(self, path: str) -> list[str]:
        local = self._root / path
        if not path or (local.exists() and not self._ignored.ignores(path)):
            return [path]
        # A line with ! may include some files of an ignored directory again.
        return [path] if local.is_dir() and not self._ignored.left_out(self._root, path)[1] else []

    def local(self, raw: str, relative: str) -> Path:
        """Return the local file or directory of a path below the context.

        Raises:
            RefusedError: It is a link that leads out of the context.
        """
        local = self._root / relative
        if not Path(os.path.realpath(local)).is_relative_to(os.path.realpath(self._root)):
            raise RefusedError(f"names {raw[:80]}, a link that leads out of the context: put a copy in its place.")
        return local

    def left_out(self, relative: str) -> list[str]:
        """Return what is left out of a directory, as patterns of a ``.gitignore`` in it."""
        return self._ignored.left_out(self._root, relative)[0]


def executables(local: Path, target: str, ignore: list[str]) -> list[str]:
    """Return where the executable files of a file or directory go.

    Args:
        local: The file or directory.
        target: Its path in the image.
        ignore: Patterns of what is left out of a directory.

    Raises:
        LocalFileError: It can't be embedded.
    """
    if local.is_dir():
        entries = scan_directory(str(local), ignore).entries
        return [posixpath.join(target, each.relative) for each in entries if each.file.executable]
    return [target] if scan_file(str(local)).executable else []


def is_archive(local: Path) -> bool:
    """Tell whether ADD would unpack a file."""
    if _ARCHIVE.search(local.name):
        return True
    try:
        return stat.S_ISREG(local.stat().st_mode) and tarfile.is_tarfile(local)
    except OSError:
        return False


def text_of(file: Path, shown: str) -> str:
    """Return the text of a file.

    Args:
        file: The file.
        shown: Its path for errors.

    Raises:
        InvalidInputError: It can't be read, or is not text.
    """
    try:
        return file.read_bytes().decode("utf-8")
    except OSError as error:
        reason = f"can't be read: {error.strerror}."
    except UnicodeDecodeError:
        reason = "is not UTF-8 text."
    raise InvalidInputError([Problem(shown, reason)])


def _ignored(file: Path, context: Path) -> DockerIgnore:
    """Return the build's ignore rules: the Dockerfile's own, or the context's."""
    own = file.with_name(file.name + ".dockerignore")
    found = own if own.is_file() else context / ".dockerignore"
    try:
        return DockerIgnore(text_of(found, str(found)) if found.is_file() else "")
    except ValueError as error:
        if isinstance(error, InvalidInputError):
            raise
        number, _, reason = str(error).partition(" ")
        raise InvalidInputError([Problem(f"{found}:{number}", reason)]) from None
