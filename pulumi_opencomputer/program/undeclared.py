"""Warn if a program declares no resource because its ``Image`` is the OpenComputer SDK's, not this package's."""

from __future__ import annotations

import sys

from .failures import runs_for_an_engine

_WORDS = (
    "This program makes a Manifest but declares no Image or Snapshot of it, so nothing is built. Its Image is probably "
    "the opencomputer SDK's, which takes any arguments: write `from pulumi_opencomputer import Image, Snapshot`."
)


def warn_if_nothing_is_declared() -> None:
    """Warn, at the end of a program that made a manifest and loaded the SDK, if it declared no resource."""
    declaration = getattr(sys.modules.get(f"{__package__}.declarations"), "Declaration", None)
    if getattr(declaration, "any_declared", False) or not runs_for_an_engine():
        return
    from pulumi.runtime.proto import engine_pb2  # noqa: PLC0415 - only needed for a mistake
    from pulumi.runtime.settings import SETTINGS  # noqa: PLC0415

    # Pulumi's own log needs an event loop, which is closed by now.
    SETTINGS.engine.Log(engine_pb2.LogRequest(severity=engine_pb2.WARNING, message=_WORDS), timeout=5)
