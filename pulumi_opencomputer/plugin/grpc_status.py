"""Which gRPC status an error has.

The engine takes INTERNAL and UNKNOWN for "the resource may be in any state" and keeps a pending operation for the
user to clear, so they are left for errors that nobody foresaw.
"""

from __future__ import annotations

import os
import traceback

from grpc import StatusCode

from ..errors import (
    AuthenticationError,
    BuildFailedError,
    ConfigurationError,
    ConflictError,
    ContentChangedError,
    InvalidInputError,
    InvalidRequestError,
    LocalFileError,
    NotFoundError,
    OpenComputerError,
    RunCancelledError,
    TimedOutError,
    UnavailableError,
)
from ..sanitize import clean

# The first that fits counts.
_CODES: tuple[tuple[type[OpenComputerError], StatusCode], ...] = (
    (InvalidInputError, StatusCode.INVALID_ARGUMENT),
    (InvalidRequestError, StatusCode.INVALID_ARGUMENT),
    (LocalFileError, StatusCode.INVALID_ARGUMENT),
    (AuthenticationError, StatusCode.UNAUTHENTICATED),
    (NotFoundError, StatusCode.NOT_FOUND),
    (ConflictError, StatusCode.ALREADY_EXISTS),
    (TimedOutError, StatusCode.DEADLINE_EXCEEDED),
    (UnavailableError, StatusCode.UNAVAILABLE),
    (RunCancelledError, StatusCode.CANCELLED),
    (ContentChangedError, StatusCode.ABORTED),
    (ConfigurationError, StatusCode.FAILED_PRECONDITION),
    (BuildFailedError, StatusCode.FAILED_PRECONDITION),
    (OpenComputerError, StatusCode.FAILED_PRECONDITION),
)


def status_of(error: BaseException) -> tuple[StatusCode, str]:
    """The status of an error, and its text: one or more plain sentences."""
    if isinstance(error, OpenComputerError):
        return next(code for kind, code in _CODES if isinstance(error, kind)), clean(str(error))
    if isinstance(error, NotImplementedError):
        return StatusCode.UNIMPLEMENTED, clean(str(error))
    return StatusCode.INTERNAL, _unforeseen(error)


def _unforeseen(error: BaseException) -> str:
    if os.environ.get("OPENCOMPUTER_DEBUG", "") not in ("", "0"):
        return clean("".join(traceback.format_exception(error)))
    # Its text may quote anything, a secret too.
    return (
        f"The opencomputer plugin met an error that it does not know ({type(error).__name__}). This is a mistake in "
        "the plugin; OPENCOMPUTER_DEBUG=1 in the environment shows where."
    )
