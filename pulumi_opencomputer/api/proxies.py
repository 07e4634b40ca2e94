"""Which proxy a request uses, according to the environment.

The HTTP library fails on a NO_PROXY that it can't parse. Here the decision is made once for the client's one address,
and entries that can't be parsed are skipped.
"""

from __future__ import annotations

import ipaddress
import re
import sys
from contextlib import suppress
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from ..config import is_loopback

_PORTS = {"https": 443, "http": 80}
_ENTRY = re.compile(r"(?:[a-z][a-z0-9+.-]*://)?(?:\[(?P<v6>[^\]]*)\]|(?P<host>[^:/]*|.*:.*:.*?))(?::(?P<port>\d+))?")


def proxy_of(url: str) -> str | None:
    """Return the address of the proxy for a URL; None if there is none, or NO_PROXY excludes the URL.

    Loopback addresses never use a proxy: it could not reach them and must not see their requests.
    """
    if is_loopback(url):
        return None
    proxies = getproxies()
    parts = urlsplit(url)
    found = proxies.get(parts.scheme) or proxies.get("all")
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    if not found or _goes_around(host, port, proxies.get("no", "")) or _system_goes_around(host):
        return None
    return found if "://" in found else f"http://{found}"


def shown(proxy: str) -> str:
    """Return a proxy's address for a message, without user name, password and path."""
    parts = urlsplit(proxy)
    with suppress(ValueError):
        return f"{parts.scheme}://{parts.hostname}{'' if parts.port is None else f':{parts.port}'}"
    return f"{parts.scheme}://…"


def _goes_around(host: str, port: int, no_proxy: str) -> bool:
    return any(_covers(entry, host, port) for entry in re.split(r"[,\s]+", no_proxy.lower()) if entry)


def _covers(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    if "/" in entry.partition("://")[2] or ("/" in entry and "://" not in entry):
        return _covers_network(entry, host)
    match = _ENTRY.fullmatch(entry)
    if not match or (match["port"] and int(match["port"]) != port):
        return False
    name = match["v6"] if match["v6"] is not None else match["host"]
    with suppress(ValueError):
        return ipaddress.ip_address(name) == ipaddress.ip_address(host)
    name = name.removeprefix("*").strip(".")
    return bool(name) and (host.rstrip(".") == name or host.rstrip(".").endswith(f".{name}"))


def _covers_network(entry: str, host: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry.replace("[", "").replace("]", ""), strict=False)
    return False


def _system_goes_around(host: str) -> bool:
    """Tell whether the settings of macOS or Windows exclude the host from proxies."""
    return sys.platform in ("darwin", "win32") and bool(proxy_bypass(host))
