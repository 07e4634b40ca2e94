"""Every error that this package raises, as one tree.

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

A message is one or more plain sentences for the person at the terminal: what is wrong, where, and what to do. It never
holds an API key or the value of a secret. Each class has a stable code, which stands behind the message and which
docs/errors.md explains.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

_CODE_AT_END = re.compile(r"\(OC\d{4}\)$")


class OpenComputerError(Exception):
    """The base of all errors of this package.

    Attributes:
        code: What names the kind of error in every message, as ``OC1001``; it never changes.
    """

    code = "OC1000"

    _raised_as: Callable[[type[OpenComputerError]], type[OpenComputerError]] | None = None

    def __new__(cls, *args: Any, **_: Any) -> OpenComputerError:
        """Make it of the class under which this process raises its kind."""
        change = OpenComputerError._raised_as
        return super().__new__(change(cls) if change else cls, *args)

    def __str__(self) -> str:
        return _with_code(super().__str__(), self.code)

    def add_hint(self, text: str) -> None:
        """Add a sentence to the message, for whoever reads it at the terminal."""
        first, *rest = self.args or ("",)
        self.args = (f"{first} {text}", *rest)


def raise_as(change: Callable[[type[OpenComputerError]], type[OpenComputerError]]) -> None:
    """Let every error be raised as an instance of a subclass of its class, which is shown in another way.

    Args:
        change: Gives the subclass, or the class itself, each time that an error is made.
    """
    OpenComputerError._raised_as = staticmethod(change)


def _with_code(message: str, code: str) -> str:
    # A message that quotes another error has that one's code, which says more.
    return message if _CODE_AT_END.search(message) else f"{message} ({code})"


class ConfigurationError(OpenComputerError):
    """A setting (API key, address, SDK version) is missing or can't be used."""

    code = "OC1001"


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

    def as_failure(self) -> str:
        """Return the text for an input that is refused: the problem with the code of the error that it makes."""
        return _with_code(str(self), InvalidInputError.code)


class InvalidInputError(OpenComputerError, ValueError):
    """An input was refused before anything was sent.

    Attributes:
        problems: Every mistake found, in the order of the manifest.
    """

    code = "OC1002"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))


class UnresolvedOutputError(OpenComputerError, TypeError):
    """A manifest that holds a Pulumi Output was asked for its content outside of a resource."""

    code = "OC1003"


class LocalFileError(OpenComputerError):
    """A local file or directory can't be embedded.

    Attributes:
        relative: The POSIX path of what can't be, below the directory that was named; empty for that itself.
    """

    code = "OC1004"

    def __init__(self, reason: str, relative: str = "") -> None:
        super().__init__(reason)
        self.relative = relative


class ContentChangedError(OpenComputerError):
    """A local file changed between the plan and the upload; the request was given up unfinished."""

    code = "OC1005"


class RunCancelledError(OpenComputerError):
    """The run was cancelled before this resource's build had begun, or while it waited for another's."""

    code = "OC1006"

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

    code = "OC1100"

    def __init__(self, message: str, *, status: int | None = None, text: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.text = text

    def __str__(self) -> str:
        message = _with_code(self.message, self.code)
        return f"{message} The server said: {self.text}" if self.text else message

    def reword(self, message: str) -> None:
        """Put another message in place of this one; the server's words stay."""
        self.message = message
        self.args = (message,)

    def add_hint(self, text: str) -> None:
        """Add a sentence to the message, for whoever reads it at the terminal."""
        self.reword(f"{self.message} {text}")

    def withhold(self, reason: str) -> None:
        """Drop the server's words, which may repeat a secret; `reason` says why they are not shown."""
        if self.text:
            self.text = ""
            self.add_hint(reason)


class AuthenticationError(APIError):
    """The API key is missing at the server, unknown to it, or not allowed to do this (401, 403)."""

    code = "OC1101"


class InvalidRequestError(APIError):
    """The server refused the request's content (400, 413, 422 and other 4xx)."""

    code = "OC1102"


class NotFoundError(APIError):
    """The server has no such record (404).

    Attributes:
        is_of_the_cell: Whether the words are those of the server that holds the records, which knows.
    """

    code = "OC1103"
    is_of_the_cell = False


class ConflictError(APIError):
    """The snapshot's name is taken (409), or was taken by another during the build."""

    code = "OC1104"


class UnavailableError(APIError):
    """The server can't be reached or can't serve now (connection errors, 429, 5xx).

    Attributes:
        retry_after: The seconds after which the server wants to be asked again, or None if it did not say.
        has_begun: Whether the server had said anything of a build before.
        from_cache: Whether it had said that the content comes from its cache.
        most_attempts: How often it is worth to try, where more attempts don't mend it; None if they may.
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
    """The connection of a build broke off before the build's outcome was known.

    Attributes:
        sent: Whether the whole request went out. If so the server may be building, or have built; if not, it
            has nothing, and the request may be made again.
    """

    code = "OC1106"

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class TimedOutError(APIError):
    """The server did not answer, or a build did not end, within its time limit."""

    code = "OC1107"


class BuildBlockedError(TimedOutError):
    """The server waited in vain for another build of the same content, alive or lost for good."""

    code = "OC1108"


class ProtocolError(APIError):
    """The answer is not what the API promises: malformed, too large, or about another record."""

    code = "OC1109"


class AnswerTooLargeError(ProtocolError):
    """The answer holds more bytes than were allowed for; it was not read to its end."""

    code = "OC1110"


class BuildFailedError(APIError):
    """A step of the build failed on the server.

    Attributes:
        step: The step's number as the build log counts, from 1; None where the server named none.
        step_type: The API's type of the step (``apt_install``, ``run``, …), or None.
        exit_code: The exit code of the step's command, or None.
        place: Where the program declares the step, as ``__main__.py:14 .pip_install(["nump"])``; empty if not known.
        hint: What probably is the cause, and what to do; empty if nothing is known.
        last_lines: The last lines of the build's output, as far as the server sends it.
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
