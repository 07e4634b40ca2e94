"""What the installed package says of itself: its version, and where its source is kept.

Both are set in pyproject.toml, and nowhere else.
"""

from __future__ import annotations

from functools import cache
from importlib import metadata

_DISTRIBUTION = "pulumi-opencomputer"


@cache
def version() -> str:
    """Return the version that is installed, or "unknown"."""
    try:
        return metadata.version(_DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "unknown"


@cache
def repository() -> str:
    """Return the address of the source's repository, without a slash at its end, or "" if the package names none."""
    try:
        urls: list[str] = metadata.metadata(_DISTRIBUTION).get_all("Project-URL") or []
    except metadata.PackageNotFoundError:
        return ""
    return dict(url.split(", ", 1) for url in urls).get("Repository", "")


def plugin_download_url() -> str:
    """Return where Pulumi finds the archives of the plugin, in the form of a schema's ``pluginDownloadURL``.

    Pulumi puts the version in, and appends ``/pulumi-resource-opencomputer-vVERSION-OS-ARCH.tar.gz``.
    """
    return f"{repository()}/releases/download/v${{VERSION}}" if repository() else ""
