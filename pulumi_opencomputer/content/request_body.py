"""The body of a build request, streamed, and hashed while it is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import ContentChangedError
from .go_json import canonical_value, tokens_size
from .hashing import Digest, chunks_of, fold_key, manifest_tokens

_HEAD = b'{"image":'

# Additional keys with these names would change the content, or give a name to the build's own record.
_RESERVED = frozenset({"base", "steps", "name"})


class BuildRequest:
    """The body of ``POST /api/snapshots``: a manifest, additional keys in it, and the snapshot's name.

    Iterating yields the JSON in chunks of up to about 2 MB, in constant memory, any number of times. The part for the
    manifest is exactly its canonical bytes. If what was sent does not have the planned hash, the last byte is never
    yielded, so the server has nothing to build. The manifest must not be changed meanwhile.

    Attributes:
        name: The snapshot's name.
        content_hash: The planned hash of the content.
        size: The number of bytes of the whole body, for ``Content-Length``.
    """

    def __init__(
        self,
        name: str,
        manifest: Mapping[str, Any],
        *,
        extra: Mapping[str, Any] | None = None,
        expected_hash: str,
    ) -> None:
        """Measure the body. No file is read yet.

        Args:
            name: The snapshot's name.
            manifest: The API's form; a value in a step's args may be a `Blob`.
            extra: Additional keys of the manifest, which the server keeps but does not hash.
            expected_hash: The planned content hash, 64 hexadecimal digits.

        Raises:
            ManifestEncodingError: The server could not decode this.
            ValueError: A key of `extra` would be read as part of the manifest, or would name the build's own record.
        """
        self.name = name
        self.content_hash = expected_hash
        self._tokens = tuple(manifest_tokens(manifest))
        self._tail = _tail(name, extra or {})
        # The manifest's closing brace is in the tail, after the extra keys.
        self.size = len(_HEAD) + tokens_size(self._tokens) - 1 + len(self._tail)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r}, content_hash={self.content_hash!r}, size={self.size})"

    def __iter__(self) -> Iterator[bytes]:
        """Yield the body.

        Raises:
            ContentChangedError: A local file has changed since the plan. The last byte is not yielded.
        """
        held = _HEAD
        with Digest() as digest:
            for chunk in chunks_of(self._tokens):
                yield held
                digest.update(chunk)
                held = chunk
            found = digest.hexdigest()
        if found != self.content_hash:
            raise ContentChangedError(
                "A local file changed between the plan and the upload, so nothing was built. "
                "Run the same command again."
            )
        yield held[:-1] + self._tail


def _tail(name: str, extra: Mapping[str, Any]) -> bytes:
    for key in extra:
        if fold_key(key) in _RESERVED:
            raise ValueError(f"the key {key!r} can't be sent beside a manifest's base and steps")
    members = canonical_value(extra)[1:-1]
    return (b"," + members if members else b"") + b'},"name":' + canonical_value(name) + b"}"
