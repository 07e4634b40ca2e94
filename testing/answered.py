"""Helpers for tests of the server's responses: a record as the server returns it, and a function to hide the key."""

from __future__ import annotations

KEY = "osb_1234567890"
HASH = "0123456789abcdef" * 4
RECORD = {
    "id": "record-1",
    "orgId": "org-1",
    "name": "tools",
    "contentHash": f"{HASH}:named:a:named:b",
    "checkpointId": "checkpoint-1",
    "manifest": {"base": "base", "steps": []},
    "status": "ready",
    "createdAt": "2026-08-01T10:00:00.5Z",
    "lastUsedAt": "2026-08-01T10:00:00Z",
}


def redact(value: str) -> str:
    """Return the text with the API key redacted."""
    return value.replace(KEY, "[API key]")
