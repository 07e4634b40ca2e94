"""Imports in addition to ``import pulumi``."""

from __future__ import annotations

from collections.abc import Callable


def import_ours() -> Callable[[], object]:
    """Import the names that a program uses."""
    import pulumi  # noqa: F401, PLC0415

    def load() -> None:
        from pulumi_opencomputer import Image, Manifest, Snapshot  # noqa: F401, PLC0415

    return load


def import_others() -> Callable[[], object]:
    """Import what any provider of this kind needs."""
    import pulumi  # noqa: F401, PLC0415

    def load() -> None:
        import httpx  # noqa: F401, PLC0415
        import pydantic  # noqa: F401, PLC0415

    return load
