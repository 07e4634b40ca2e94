"""SHA-256 of a stream, computed beside the thread that makes its bytes."""

from __future__ import annotations

import hashlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

# Handing a chunk over takes about as long as hashing this much.
_WORTH_IT = 64 * 1024

# Chunks on their way. More of them would not make it faster, only larger.
_AHEAD = 2


class Digest:
    """A SHA-256 that hashes large chunks in a thread of its own, while the next are read and encoded.

    A context manager: the thread ends with the block, however that ends. Memory is that of three chunks.
    """

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._under_way: deque[Future[None]] = deque()
        self._thread: ThreadPoolExecutor | None = None

    def __enter__(self) -> Digest:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread:
            self._thread.shutdown()

    def update(self, chunk: bytes) -> None:
        """Add bytes; waits where hashing is slower than what makes them."""
        if not self._thread:
            if len(chunk) < _WORTH_IT:
                self._hash.update(chunk)
                return
            self._thread = ThreadPoolExecutor(1, "digest")
        if len(self._under_way) == _AHEAD:
            self._under_way.popleft().result()
        self._under_way.append(self._thread.submit(self._hash.update, chunk))

    def hexdigest(self) -> str:
        """The hash of all bytes so far, 64 hex digits."""
        while self._under_way:
            self._under_way.popleft().result()
        return self._hash.hexdigest()
