"""OpenComputer's sandbox images and snapshots as Pulumi resources.

``Manifest`` describes what an image contains, ``Image`` builds it, ``Snapshot`` gives it a name.
"""

from __future__ import annotations

import atexit
import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import (
        APIError,
        AuthenticationError,
        BuildBlockedError,
        BuildFailedError,
        ConfigurationError,
        ConflictError,
        ContentChangedError,
        InvalidInputError,
        InvalidRequestError,
        NotFoundError,
        OpenComputerError,
        Problem,
        ProtocolError,
        TimedOutError,
        UnavailableError,
        UnresolvedOutputError,
    )
    from .manifest.builder import Manifest
    from .program.functions import SnapshotInfo, get_snapshot, list_snapshots
    from .program.manifest_types import ManifestDict
    from .program.resources import Image, Snapshot

    __version__: str

__all__ = [
    "APIError",
    "AuthenticationError",
    "BuildBlockedError",
    "BuildFailedError",
    "ConfigurationError",
    "ConflictError",
    "ContentChangedError",
    "Image",
    "InvalidInputError",
    "InvalidRequestError",
    "Manifest",
    "ManifestDict",
    "NotFoundError",
    "OpenComputerError",
    "Problem",
    "ProtocolError",
    "Snapshot",
    "SnapshotInfo",
    "TimedOutError",
    "UnavailableError",
    "UnresolvedOutputError",
    "get_snapshot",
    "list_snapshots",
]

_HOMES = {
    "Image": "program.resources",
    "Manifest": "manifest.builder",
    "ManifestDict": "program.manifest_types",
    "Snapshot": "program.resources",
    "SnapshotInfo": "program.functions",
    "get_snapshot": "program.functions",
    "list_snapshots": "program.functions",
}


def __getattr__(name: str) -> Any:
    """Load a public name on first use, so that the emulator and the provider's core work without pulumi."""
    if name == "__version__":
        return importlib.import_module(".about", __name__).version()
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_HOMES.get(name, 'errors')}", __name__), name)
    globals()[name] = value
    if name == "Manifest":
        atexit.register(_look_for_resources)
    return value


def _look_for_resources() -> None:
    """Warn if a Pulumi program has made manifests but declared no resource."""
    if "pulumi" in sys.modules and "opencomputer" in sys.modules:
        importlib.import_module(".program.undeclared", __name__).warn_if_nothing_is_declared()


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
