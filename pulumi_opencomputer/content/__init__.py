"""Bytes and hashes: the canonical JSON of a manifest, local files, and the body of a build request."""

from __future__ import annotations

from .hashing import content_hash

__all__ = ["content_hash"]
