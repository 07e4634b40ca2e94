"""The package's version."""

from __future__ import annotations

from importlib import metadata


def version() -> str:
    """Return the version that is installed, or "unknown"."""
    try:
        return metadata.version("pulumi-opencomputer")
    except metadata.PackageNotFoundError:
        return "unknown"
