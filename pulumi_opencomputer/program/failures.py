"""Errors in a program, as its user sees them: the text with the program's own line, without a traceback of ours."""

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
    """Let the errors that this package raises in a program end it with their text alone.

    Pulumi does so for its own `RunError`, and shows the whole traceback of every other exception. Nothing changes in
    tests with mocks, in other processes, and while the provider is debugged.
    """
    raise_as(_shown)


def _shown(kind: type[OpenComputerError]) -> type[OpenComputerError]:
    return _plain(kind) if runs_for_an_engine() and not is_debugging() else kind


def runs_for_an_engine() -> bool:
    """Whether an engine runs this program, and not a test with mocks."""
    # The mocks' engine is of another class.
    return isinstance(SETTINGS.engine, engine_pb2_grpc.EngineStub)


def _plain(kind: type[OpenComputerError]) -> type[OpenComputerError]:
    if kind not in _made:
        _made[kind] = kind if issubclass(kind, pulumi.RunError) else _subclass(kind)
    return _made[kind]


def _subclass(kind: type[OpenComputerError]) -> type[OpenComputerError]:
    class Shown(kind, pulumi.RunError):  # type: ignore[misc,valid-type]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            # What is wrong with a file is told within a problem, which has the line.
            self._line = "" if isinstance(self, LocalFileError) else here().partition(" ")[0]

        def __str__(self) -> str:
            text = super().__str__()
            return f"{self._line}: {text}" if self._line else text

    Shown.__name__, Shown.__qualname__, Shown.__module__ = kind.__name__, kind.__qualname__, kind.__module__
    return Shown
