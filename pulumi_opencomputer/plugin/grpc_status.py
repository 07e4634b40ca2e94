"""The gRPC status of each error.

For the engine, INTERNAL and UNKNOWN mean that the resource may be in any state, and it keeps a pending operation for
the user to clear. So only unexpected errors have these statuses.
"""

from __future__ import annotations

from grpc import StatusCode

from ..engine.error_text import text_of
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

# The first class that matches decides.
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
    """Return an error's status and its text, one or more plain sentences."""
    return _code_of(error), text_of(error)


def _code_of(error: BaseException) -> StatusCode:
    if isinstance(error, OpenComputerError):
        return next(code for kind, code in _CODES if isinstance(error, kind))
    return StatusCode.UNIMPLEMENTED if isinstance(error, NotImplementedError) else StatusCode.INTERNAL
