"""Imports that come on top of ``import pulumi``."""

from __future__ import annotations

from collections.abc import Callable


def import_ours() -> Callable[[], object]:
    """The names that a program imports."""
    import pulumi  # noqa: F401, PLC0415

    def load() -> None:
        from pulumi_opencomputer import Image, Manifest, Snapshot  # noqa: F401, PLC0415

    return load


def import_others() -> Callable[[], object]:
    """What any provider of this kind would import."""
    import pulumi  # noqa: F401, PLC0415

    def load() -> None:
        import httpx  # noqa: F401, PLC0415
        import pydantic  # noqa: F401, PLC0415

    return load
