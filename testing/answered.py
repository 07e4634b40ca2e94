"""What tests of the server's answers share: a record as it answers one, and what takes the key out of a text."""

from __future__ import annotations

KEY = "osb_1234567890"
HASH = "0123456789abcdef" * 4
ROW = {
    "id": "row-1",
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
    """Return the text without the key."""
    return value.replace(KEY, "[API key]")
