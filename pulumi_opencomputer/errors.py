"""Every error that this package raises, as one tree under :class:`OpenComputerError`.

A message is one or more plain sentences for the person at the terminal: what is wrong, where, and
what to do. It never holds an API key or the value of a secret.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class OpenComputerError(Exception):
    """The base of all errors of this package."""


class ConfigurationError(OpenComputerError):
    """A setting (API key, address, SDK version) is missing or can't be used."""


class Problem(NamedTuple):
    """One mistake in an input.

    Attributes:
        path: Where it stands in the declared form, as ``manifest.steps[1].aptInstall[0]``.
        reason: What is wrong and what to do, without the value itself.
    """

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}" if self.path else self.reason


class InvalidInputError(OpenComputerError, ValueError):
    """An input was refused before anything was sent.

    Attributes:
        problems: Every mistake found, in the order of the manifest.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))


class UnresolvedOutputError(OpenComputerError, TypeError):
    """A manifest that holds a Pulumi Output was asked for its content outside of a resource."""


class LocalFileError(OpenComputerError):
    """A local file or directory can't be embedded.

    Attributes:
        relative: The POSIX path of what can't be, below the directory that was named; empty for that itself.
    """

    def __init__(self, reason: str, relative: str = "") -> None:
        super().__init__(reason)
        self.relative = relative


class ContentChangedError(OpenComputerError):
    """A local file changed between the plan and the upload; the request was given up unfinished."""


class RunCancelledError(OpenComputerError):
    """The run was cancelled before this resource's build had begun, or while it waited for another's."""

    def __init__(self) -> None:
        super().__init__(
            "The run was cancelled before this was built. Nothing was lost: run the same command again; what the "
            "server has built by then is taken from its cache."
        )


class APIError(OpenComputerError):
    """The OpenComputer API answered with an error, or did not answer as it should.

    Attributes:
        message: What is wrong and what to do, in our own words.
        status: The HTTP status, or None where there was no answer, or the error came in a stream.
        text: The server's own words, cleaned of control sequences, which `str` shows behind the message; they
            may repeat what was sent. Empty where there are none or they are withheld.
    """

    def __init__(self, message: str, *, status: int | None = None, text: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.text = text

    def __str__(self) -> str:
        return f"{self.message} The server said: {self.text}" if self.text else self.message

    def withhold(self, reason: str) -> None:
        """Drop the server's words, which may repeat a secret; `reason` says why they are not shown."""
        if self.text:
            self.text = ""
            self.message = f"{self.message} {reason}"
            self.args = (self.message,)


class AuthenticationError(APIError):
    """The API key is missing at the server, unknown to it, or not allowed to do this (401, 403)."""


class InvalidRequestError(APIError):
    """The server refused the request's content (400, 413, 422 and other 4xx)."""


class NotFoundError(APIError):
    """The server has no such row (404)."""


class ConflictError(APIError):
    """The snapshot's name is taken (409), or was taken by another during the build."""


class UnavailableError(APIError):
    """The server can't be reached or can't serve now (connection errors, 429, 5xx).

    Attributes:
        retry_after: The seconds after which the server wants to be asked again, or None if it did not say.
        has_begun: Whether the server had said anything of a build before.
        from_cache: Whether it had said that the content comes from its cache.
    """

    has_begun = False
    from_cache = False

    def __init__(
        self, message: str, *, status: int | None = None, text: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(message, status=status, text=text)
        self.retry_after = retry_after


class StreamLostError(UnavailableError):
    """The connection of a build broke off before the build's outcome was known.

    Attributes:
        sent: Whether the whole request went out. If so the server may be building, or have built; if not, it
            has nothing, and the request may be made again.
    """

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class TimedOutError(APIError):
    """The server did not answer, or a build did not end, within its time limit."""


class BuildBlockedError(TimedOutError):
    """The server waited in vain for another build of the same content, alive or lost for good."""


class ProtocolError(APIError):
    """The answer is not what the API promises: malformed, too large, or about another row."""


class AnswerTooLargeError(ProtocolError):
    """The answer holds more bytes than were allowed for; it was not read to its end."""


class BuildFailedError(APIError):
    """A step of the build failed on the server.

    Attributes:
        step: The step's number as the build log counts, from 1; None where the server named none.
        step_type: The API's type of the step (``apt_install``, ``run``, …), or None.
        exit_code: The exit code of the step's command, or None.
    """

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
