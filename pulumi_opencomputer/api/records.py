"""What the server answers: rows, checked; errors, as one tree; JSON, within bounds.

Nothing in here does I/O. Every text of the server that gets into an error is cleaned, cut, and free of the
API key (`hide`).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Literal, TypeVar

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

Status = Literal["building", "ready", "failed"]
Hide = Callable[[str], str]
T = TypeVar("T")

_STATUSES: dict[str, Status] = {"building": "building", "ready": "ready", "failed": "failed"}
_HASH = re.compile(r"[0-9a-f]{64}")
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?Z", re.ASCII)
_STEP_TYPES = frozenset({"apt_install", "pip_install", "run", "env", "workdir", "add_file", "add_dir"})
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
    404: (NotFoundError, "The server has no such row."),
    409: (ConflictError, "The snapshot's name is taken."),
    413: (
        InvalidRequestError,
        "The image's manifest is too large for the server. Embed fewer or smaller files (see ignore=), or"
        " fetch them in a run step.",
    ),
}
_SMALL = 8 * 1024 * 1024
_MOST_TOKENS = 20_000_000
_LONGEST_FAILURE_TEXT = 4_000


@dataclass(frozen=True)
class Record:
    """A row of the API: a named snapshot, or the unnamed build behind it.

    Attributes:
        id: The row's own id.
        name: The snapshot's name, None on a build's row.
        content_hash: 64 hex digits, without the name that the server adds behind them on named rows.
        status: `building`, `ready` or `failed`.
        checkpoint_id: The built image's id; None until the row is ready.
        created_at: RFC 3339 time in UTC, as the server wrote it.
        last_used_at: The same, or None.
        manifest: What the server keeps of the manifest, in the API's form; None where it was not asked for.
    """

    id: str
    name: str | None
    content_hash: str
    status: Status
    checkpoint_id: str | None
    created_at: str
    last_used_at: str | None
    manifest: Mapping[str, Any] | None

    def age(self, now: float) -> float:
        """Return the seconds from the row's creation to `now` (of the epoch, as `time.time` gives)."""
        return now - _seconds(self.created_at)


def parse_json(data: bytes | bytearray, what: str, hide: Hide) -> object:
    """Return the JSON value in UTF-8 bytes; peak memory is that of the bytes and of the value.

    Args:
        data: The document, whole.
        what: What it is, for the error, as "the answer to GET /api/snapshots".
        hide: Takes the API key out of a text.

    Raises:
        ProtocolError: It is no JSON, nested deeper than 200 levels, or has so many parts that it would fill
            the memory.
    """
    # Bytes of many tiny values grow 20-fold as Python objects; a file's content is one long value.
    if len(data) > _SMALL and sum(data.count(mark) for mark in b",[{") > _MOST_TOKENS:
        raise ProtocolError(f"The server's {what} has more than {_MOST_TOKENS:,} values, which no list of rows has.")
    try:
        return from_json(data, allow_inf_nan=False)
    except (ValueError, RecursionError):
        raise ProtocolError(f"The server's {what} is not valid JSON.", text=_said(bytes(data[:2000]), hide)) from None


def parse_record(value: object, what: str, *, with_manifest: bool = True) -> Record:
    """Return a row, checked field by field.

    Raises:
        ProtocolError: A field is missing or has the wrong type; names the field, not its value.
    """
    if not isinstance(value, dict):
        raise ProtocolError(f"The server's {what} is not a row (a JSON object).")
    content_hash = _field(value, "contentHash", str, what).partition(":named:")[0]
    status = _STATUSES.get(_field(value, "status", str, what))
    created_at = _field(value, "createdAt", str, what)
    manifest = _optional(value, "manifest", dict, what)
    if not _HASH.fullmatch(content_hash):
        raise _wrong("contentHash", what)
    if status is None:
        raise _wrong("status", what)
    if not _is_time(created_at):
        raise _wrong("createdAt", what)
    return Record(
        id=_field(value, "id", str, what),
        name=_optional(value, "name", str, what),
        content_hash=content_hash,
        status=status,
        checkpoint_id=_optional(value, "checkpointId", str, what),
        created_at=created_at,
        last_used_at=_optional(value, "lastUsedAt", str, what),
        manifest=manifest if with_manifest else None,
    )


def parse_records(value: object, what: str, *, with_manifests: bool = True) -> list[Record]:
    """Return the rows of a list.

    Raises:
        ProtocolError: It is not a list of rows.
    """
    if not isinstance(value, list):
        raise ProtocolError(f"The server's {what} is not a list.")
    return [parse_record(entry, what, with_manifest=with_manifests) for entry in value]


def http_error(status: int, headers: Mapping[str, str], body: bytes, *, url: str, hide: Hide) -> APIError:
    """Map an answer that is not the wished-for one to an error.

    Args:
        status: The HTTP status.
        headers: The answer's headers, looked up without regard to case.
        body: The answer's body, or the first part of it.
        url: The API's address, for the message.
        hide: Takes the API key out of a text.
    """
    error = _error_field(body)
    said = _said(error if error is not None else body, hide)
    if 300 <= status < 400:
        return _redirect(status, headers, url, hide)
    if status == 404 and error is None:
        return ProtocolError(f"{url} has no such API path. {CHECK_URL}", status=status, text=said)
    if 400 <= status < 500:
        return _client_error(status, headers, said)
    if status >= 500 and error is not None and (known := _known_error(error, hide)):
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


def stream_error(data: bytes, hide: Hide) -> APIError:
    """Map the data of a build stream's `error` event to an error."""
    error = _error_field(data)
    if error is None:
        return ProtocolError("The build stream's error event holds no error text.", text=_said(data, hide))
    said = _said(error, hide)
    return _known_error(error, hide) or BuildFailedError(describe_failure(None, None, None), text=said)


def describe_failure(step: int | None, step_type: str | None, exit_code: int | None) -> str:
    """Return the sentence for a failed build, without the server's words.

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
    try:
        moment = parsedate_to_datetime(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=timezone.utc)
        return max(0.0, moment.timestamp() - now)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _client_error(status: int, headers: Mapping[str, str], said: str) -> APIError:
    if status == 408:
        return TimedOutError("The server waited too long for the request. Try again.", status=408, text=said)
    if status == 429:
        return UnavailableError(
            "The server takes no more requests for the moment. Try again later, or with a lower --parallel.",
            status=status,
            text=said,
            retry_after=parse_retry_after(headers.get("retry-after", ""), time.time()),
        )
    kind, message = _CLIENT_ERRORS.get(
        status, (InvalidRequestError, f"The server refused the request (status {status}).")
    )
    return kind(message, status=status, text=said)


def _known_error(error: str, hide: Hide) -> APIError | None:
    # A failed step comes first: its text is a program's output, in which any of the other phrases may stand.
    if match := _STEP_FAILURE.match(error):
        number, step_type, code, text = match.groups()
        # Any other word may be a part of the manifest that came back.
        kind = step_type if step_type in _STEP_TYPES else None
        step, exit_code = int(number) + 1, int(code) if code else None
        return BuildFailedError(
            describe_failure(step, kind, exit_code),
            step=step,
            step_type=kind,
            exit_code=exit_code,
            text=hide(clean(text))[:_LONGEST_FAILURE_TEXT].strip(),
        )
    said = _said(error, hide)
    if "timed out waiting for image build" in error:
        return BuildBlockedError(
            "The server waited in vain for another build of the same content to end. If that build is alive,"
            " try again once it is done; if it was broken off, its content stays blocked.",
            text=said,
        )
    if "duplicate key value" in error or "snapshot name already exists" in error:
        return ConflictError("The snapshot's name was taken by another during the build.", text=said)
    if "no workers available" in error:
        return UnavailableError("The server has no worker free to build the image. Try again in a while.", text=said)
    if error.startswith("image build failed"):
        return BuildFailedError(describe_failure(None, None, None), text=said)
    return None


def _redirect(status: int, headers: Mapping[str, str], url: str, hide: Hide) -> APIError:
    # The query is left out: single sign-on puts tokens there.
    target = _said(headers.get("location", "").partition("?")[0], hide)
    return ProtocolError(
        f"{url} answered with a redirect (status {status}{' to ' + target if target else ''}), which is not"
        f" followed, so that the API key goes nowhere else. {CHECK_URL}",
        status=status,
    )


def _error_field(body: bytes) -> str | None:
    try:
        value = from_json(body.decode(errors="replace"))
    except (ValueError, RecursionError):
        return None
    error = value.get("error") if isinstance(value, dict) else None
    return error if isinstance(error, str) else None


def _said(raw: bytes | str, hide: Hide) -> str:
    text = raw if isinstance(raw, str) else raw.decode(errors="replace")
    return excerpt(hide(clean(text)))


def _field(value: Mapping[str, Any], key: str, kind: type[T], what: str) -> T:
    found = value.get(key)
    if not isinstance(found, kind) or not found:
        raise _wrong(key, what)
    return found


def _optional(value: Mapping[str, Any], key: str, kind: type[T], what: str) -> T | None:
    found = value.get(key)
    if found is not None and not isinstance(found, kind):
        raise _wrong(key, what)
    return found


def _wrong(key: str, what: str) -> ProtocolError:
    return ProtocolError(f"The server's {what} holds a row whose {key} is missing or not what the API promises.")


def _is_time(text: str) -> bool:
    try:
        _seconds(text)
    except ValueError:
        return False
    return True


def _seconds(text: str) -> float:
    match = _TIME.fullmatch(text)
    if not match:
        raise ValueError("not a time in UTC")
    whole = datetime.strptime(match[1], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    return whole.timestamp() + float(match[2] or 0)
