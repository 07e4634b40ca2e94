"""The bytes of a request, stored so that they can be sent again even if the local files have changed since."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from types import TracebackType

from ..errors import LocalFileError
from .build_call import BuildBody

IN_MEMORY = 8 * 1024 * 1024
"""The maximum number of bytes kept in memory. Larger bodies are stored in a temporary file."""

_BLOCK = 256 * 1024


class SpooledBody:
    """A build request's body that is read from its sources only once. A context manager.

    The first iteration stores the bytes while it yields them, and later ones yield the stored bytes. If an iteration is
    abandoned, or a file changed meanwhile, the next one reads the sources again. The temporary file has no name, and
    only this user can read it.

    Attributes:
        name: The snapshot's name.
        size: The body's length in bytes.
        content_hash: The content hash that the built record must have.
    """

    def __init__(self, body: BuildBody) -> None:
        """Prepare the body; nothing is read.

        Args:
            body: The body to store.
        """
        self.name = body.name
        self.size = body.size
        self.content_hash = body.content_hash
        self._body = body
        self._file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - it is closed with this object
        self._is_complete = False

    def __enter__(self) -> SpooledBody:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[bytes]:
        """Yield the body.

        Raises:
            ContentChangedError: A local file changed since the plan. The last chunk is not yielded.
            LocalFileError: The temporary file can't be written.
        """
        return self._read() if self._is_complete else self._fill()

    def _fill(self) -> Iterator[bytes]:
        self._keep(None)
        for chunk in self._body:
            self._keep(chunk)
            yield chunk
        # Not reached if the iteration was abandoned, or if the content changed, because then the body raises.
        self._is_complete = True

    def _read(self) -> Iterator[bytes]:
        self._file.seek(0)
        while block := self._file.read(_BLOCK):
            yield block

    def _keep(self, chunk: bytes | None) -> None:
        try:
            if chunk is None:
                self._file.seek(0)
                self._file.truncate()
            else:
                self._file.write(chunk)
        except OSError as error:
            raise LocalFileError(
                f"The upload of {self.size / 1e6:,.0f} MB can't be stored in a temporary file ({error.strerror})."
                " Nothing was changed. Free some space in the folder for temporary files, or set TMPDIR to another"
                " folder."
            ) from error
