"""Access control for the emulator's own addresses."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from .access import Keys, header, key_of
from .page.files import PREFIX as PAGE

HEALTH = "/health"
_HINT = "use a loopback address, or allow the name with --allowed-host"
_WRONG_NAME = f"the emulator does not answer under this name: {_HINT}"
_NO_KEY = "needs its key, in the header X-API-Key"


class Guard:
    """Admits requests to the emulator's own addresses.

    A request must be addressed to loopback or an allowed name, because a page on the internet can let its own name
    point here. Requests that change something also need a key, and so does reading from another machine.

    Args:
        keys: The keys of all organisations.
        allowed_hosts: Names besides loopback, ``*`` for any.
    """

    def __init__(self, keys: Keys, allowed_hosts: Sequence[str]) -> None:
        self._keys = keys
        self._allowed_hosts = {host.lower() for host in allowed_hosts}

    def refusal(self, scope: Scope) -> Response | None:
        """Return the response to a request that is refused; None if it is admitted."""
        if not self.knows_name(scope):
            return JSONResponse({"error": _WRONG_NAME}, 403)
        if self._keys.organisation(key_of(scope)) is not None:
            return None
        if scope["method"] not in ("GET", "HEAD"):
            return JSONResponse({"error": f"a request that changes the emulator {_NO_KEY}"}, 401)
        if _is_open(scope["path"]) or _is_loopback((scope.get("client") or ("",))[0]):
            return None
        return JSONResponse({"error": f"reading from another machine {_NO_KEY}"}, 401)

    def knows_name(self, scope: Scope) -> bool:
        """Tell whether a request is addressed to a name that the emulator accepts."""
        host = header(scope, b"host").decode("latin-1")
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        name = name.strip("[]").lower()
        return name in self._allowed_hosts or "*" in self._allowed_hosts or _is_loopback(name)


def _is_open(path: str) -> bool:
    # The health address, for clients that wait for the service to start, and the page, which asks for the key itself.
    return path in ("/", HEALTH) or path.startswith(PAGE)


def _is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
