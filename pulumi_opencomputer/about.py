"""The installed package's version, and the address of its source repository.

Both are set in pyproject.toml and nowhere else.
"""

from __future__ import annotations

from functools import cache
from importlib import metadata

_DISTRIBUTION = "pulumi-opencomputer"


@cache
def version() -> str:
    """Return the installed version, or "unknown" if the package is not installed."""
    try:
        return metadata.version(_DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "unknown"


@cache
def repository() -> str:
    """Return the URL of the source repository without a trailing slash, or "" if the package names none."""
    try:
        urls: list[str] = metadata.metadata(_DISTRIBUTION).get_all("Project-URL") or []
    except metadata.PackageNotFoundError:
        return ""
    return dict(url.split(", ", 1) for url in urls).get("Repository", "")


def plugin_download_url() -> str:
    """Return the URL of the plugin's archives, in the form of a schema's ``pluginDownloadURL``; "" if unknown.

    Pulumi inserts the version, and appends ``/pulumi-resource-opencomputer-vVERSION-OS-ARCH.tar.gz``.
    """
    return f"{repository()}/releases/download/v${{VERSION}}" if repository() else ""
