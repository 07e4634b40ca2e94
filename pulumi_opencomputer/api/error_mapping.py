"""Convert the server's responses into errors: by the HTTP status, or from the error event of a build's stream.

Nothing here does I/O. Every text of the server that gets into an error is cleaned and shortened, and the API key is
removed from it (`redact`).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from datetime import timezone
from email.utils import parsedate_to_datetime

from pydantic_core import from_json

from ..config import CHECK_URL, SET_KEY_COMMAND
from ..errors import (
    APIError,
    AuthenticationError,
    BuildBlockedError,
    BuildFailedError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    ProtocolError,
    TimedOutError,
    UnavailableError,
)
from ..sanitize import clean, excerpt

Redact = Callable[[str], str]

_STEP_FAILURE = re.compile(
    r"(?:[a-z ]{1,40}: ){0,4}step (\d{1,9}) \(([^)]{0,80})\)(?: failed)?(?: \(exit (-?\d{1,9})\))?:?\s*(.*)",
    re.DOTALL,
)
_NO_ACCESS = (
    AuthenticationError,
    f"The server does not accept the API key. Set a valid one: {SET_KEY_COMMAND} (or OPENCOMPUTER_API_KEY). It"
    " must belong to the server at opencomputer:apiUrl.",
)
_CLIENT_ERRORS: dict[int, tuple[type[APIError], str]] = {
    401: _NO_ACCESS,
    403: _NO_ACCESS,
    404: (NotFoundError, "The server has no such record."),
    409: (ConflictError, "The snapshot's name is taken."),
    413: (
        InvalidRequestError,
        "The image's manifest is too large for the server. Embed fewer or smaller files (see ignore=), or"
        " fetch them in a run step.",
    ),
}
_LONGEST_FAILURE_TEXT = 4_000


def http_error(status: int, headers: Mapping[str, str], body: bytes, *, url: str, redact: Redact) -> APIError:
    """Return the error for an unexpected response.

    Args:
        status: The HTTP status.
        headers: The response's headers. The names must be in lower case, or the mapping must ignore case.
        body: The response's body, or the first part of it.
        url: The API's address, for the message.
        redact: Removes the API key from a text.
    """
    error = _error_field(body)
    said = quote(error if error is not None else body, redact)
    if 300 <= status < 400:
        return _redirect(status, headers, url, redact)
    if status == 404 and error is None:
        return ProtocolError(f"{url} has no such API path. {CHECK_URL}", status=status, text=said)
    if 400 <= status < 500:
        refusal = _client_error(status, headers, said)
        if isinstance(refusal, NotFoundError) and error:
            refusal.is_of_the_cell = error.startswith('snapshot "') and error.endswith('" not found')
        return refusal
    if status >= 500 and error is not None and (known := _known_error(error, redact)):
        known.status = status
        return known
    if status >= 500:
        return UnavailableError(
            f"{url} can't serve the request now (status {status}). Try again in a while.",
            status=status,
            text=said,
            retry_after=parse_retry_after(headers.get("retry-after", ""), time.time()),
        )
    return ProtocolError(f"{url} answered with the unexpected status {status}.", status=status, text=said)


def stream_error(data: bytes | bytearray, redact: Redact) -> APIError:
    """Return the error for a build stream's `error` event.

    Args:
        data: The event's data, or the beginning of it.
        redact: Removes the API key from a text.
    """
    data = bytes(data)
    error = _error_field(data) or _cut_error_field(data)
    if error is None:
        return ProtocolError("The build stream's error event holds no error text.", text=quote(data, redact))
    said = quote(error, redact)
    return _known_error(error, redact) or BuildFailedError(describe_failure(None, None, None), text=said)


def describe_failure(step: int | None, step_type: str | None, exit_code: int | None) -> str:
    """Return the message for a failed build, without the server's own text.

    Args:
        step: The step's number, from 1, if known.
        step_type: The API's type of the step, if known.
        exit_code: The exit code of its command, if known.
    """
    if step is None:
        return "The build of the image failed."
    kind = f" ({step_type})" if step_type else ""
    ending = "" if exit_code is None else f" with exit code {exit_code}"
    return f"The build of the image failed: step {step}{kind} ended{ending or ' with an error'}."


def parse_retry_after(value: str, now: float) -> float | None:
    """Return the seconds that a Retry-After header asks for, in either of its forms; None if it has none.

    Args:
        value: Whole seconds or an HTTP date.
        now: Seconds of the epoch.
    """
    value = value.strip()
    if re.fullmatch(r"[0-9]{1,9}", value):
        return float(value)
    moment = parse_date(value)
    return None if moment is None else max(0.0, moment - now)


def parse_date(value: str) -> float | None:
    """Return the seconds since the epoch of an HTTP date; None if it is not one."""
    try:
        moment = parsedate_to_datetime(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=timezone.utc)
        return moment.timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _client_error(status: int, headers: Mapping[str, str], said: str) -> APIError:
    if status == 408:
        return TimedOutError("The server waited too long for the request. Try again.", status=408, text=said)
    if status == 407:
        return UnavailableError(
            "The proxy in front of the server requires a user name and password. Put them into its address (HTTP_PROXY,"
            " HTTPS_PROXY or ALL_PROXY), or name the server in NO_PROXY.",
            status=407,
            text=said,
        )
    if status == 429:
        return UnavailableError(
            "The server accepts no more requests for the moment. Try again later, or with a lower --parallel.",
            status=status,
            text=said,
            retry_after=parse_retry_after(headers.get("retry-after", ""), time.time()),
        )
    kind, message = _CLIENT_ERRORS.get(
        status, (InvalidRequestError, f"The server refused the request (status {status}).")
    )
    return kind(message, status=status, text=said)


def _known_error(error: str, redact: Redact) -> APIError | None:
    # Check for a failed step first: its text is a program's output, which may contain any of the other phrases.
    if match := _STEP_FAILURE.match(error):
        from ..manifest.steps import KINDS_OF_API  # noqa: PLC0415 - only needed if a build fails

        number, step_type, code, text = match.groups()
        step, exit_code = int(number) + 1, int(code) if code else None
        # The server chooses this text, and it might repeat the manifest's content. So only known types are shown.
        kind = step_type if step_type in KINDS_OF_API else None
        return BuildFailedError(
            describe_failure(step, kind, exit_code),
            step=step,
            step_type=kind,
            exit_code=exit_code,
            text=redact(clean(text))[:_LONGEST_FAILURE_TEXT].strip(),
        )
    said = quote(error, redact)
    if "timed out waiting for image build" in error:
        return BuildBlockedError(
            "The server waited in vain for another build of the same content to end. If that build is still running,"
            " try again once it is done; if it was interrupted, its content stays blocked.",
            text=said,
        )
    if "duplicate key value" in error or "snapshot name already exists" in error:
        return ConflictError("Someone else took the snapshot's name during the build.", text=said)
    if "no workers available" in error:
        return UnavailableError("The server has no free worker to build the image. Try again in a while.", text=said)
    if error.startswith("image build failed"):
        return BuildFailedError(describe_failure(None, None, None), text=said)
    return None


def _redirect(status: int, headers: Mapping[str, str], url: str, redact: Redact) -> APIError:
    # The query is left out, because single sign-on puts tokens there.
    target = quote(headers.get("location", "").partition("?")[0], redact)
    return ProtocolError(
        f"{url} answered with a redirect (status {status}{' to ' + target if target else ''}), which is not"
        f" followed, so that the API key is sent nowhere else. {CHECK_URL}",
        status=status,
    )


def _error_field(body: bytes) -> str | None:
    try:
        value = from_json(body.decode(errors="replace"))
    except (ValueError, RecursionError):
        return None
    error = value.get("error") if isinstance(value, dict) else None
    return error if isinstance(error, str) else None


def _cut_error_field(data: bytes) -> str | None:
    """Return the error text of an event that is cut off; None if it has none."""
    if not re.match(rb'\s*\{\s*"error"\s*:\s*"', data):
        return None
    # The cut may be inside an escape of up to 12 characters (a surrogate pair).
    ends = (data[: len(data) - cut] + b'"}' for cut in range(min(13, len(data))))
    return next((found for end in ends if (found := _error_field(end)) is not None), None)


def quote(raw: bytes | str, redact: Redact) -> str:
    """Return a text of the server for an error: cleaned, on one line, at most 200 characters, without the API key."""
    text = raw if isinstance(raw, str) else raw.decode(errors="replace")
    return excerpt(redact(clean(text)))
