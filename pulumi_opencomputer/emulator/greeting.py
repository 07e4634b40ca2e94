"""The emulator's message when it starts: its address, what to export, and what it does not do."""

from __future__ import annotations

from urllib.parse import urlsplit

from ..about import version
from .options import Options

DEFAULT_KEY = "local"
_NOT_DONE = """\
Builds are simulated: nothing is downloaded, installed or run. Mistakes that can be found without that fail as on the
service (a command's syntax, a requirement, a path); a package that does not exist builds here, but fails there."""


def greeting(url: str, options: Options) -> str:
    """Return the message for the person who started the emulator. It shows no key except the default one."""
    address = local_address(url)
    return "\n".join(
        [
            f"OpenComputer emulator {version()}. A page that shows what happens: {address}/",
            "",
            *_exports(address, options),
            "",
            _NOT_DONE,
            _kept(options),
            "Ctrl-C ends it.",
        ]
    )


def local_address(url: str) -> str:
    """Return the URL with a loopback address in place of one that means all addresses."""
    parts = urlsplit(url)
    any_address = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104
    host = any_address.get(parts.hostname or "")
    return f"{parts.scheme}://{host}:{parts.port}" if host else url


def _exports(address: str, options: Options) -> list[str]:
    if options.api_keys == (DEFAULT_KEY,):
        return [
            f"  export OPENCOMPUTER_API_URL={address} OPENCOMPUTER_API_KEY={DEFAULT_KEY}            # sh, bash, zsh",
            f'  $env:OPENCOMPUTER_API_URL="{address}"; $env:OPENCOMPUTER_API_KEY="{DEFAULT_KEY}"    # PowerShell',
        ]
    return [
        f"  export OPENCOMPUTER_API_URL={address}          # sh, bash, zsh",
        f'  $env:OPENCOMPUTER_API_URL="{address}"          # PowerShell',
        "and OPENCOMPUTER_API_KEY, set to the key that this emulator was given.",
    ]


def _kept(options: Options) -> str:
    if options.data is None:
        return "Records are kept in memory and are gone when it ends; --data DIR keeps them in a folder."
    return f"Records are kept in {options.data}."
