"""Local files: found, listed in a fixed order, and streamed. No bytes are kept.

What counts is names and bytes. Modes, times, the file system's order and the place of the directory
don't: the same files give the same listing everywhere.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

from .errors import ContentChangedError, LocalFileError

_BLOCK = 1024 * 1024

# O_NONBLOCK: a file that was swapped for a pipe must not hold the provider up. Both are absent on Windows.
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

_SPECIAL = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}

#: What tells one version of a file from another: device, inode, size, and times of content and inode in ns.
Fingerprint = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A regular file of this machine, as it was when it was looked at.

    Attributes:
        path: Its absolute path.
        size: Its bytes.
        executable: Whether its owner may execute it.
        fingerprint: What tells this version of it from another.
    """

    path: str
    size: int
    executable: bool
    fingerprint: Fingerprint

    def chunks(self) -> Iterator[bytes]:
        """Yield the file's bytes in blocks of at most 1 MB.

        Raises:
            ContentChangedError: It is not the version that was looked at.
        """
        try:
            descriptor = os.open(self.path, _OPEN_FLAGS)
        except OSError as error:
            raise self._changed() from error
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            self._compare(os.fstat(descriptor))
            total = 0
            while block := file.read(_BLOCK):
                total += len(block)
                yield block
            if total != self.size:
                raise self._changed()
            self._compare(os.fstat(descriptor))

    def _compare(self, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode) or _fingerprint(status) != self.fingerprint:
            raise self._changed()

    def _changed(self) -> ContentChangedError:
        return ContentChangedError(
            f"The local file {_shown(self.path)} changed after it was planned, so this was given up before a build. "
            "Run the same command again."
        )


class Entry(NamedTuple):
    """One file of a directory; `relative` is its POSIX path below it."""

    relative: str
    file: LocalFile


class Directory(NamedTuple):
    """The files of a directory, sorted by the code points of their relative paths.

    Attributes:
        entries: The files that are not ignored.
        total_bytes: The sum of their sizes.
    """

    entries: tuple[Entry, ...]
    total_bytes: int


def scan_file(source: str) -> LocalFile:
    """Look at one file; a link is followed.

    Raises:
        LocalFileError: It is missing, unreadable, or no regular file.
    """
    status = _status(source, "the file")
    if stat.S_ISDIR(status.st_mode):
        raise LocalFileError(f"the file {_shown(source)} is a directory; use add_local_dir for it.")
    return _local_file(source, status, f"the file {_shown(source)}")


def scan_directory(source: str, ignore: Sequence[str] = ()) -> Directory:
    """List the files of a directory and of those below it.

    Args:
        source: The directory; a link to one is followed.
        ignore: Patterns as in a ``.gitignore``. An ignored directory is not entered.

    Raises:
        LocalFileError: It is missing or unreadable, or holds what can't be embedded: a link that leaves it, leads
            nowhere or in a circle, a device, pipe or socket, a name that isn't UTF-8.
    """
    status = _status(source, "the directory")
    if not stat.S_ISDIR(status.st_mode):
        raise LocalFileError(f"the directory {_shown(source)} is no directory; use add_local_file for a file.")
    walk = _Walk(os.path.realpath(source), ignore)
    entries = sorted(walk.files(source, "", (os.path.realpath(source),)), key=attrgetter("relative"))
    return Directory(tuple(entries), sum(entry.file.size for entry in entries))


class _Walk:
    def __init__(self, root: str, ignore: Sequence[str]) -> None:
        self._root = root
        self._ignored = None
        if ignore:
            import pathspec  # noqa: PLC0415 - most directories have no patterns

            try:
                self._ignored = pathspec.GitIgnoreSpec.from_lines(ignore)
            except ValueError as error:
                raise LocalFileError("ignore holds a pattern that is no gitignore pattern.") from error

    def files(self, directory: str, prefix: str, above: tuple[str, ...]) -> Iterator[Entry]:
        """The files below one directory; `above` are the real paths on the way, to find circles of links."""
        for found in _entries(directory, prefix):
            relative = prefix + found.name
            link = found.is_symlink()
            folder = self._is_directory(found)
            if self._ignored is not None and self._ignored.match_file(relative + "/" if folder else relative):
                continue
            _require_utf8(relative)
            real = self._inside(found.path, relative) if link else found.path
            if not folder:
                yield Entry(relative, _local_file(found.path, _entry_status(found, relative), _shown(relative)))
                continue
            if link and real in above:
                raise LocalFileError(f"{_shown(relative)} is a link to a directory it lies in; {_ADVICE}", relative)
            yield from self.files(found.path, relative + "/", (*above, os.path.realpath(real) if link else real))

    def _is_directory(self, found: os.DirEntry[str]) -> bool:
        try:
            return found.is_dir()
        except OSError:
            return False

    def _inside(self, path: str, relative: str) -> str:
        real = os.path.realpath(path)
        if real != self._root and not real.startswith(self._root.rstrip(os.sep) + os.sep):
            raise LocalFileError(f"{_shown(relative)} is a link that leaves the directory; {_ADVICE}", relative)
        return real


_ADVICE = "put a file in its place, or add it to ignore."


def _entries(directory: str, prefix: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as found:
            return list(found)
    except OSError as error:
        where = _shown(prefix.rstrip("/") or directory)
        raise LocalFileError(f"the directory {where} can't be read: {error.strerror}.", prefix) from error


def _entry_status(found: os.DirEntry[str], relative: str) -> os.stat_result:
    try:
        return found.stat()
    except FileNotFoundError:
        raise LocalFileError(f"{_shown(relative)} is a link that leads nowhere; {_ADVICE}", relative) from None
    except OSError as error:
        raise LocalFileError(f"{_shown(relative)} can't be looked at: {error.strerror}; {_ADVICE}", relative) from error


def _status(source: str, noun: str) -> os.stat_result:
    _require_utf8(source)
    try:
        return os.stat(source)  # noqa: PTH116 - paths stay strings here: there may be 20,000
    except FileNotFoundError:
        raise LocalFileError(f"{noun} {_shown(source)} does not exist.") from None
    except OSError as error:
        raise LocalFileError(f"{noun} {_shown(source)} can't be looked at: {error.strerror}.") from error


def _local_file(path: str, status: os.stat_result, what: str) -> LocalFile:
    if not stat.S_ISREG(status.st_mode):
        kind = _SPECIAL.get(stat.S_IFMT(status.st_mode), "no regular file")
        raise LocalFileError(f"{what} is {kind}, which can't be embedded; {_ADVICE}")
    if not os.access(path, os.R_OK):
        raise LocalFileError(f"{what} can't be read: permission denied.")
    return LocalFile(path, status.st_size, bool(status.st_mode & stat.S_IXUSR), _fingerprint(status))


def _fingerprint(status: os.stat_result) -> Fingerprint:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _require_utf8(name: str) -> None:
    if not name.isascii():
        try:
            name.encode("utf-8")
        except UnicodeEncodeError:
            raise LocalFileError(f"the name {_shown(name)} is not UTF-8; rename the file, or ignore it.") from None


def _shown(path: str) -> str:
    """A path for a message: bytes that are no UTF-8 and control characters as escapes."""
    return path if path.isprintable() else ascii(path)
