"""The text of an error for the user, and with more details for those who debug the provider."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator

from ..errors import OpenComputerError
from ..sanitize import clean

#: The environment variable that adds stack traces to errors.
DEBUG = "OPENCOMPUTER_DEBUG"


def is_debugging() -> bool:
    """Tell whether ``OPENCOMPUTER_DEBUG`` is set, and not to 0."""
    return os.environ.get(DEBUG, "") not in ("", "0")


def text_of(error: BaseException) -> str:
    """Return the text of an error, fit for a terminal.

    Only this package's errors are written for users. Other errors, including the causes of one, may quote a secret,
    so only their type is shown; with ``OPENCOMPUTER_DEBUG`` also their stack trace.
    """
    if isinstance(error, OpenComputerError | NotImplementedError):
        text = str(error)
    else:
        text = (
            f"The opencomputer provider failed with an unexpected error ({type(error).__name__}). This is a bug in the "
            f"provider; {DEBUG}=1 in the environment shows where."
        )
    return clean("\n".join([text, *_places(error)]) if is_debugging() else text)


def _places(error: BaseException) -> Iterator[str]:
    seen: set[int] = set()
    follows: BaseException | None = error
    while follows is not None and id(follows) not in seen:
        seen.add(id(follows))
        yield f"{type(follows).__name__}, at (the latest call last):"
        yield "".join(traceback.format_tb(follows.__traceback__)).rstrip()
        follows = follows.__cause__ or (None if follows.__suppress_context__ else follows.__context__)
