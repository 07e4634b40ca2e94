"""Find local files, list them in a fixed order, and stream their bytes.

Names and bytes count. Modes, times, the file system's order and the place of the directory don't: the same files give
the same listing everywhere.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple, NoReturn, TypeAlias

from ..errors import ContentChangedError, LocalFileError
from .gitignore import IgnoreTest, ignore_test
from .go_json import Blob, FileList

# A multiple of three, so that the base64 of a block needs no bytes of the next one. Larger blocks are slower: they
# don't fit into the processor's cache, and the kernel clears new memory for each.
_BLOCK = 48 * 1024

# O_NONBLOCK: if a file was swapped for a pipe, opening it must not wait for a writer. Not every platform has every
# flag.
_FLAGS = ("O_RDONLY", "O_BINARY", "O_CLOEXEC", "O_NOCTTY", "O_NONBLOCK")
_OPEN_FLAGS = sum(getattr(os, flag, 0) for flag in _FLAGS)

_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFREG: "a file",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_IGNORE_IT = "add it to ignore"
_EMBED_LINK = f"put a copy of its target in its place, or {_IGNORE_IT}."

# How often links inside linked directories may lead to the same directory. Its files are embedded each time.
_MOST_CHAINED_LINKS = 50

# On Windows a directory listing has no inodes, and the executable bit means nothing.
_POSIX = os.name == "posix"
_AS_EFFECTIVE_USER = os.access in os.supports_effective_ids

#: Identifies a version of a file: device, inode, size, and the times of the last change of content and inode in ns.
Fingerprint: TypeAlias = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A regular file of this machine, as it was when it was listed.

    Attributes:
        path: Its absolute path.
        size: Its size in bytes.
        executable: Whether its owner may execute it; False on Windows.
        fingerprint: Identifies this version of the file.
    """

    path: str
    size: int
    executable: bool
    fingerprint: Fingerprint

    def as_value(self) -> Blob:
        """Return the value for a step's arguments, which is written as the file's base64."""
        return self

    def chunks(self) -> Iterator[bytes]:
        """Yield the file's bytes in blocks of at most 48 KB; each but the last is a multiple of three.

        Raises:
            ContentChangedError: The file changed since it was listed, before or while it was read.
            LocalFileError: The file can't be read.
        """
        if self.size < _BLOCK and (whole := self._at_once()) is not None:
            yield whole
            return
        descriptor = self._open()
        try:
            self._compare(descriptor)
            yield from self._blocks(descriptor)
            self._compare(descriptor)
        finally:
            os.close(descriptor)

    def _at_once(self) -> bytes | None:
        """Return the bytes of a small file with as few system calls as possible; None if a single read got too few."""
        descriptor = self._open()
        try:
            raw = os.read(descriptor, self.size + 1)
        except OSError as error:
            self._compare(descriptor)
            raise self._unreadable(error) from error
        else:
            # One check is enough, because it comes before any bytes are returned.
            self._compare(descriptor)
        finally:
            os.close(descriptor)
        if len(raw) > self.size:
            raise self._changed()
        return raw if len(raw) == self.size else None

    def _open(self) -> int:
        try:
            return os.open(self.path, _OPEN_FLAGS)
        except PermissionError as error:
            raise self._unreadable(error) from error
        except OSError as error:
            raise self._changed() from error

    def _blocks(self, descriptor: int) -> Iterator[bytes]:
        left = self.size
        try:
            while block := os.read(descriptor, min(_BLOCK, left)):
                left -= len(block)
                yield block
            # Some file systems report no size, or a wrong one.
            longer = os.read(descriptor, 1)
        except OSError as error:
            raise self._unreadable(error) from error
        if left or longer:
            raise self._changed()

    def _compare(self, descriptor: int) -> None:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or _fingerprint(status) != self.fingerprint:
            raise self._changed()

    def _changed(self) -> ContentChangedError:
        return ContentChangedError(
            f"The local file {_shown(self.path)} changed after it was listed. Run the same command again "
            "when nothing writes to it."
        )

    def _unreadable(self, error: OSError) -> LocalFileError:
        return LocalFileError(f"The local file {_shown(self.path)} can't be read: {error.strerror}.")


class Entry(NamedTuple):
    """One file of a directory; `relative` is its POSIX path below it."""

    relative: str
    file: LocalFile


@dataclass(frozen=True, slots=True)
class Directory:
    """The files of a directory, sorted by the code points of their relative paths.

    Attributes:
        entries: The files that are not ignored; may be none.
        total_bytes: The sum of their sizes.
    """

    entries: tuple[Entry, ...]
    total_bytes: int

    def as_value(self) -> FileList:
        """Return the value for a step's arguments, which is written as the list of its files."""
        return FileList(self.entries)


def scan_file(source: str) -> LocalFile:
    """Return one file. A link is followed, wherever it leads.

    Args:
        source: Its path.

    Raises:
        LocalFileError: It is missing, unreadable, or not a regular file. The message does not repeat `source`.
    """
    status = _source_status(source)
    if stat.S_ISDIR(status.st_mode):
        raise LocalFileError("is a directory, not a file; a directory is embedded with add_local_dir (addDir).")
    return _local_file(os.path.abspath(source), status, "")  # noqa: PTH100 - pathlib is slow in a walk


def scan_directory(source: str, ignore: Sequence[str] = ()) -> Directory:
    """List the files of a directory and everything below it.

    Links to files and directories inside the directory are followed; a link to a directory counts as a directory.
    Ignored files are not examined, and ignored directories are not entered. Directories without files are left out.

    Args:
        source: The directory's path; a link to one is followed.
        ignore: Patterns as in a ``.gitignore`` in that directory, one each.

    Raises:
        LocalFileError: It is missing or unreadable, a pattern is invalid, or something that is not ignored can't be
            embedded: a link that leads out of the directory, nowhere or in a circle, a device, pipe or socket, or a
            name that is not UTF-8. The message has the path below `source`, and does not repeat `source` or a pattern.
    """
    status = _source_status(source)
    if not stat.S_ISDIR(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "special")
        raise LocalFileError(f"is {kind}, not a directory; a file is embedded with add_local_file (addFile).")
    root = os.path.abspath(source)  # noqa: PTH100 - as above
    entries = tuple(sorted(_walk(root, ignore_test(ignore)), key=attrgetter("relative")))
    return Directory(entries, sum(entry.file.size for entry in entries))


# The walk uses strings, because there may be 20,000 files, and pathlib alone would double its time.


def _walk(root: str, is_ignored: IgnoreTest | None) -> Iterator[Entry]:
    real_root = os.path.realpath(root)
    reached: Counter[tuple[int, int]] = Counter()
    waiting = [(root, "", False)]
    while waiting:
        directory, prefix, behind_link = waiting.pop()
        for found in _listing(directory, prefix):
            name = found.name if found.name.isascii() else _as_utf8(found.name)
            relative = prefix + name
            is_directory = _is_directory(found)
            if is_ignored and is_ignored(relative, name, is_directory):
                continue
            if not name.isascii():
                _require_utf8(relative)
            is_link = found.is_symlink()
            if is_link:
                _check_link(found, relative, root, real_root)
            if is_directory:
                if is_link and behind_link:
                    _bound_links(found, relative, reached)
                waiting.append((found.path, relative + "/", behind_link or is_link))
            else:
                yield Entry(relative, _local_file(found.path, _status(found, relative), relative))


def _listing(directory: str, prefix: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as found:
            return list(found)
    except OSError as error:
        remedy = f", or {_IGNORE_IT}" if prefix else ""
        _refuse(prefix.removesuffix("/"), f"can't be listed: {error.strerror}; make it readable{remedy}.")


def _is_directory(found: os.DirEntry[str]) -> bool:
    try:
        return found.is_dir()
    except OSError:  # A link in a circle, or behind a directory that can't be entered: an error unless it is ignored.
        return False


def _status(found: os.DirEntry[str], relative: str) -> os.stat_result:
    try:
        return found.stat() if _POSIX else os.stat(found.path)  # noqa: PTH116
    except FileNotFoundError:
        _refuse(relative, "disappeared while the directory was read; run the same command again.")
    except OSError as error:
        _refuse(relative, f"can't be read: {error.strerror}; {_IGNORE_IT} if it is not needed.")


def _check_link(link: os.DirEntry[str], relative: str, root: str, real_root: str) -> None:
    real = os.path.realpath(link.path)
    if real != real_root and not real.startswith(real_root.rstrip(os.sep) + os.sep):
        _refuse(relative, f"is a link that leads out of the directory; {_EMBED_LINK}")
    try:
        status = os.stat(link.path)  # noqa: PTH116
    except FileNotFoundError:
        _refuse(relative, f"is a link that leads nowhere; remove it, or {_IGNORE_IT}.")
    except OSError as error:
        _refuse(relative, f"is a link that can't be followed: {error.strerror}; {_EMBED_LINK}")
    above = link.path
    while stat.S_ISDIR(status.st_mode) and above != root:
        above = os.path.dirname(above)  # noqa: PTH120
        if os.path.samestat(os.stat(above), status):  # noqa: PTH116
            _refuse(relative, f"is a link to a directory that contains the link; remove it, or {_IGNORE_IT}.")


def _bound_links(link: os.DirEntry[str], relative: str, reached: Counter[tuple[int, int]]) -> None:
    """Refuse a link if links inside linked directories lead to the same directory too often.

    If packages link to each other, each package can double the number of files, even without a circle.

    Raises:
        LocalFileError: They do.
    """
    status = _status(link, relative)
    target = (status.st_dev, status.st_ino)
    reached[target] += 1
    if reached[target] > _MOST_CHAINED_LINKS:
        _refuse(
            relative,
            f"is a link to a directory to which links inside linked directories lead more than {_MOST_CHAINED_LINKS} "
            f"times, which multiplies its files; {_IGNORE_IT}, or ignore the directory with these links.",
        )


def _source_status(source: str) -> os.stat_result:
    if not source or "\0" in source:
        raise LocalFileError("must be the path of a local file or directory: not empty, without a NUL character.")
    try:
        return os.stat(source)  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        raise LocalFileError(
            "does not exist on this machine; a relative path counts from the program's working directory."
        ) from None
    except (OSError, UnicodeEncodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "the path is not valid text"
        raise LocalFileError(f"can't be read: {reason}.") from None


def _local_file(path: str, status: os.stat_result, relative: str) -> LocalFile:
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "special")
        remedy = f"remove it, or {_IGNORE_IT}" if relative else "name a file"
        _refuse(relative, f"is {kind}, and only files can be embedded; {remedy}.")
    if not _is_readable(path, status):
        remedy = f", or {_IGNORE_IT}" if relative else ""
        _refuse(relative, f"can't be read: permission denied; make it readable{remedy}.")
    executable = _POSIX and bool(status.st_mode & stat.S_IXUSR)
    return LocalFile(path, status.st_size, executable, _fingerprint(status))


def _is_readable(path: str, status: os.stat_result) -> bool:
    if _POSIX and status.st_mode & stat.S_IRUSR and status.st_uid == os.geteuid():
        return True  # The usual case, without a system call.
    return os.access(path, os.R_OK, effective_ids=_AS_EFFECTIVE_USER)


def _fingerprint(status: os.stat_result) -> Fingerprint:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


# Names


def _as_utf8(name: str) -> str:
    """Return the name's bytes decoded as UTF-8, regardless of the locale; invalid bytes become lone surrogates."""
    return os.fsencode(name).decode("utf-8", "surrogateescape")


def _require_utf8(relative: str) -> None:
    try:
        relative.encode()
    except UnicodeEncodeError:
        _refuse(relative, f"has a name that is not UTF-8, which the server can't store; rename it, or {_IGNORE_IT}.")


def _refuse(relative: str, reason: str) -> NoReturn:
    """Raise a LocalFileError about the path `relative`, or about the source itself if that is empty."""
    shown = _shown(relative)
    raise LocalFileError(f"{shown} {reason}" if shown else reason, shown) from None


def _shown(path: str) -> str:
    """Return a path for a message; bytes that are not UTF-8 and unprintable characters become escapes."""
    return path if path.isprintable() else "".join(map(_shown_char, path))


def _shown_char(char: str) -> str:
    if "\udc80" <= char <= "\udcff":
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char if char.isprintable() else char.encode("unicode_escape").decode()
