"""API keys, and the organisation of each."""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from starlette.requests import Request
from starlette.types import Scope

_STATE = "opencomputer.organisation"


class Keys:
    """The accepted keys, each with its own organisation.

    Args:
        keys: The keys. The position of a key determines the id of its organisation.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = [key.encode() for key in keys]

    def organisation(self, key: bytes) -> str | None:
        """Return the id of a key's organisation, or None for a key that is not accepted."""
        matches = [hmac.compare_digest(key, known) for known in self._keys]
        return f"00000000-0000-4000-8000-{matches.index(True) + 1:012d}" if True in matches else None


def key_of(scope: Scope) -> bytes:
    """Return the key of a request; empty if it has none."""
    return header(scope, b"x-api-key")


def header(scope: Scope, name: bytes) -> bytes:
    """Return the value of the first header with this name, given in lower case; empty if there is none."""
    return next((bytes(value) for given, value in scope["headers"] if given == name), b"")


def set_organisation(scope: Scope, org_id: str) -> Scope:
    """Return the request with its organisation attached."""
    return {**scope, _STATE: org_id}


def organisation_of(scope: Scope) -> str | None:
    """Return the organisation attached to a request, or None if none is attached yet."""
    found = scope.get(_STATE)
    return str(found) if found else None


def owner_of(request: Request) -> str:
    """Return the organisation attached to a request; empty if there is none."""
    return organisation_of(request.scope) or ""
