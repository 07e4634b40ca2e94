"""What a run finds out about contents in the server's cache, so that its later builds need not find it out again."""

from __future__ import annotations

import threading


class ContentMemory:
    """What one run knows about contents, by content hash; thread-safe.

    Attributes:
        doubts: Held by the one job that looks up a doubtful content.
    """

    def __init__(self) -> None:
        self.doubts = threading.Lock()
        self._built: set[str] = set()
        self._cached: set[str] = set()
        self._useless: set[str] = set()
        self._lock = threading.Lock()

    def note_built(self, content_hash: str) -> None:
        """Note that the server has built a content for this run, so that its cache did not have it.

        If that happens twice, the server never serves the content from its cache.
        """
        with self._lock:
            if content_hash in self._built:
                self._useless.add(content_hash)
            self._built.add(content_hash)

    def note_cached(self, content_hash: str) -> None:
        """Note that the server serves a content from its cache."""
        with self._lock:
            self._cached.add(content_hash)

    def rule_out(self, content_hash: str) -> None:
        """Note that a content is blocked, or that its cache never has it: nothing should request it again."""
        with self._lock:
            self._useless.add(content_hash)

    def is_useless(self, content_hash: str) -> bool:
        """Tell whether a content is ruled out."""
        with self._lock:
            return content_hash in self._useless

    def is_built(self, content_hash: str) -> bool:
        """Tell whether the server has built a content for this run."""
        with self._lock:
            return content_hash in self._built

    def is_doubtful(self, content_hash: str) -> bool:
        """Tell whether this run has had a content built, and does not know yet whether the cache has it now."""
        with self._lock:
            return content_hash in self._built - self._cached - self._useless
