"""Show this package's errors as the program's line and the message, without a traceback through the package."""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi.runtime.proto import engine_pb2_grpc
from pulumi.runtime.settings import SETTINGS

from ..engine.error_text import is_debugging
from ..errors import LocalFileError, OpenComputerError, raise_as
from ..manifest.places import here

_made: dict[type[OpenComputerError], type[OpenComputerError]] = {}


def show_plainly() -> None:
    """Make this package's errors end a program with just their message.

    Pulumi does this for its own `RunError`, and prints the whole traceback of any other exception. Has no effect in
    tests with mocks, in other processes, or while the provider is being debugged.
    """
    raise_as(_shown)


def _shown(kind: type[OpenComputerError]) -> type[OpenComputerError]:
    return _plain(kind) if runs_for_an_engine() and not is_debugging() else kind


def runs_for_an_engine() -> bool:
    """Tell whether a real engine runs this program, rather than a test with mocks."""
    # Mocks use an engine of a different class.
    return isinstance(SETTINGS.engine, engine_pb2_grpc.EngineStub)


def _plain(kind: type[OpenComputerError]) -> type[OpenComputerError]:
    if kind not in _made:
        _made[kind] = kind if issubclass(kind, pulumi.RunError) else _subclass(kind)
    return _made[kind]


def _subclass(kind: type[OpenComputerError]) -> type[OpenComputerError]:
    class Shown(kind, pulumi.RunError):  # type: ignore[misc,valid-type]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            # A file error is shown inside a Problem, and that already names the line.
            self._line = "" if isinstance(self, LocalFileError) else here().partition(" ")[0]

        def __str__(self) -> str:
            text = super().__str__()
            return f"{self._line}: {text}" if self._line else text

    Shown.__name__, Shown.__qualname__, Shown.__module__ = kind.__name__, kind.__qualname__, kind.__module__
    return Shown
