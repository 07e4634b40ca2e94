"""A short digest of a step's local files, taken while their bytes pass by on their way into the content hash.

It tells people which step's files changed, and decides nothing: so a checksum is enough, which costs no second pass
over the bytes and hardly any time.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import TypeAlias

from .go_json import Blob, FileList
from .local_files import Directory, LocalFile

#: What a step's ``source`` names on this machine.
Local: TypeAlias = LocalFile | Directory


class FilesDigest:
    """The digest of one step's files."""

    def __init__(self) -> None:
        self._sum = 0

    def observed(self, found: Local) -> Blob | FileList:
        """What stands for the files in the step's arguments; once it has been read to the end, the digest is theirs.

        Read once, and in order: it is not meant for an upload, which may begin again.
        """
        if isinstance(found, LocalFile):
            return _Observed(self, "", found)
        return FileList([(relative, _Observed(self, relative, file)) for relative, file in found.entries])

    def begin(self, relative: str, size: int) -> None:
        """Add what tells one file from the next."""
        self._sum = zlib.crc32(f"{relative}\0{size}\0".encode(), self._sum)

    def add(self, chunk: bytes) -> None:
        """Add bytes of the file."""
        self._sum = zlib.crc32(chunk, self._sum)

    def hexdigest(self) -> str:
        """Eight hex digits."""
        return f"{self._sum:08x}"


class _Observed:
    """A file whose bytes are counted into a digest while they are read."""

    __slots__ = ("_digest", "_file", "_relative", "size")

    def __init__(self, digest: FilesDigest, relative: str, file: LocalFile) -> None:
        self._digest, self._relative, self._file = digest, relative, file
        self.size = file.size

    def chunks(self) -> Iterator[bytes]:
        """Yield the file's bytes."""
        self._digest.begin(self._relative, self.size)
        for chunk in self._file.chunks():
            self._digest.add(chunk)
            yield chunk
