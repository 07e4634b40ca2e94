"""Every error that this package raises.

::

    OpenComputerError
    ├── ConfigurationError
    ├── InvalidInputError (a ValueError too)
    ├── UnresolvedOutputError (a TypeError too)
    ├── LocalFileError
    ├── ContentChangedError
    ├── RunCancelledError
    └── APIError
        ├── AuthenticationError
        ├── InvalidRequestError
        ├── NotFoundError
        ├── ConflictError
        ├── UnavailableError
        │   └── StreamLostError
        ├── TimedOutError
        │   └── BuildBlockedError
        ├── ProtocolError
        │   └── AnswerTooLargeError
        └── BuildFailedError

A message is one or more plain sentences for the person at the terminal: what is wrong, where, and what to do. It
never contains an API key or the value of a secret. It ends with the stable code of its class; docs/errors.md explains
every code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

_CODE_AT_END = re.compile(r"\(OC\d{4}\)$")


class OpenComputerError(Exception):
    """The base class of all errors of this package.

    Attributes:
        code: The code of this kind of error, such as ``OC1001``. It is part of every message and never changes.
    """

    code = "OC1000"

    _raised_as: Callable[[type[OpenComputerError]], type[OpenComputerError]] | None = None

    def __new__(cls, *args: Any, **_: Any) -> OpenComputerError:
        """Create an instance of the class that `raise_as` chooses for this process."""
        change = OpenComputerError._raised_as
        return super().__new__(change(cls) if change else cls, *args)

    def __str__(self) -> str:
        return _with_code(super().__str__(), self.code)

    def add_hint(self, text: str) -> None:
        """Append a sentence to the message, for the person at the terminal."""
        first, *rest = self.args or ("",)
        self.args = (f"{first} {text}", *rest)


def raise_as(change: Callable[[type[OpenComputerError]], type[OpenComputerError]]) -> None:
    """Make every error an instance of a subclass that displays it differently.

    Args:
        change: Returns the subclass for an error's class, or the class itself. Called each time an error is created.
    """
    OpenComputerError._raised_as = staticmethod(change)


def _with_code(message: str, code: str) -> str:
    # A message that quotes another error ends with that error's code, which is more specific; keep it.
    return message if _CODE_AT_END.search(message) else f"{message} ({code})"


class ConfigurationError(OpenComputerError):
    """A setting (API key, address, SDK version) is missing or invalid."""

    code = "OC1001"


class Problem(NamedTuple):
    """One problem with an input.

    Attributes:
        path: The input's path in the declared form, such as ``manifest.steps[1].aptInstall[0]``.
        reason: What is wrong and what to do. Never includes the value itself.
    """

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}" if self.path else self.reason

    def as_failure(self) -> str:
        """Return the message for a failed check: the problem, followed by the code of `InvalidInputError`."""
        return _with_code(str(self), InvalidInputError.code)


class InvalidInputError(OpenComputerError, ValueError):
    """An input was rejected before any request was sent.

    Attributes:
        problems: Every problem found, in the order of the manifest.
    """

    code = "OC1002"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))


class UnresolvedOutputError(OpenComputerError, TypeError):
    """The content of a manifest was requested outside of a resource, but the manifest contains a Pulumi Output."""

    code = "OC1003"


class LocalFileError(OpenComputerError):
    """A local file or directory can't be embedded.

    Attributes:
        relative: The POSIX path of the file relative to the directory that was named; empty for the directory itself.
    """

    code = "OC1004"

    def __init__(self, reason: str, relative: str = "") -> None:
        super().__init__(reason)
        self.relative = relative


class ContentChangedError(OpenComputerError):
    """A local file changed between the plan and the upload, so the request was aborted."""

    code = "OC1005"


class RunCancelledError(OpenComputerError):
    """The run was cancelled before this resource's build had begun, or while it waited for another build."""

    code = "OC1006"

    def __init__(self) -> None:
        super().__init__(
            "The run was cancelled before this was built. Nothing was lost: run the same command again; what the "
            "server has built by then is taken from its cache."
        )


class APIError(OpenComputerError):
    """The OpenComputer API returned an error, gave an invalid response, or did not respond.

    Attributes:
        message: What is wrong and what to do, as worded by this package.
        status: The HTTP status, or None if there was no response or the error came in a stream.
        text: The server's own message, cleaned of control sequences; `str` shows it after `message`. It may repeat
            parts of the request. Empty if the server sent none or it is withheld.
        perhaps_done: Whether a delete may have been carried out all the same, because an answer to it was lost.
    """

    code = "OC1100"
    perhaps_done = False

    def __init__(self, message: str, *, status: int | None = None, text: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.text = text

    def __str__(self) -> str:
        message = _with_code(self.message, self.code)
        return f"{message} The server said: {self.text}" if self.text else message

    def reword(self, message: str) -> None:
        """Replace the message; the server's own text stays."""
        self.message = message
        self.args = (message,)

    def add_hint(self, text: str) -> None:
        """Append a sentence to the message, for the person at the terminal."""
        self.reword(f"{self.message} {text}")

    def withhold(self, reason: str) -> None:
        """Drop the server's text, which may repeat a secret, and append `reason`, which says why it is not shown."""
        if self.text:
            self.text = ""
            self.add_hint(reason)


class AuthenticationError(APIError):
    """The API key is missing, unknown to the server, or not allowed to do this (401, 403)."""

    code = "OC1101"


class InvalidRequestError(APIError):
    """The server refused the request's content (400, 413, 422 and other 4xx)."""

    code = "OC1102"


class NotFoundError(APIError):
    """The server has no such record (404).

    Attributes:
        is_of_the_cell: Whether the response came from the server that stores the records, so that it can be trusted,
            rather than from the public endpoint's index, which lags behind.
    """

    code = "OC1103"
    is_of_the_cell = False


class ConflictError(APIError):
    """The snapshot's name is taken (409), or was taken by someone else during the build."""

    code = "OC1104"


class UnavailableError(APIError):
    """The server can't be reached or can't serve now (connection errors, 429, 5xx).

    Attributes:
        retry_after: The seconds after which the server asks for a retry, or None if it did not say.
        has_begun: Whether the server had reported anything about the build before the error.
        from_cache: Whether the server had reported that the content comes from its cache.
        most_attempts: The number of attempts after which further ones are pointless, or None if there is no limit.
    """

    code = "OC1105"

    has_begun = False
    from_cache = False
    most_attempts: int | None = None

    def __init__(
        self, message: str, *, status: int | None = None, text: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(message, status=status, text=text)
        self.retry_after = retry_after


class StreamLostError(UnavailableError):
    """The connection of a build was lost before the build's outcome was known.

    Attributes:
        sent: Whether the whole request was sent. If so, the server may be building or may have finished; if not, no
            build has begun, and it is safe to retry.
    """

    code = "OC1106"

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class TimedOutError(APIError):
    """The server did not respond, or a build did not end, within the time limit."""

    code = "OC1107"


class BuildBlockedError(TimedOutError):
    """The server waited in vain for another build of the same content, which may still be running or may be lost."""

    code = "OC1108"


class ProtocolError(APIError):
    """The response violates the API: it is malformed, too large, or about another record."""

    code = "OC1109"


class AnswerTooLargeError(ProtocolError):
    """The response is larger than the limit; the rest of it was not read."""

    code = "OC1110"


class BuildFailedError(APIError):
    """A step of the build failed on the server.

    Attributes:
        step: The step's number as in the build log, counted from 1; None if the server did not name the step.
        step_type: The step's type in the API (``apt_install``, ``run``, …), or None.
        exit_code: The exit code of the step's command, or None.
        place: Where the program declares the step, such as ``__main__.py:14 .pip_install(["nump"])``; empty if
            unknown.
        hint: The probable cause, and what to do; empty if unknown.
        last_lines: The last lines of the build's output that the server sent.
    """

    code = "OC1111"

    place = ""
    hint = ""
    last_lines: tuple[str, ...] = ()

    def __init__(
        self,
        message: str,
        *,
        step: int | None = None,
        step_type: str | None = None,
        exit_code: int | None = None,
        text: str = "",
    ) -> None:
        super().__init__(message, text=text)
        self.step = step
        self.step_type = step_type
        self.exit_code = exit_code

    def __str__(self) -> str:
        if not (self.place or self.hint or self.last_lines):
            return super().__str__()
        said = f"The server said: {self.text}" if self.text else ""
        more = [self.place and f"at {self.place}", self.hint, said]
        if self.last_lines:
            more += ["The last lines of the build:", *(f"| {line}" for line in self.last_lines)]
        below = "\n".join(part for part in more if part).replace("\n", "\n  ")
        return f"{_with_code(self.message, self.code)}\n  {below}"
