"""Check and parse requests as the real server does, with the same error messages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

from ..content.hashing import ManifestEncodingError, content_hash, fold_key
from .go_decoding import decoded, parse_json
from .spool import Spool
from .steps import Step, plan_step

_SURROGATES = re.compile("[\ud800-\udfff]")
_PIECE = 1024 * 1024
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_LONGEST_JSONB = 268_435_455
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


class RequestError(Exception):
    """A request is answered immediately with an error in JSON.

    Attributes:
        status: The HTTP status.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class ImageRequest:
    """The image in a request.

    Attributes:
        content_hash: The content hash, 64 hex digits.
        steps: The steps to simulate.
        label: The manifest's own name, or "".
        sent: The manifest as JSON, with its keys in the request's order.
        stored: The manifest as JSON, with its keys in the database's order.
        invalid: Why the server can't decode the manifest, or "".
        unsavable: Why the server's database refuses the manifest, or "".
        title: The name of the snapshot that it is built for, or "".
    """

    content_hash: str
    steps: tuple[Step, ...]
    label: str
    sent: Spool
    stored: Spool
    invalid: str = ""
    unsavable: str = ""
    title: str = ""


def parse_body(body: IO[bytes]) -> Mapping[str, Any]:
    """Parse a request's body.

    Raises:
        RequestError: It is not a JSON object.
    """
    try:
        value = parse_json(text) if (text := _read_text(body)) else None
    except ValueError as error:
        raise RequestError(400, f"invalid request body: {error}") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise RequestError(400, "invalid request body: expected an object")
    return value


def _read_text(body: IO[bytes]) -> str:
    # Bytes that are not UTF-8 stay visible, as lone surrogates: they are hashed as U+FFFD, but can't be saved.
    return body.read().decode("utf-8", "surrogateescape")


def text_field(body: Mapping[str, Any], name: str) -> str:
    """Return a string of the body, "" if missing; bytes that are not UTF-8 become U+FFFD.

    Raises:
        RequestError: It is not a string.
    """
    value = _field(body, name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise RequestError(400, f"invalid request body: {name} must be a string")
    return _SURROGATES.sub("\ufffd", value)


def read_image(body: Mapping[str, Any]) -> ImageRequest | None:
    """Return the image in the body's field ``image``, or None if it has none."""
    keys = [key for key in body if fold_key(key) == "image"]
    return read_image_request(body[keys[-1]]) if keys else None


def read_image_request(image: Any) -> ImageRequest:
    """Parse a manifest. It is never refused here: as on the server, mistakes are reported when it is built or saved."""
    try:
        return _read_image_request(image)
    except RecursionError:
        return ImageRequest(content_hash(None), (), "", _null(), _null(), invalid="exceeded max depth")


def _read_image_request(image: Any) -> ImageRequest:
    try:
        digest = content_hash(decoded(image))
        invalid = _wrong_setting(image)
    except ManifestEncodingError as error:
        digest, invalid = content_hash(None), str(error)
    unsavable = _why_unsavable(image)
    if invalid or unsavable:
        return ImageRequest(
            digest, () if invalid else _steps(image), _label(image), _null(), _null(), invalid, unsavable
        )
    sent, stored = _dumped(_arranged(image, by_length=False)), _dumped(_arranged(image, by_length=True))
    if stored.size >= _LONGEST_JSONB:
        unsavable = f"ERROR: total size of jsonb object elements exceeds the maximum of {_LONGEST_JSONB} bytes"
    return ImageRequest(digest, _steps(image), _label(image), sent, stored, unsavable=unsavable)


def _field(value: object, name: str) -> Any:
    if not isinstance(value, Mapping):
        return None
    wanted = fold_key(name)
    found = [member for key, member in value.items() if fold_key(key) == wanted and member is not None]
    return found[-1] if found else None


def _steps(image: object) -> tuple[Step, ...]:
    return tuple(
        plan_step(_field(step, "type") or "", _field(step, "args") or {}) for step in _field(image, "steps") or ()
    )


def _label(image: object) -> str:
    name = _field(image, "name")
    return _SURROGATES.sub("\ufffd", name) if isinstance(name, str) else ""


def _wrong_setting(image: object) -> str:
    if not isinstance(_field(image, "name") or "", str):
        return "name must be a string"
    for name in ("builderMemoryMB", "runtimeMemoryMB"):
        number = _field(image, name)
        if number is not None and (isinstance(number, bool) or not isinstance(number, int)):
            return f"{name} must be a whole number"
    return ""


def _why_unsavable(value: object) -> str:
    if isinstance(value, str):
        return _why_unsavable_text(value)
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return "ERROR: value overflows numeric format (SQLSTATE 22003)"
    if isinstance(value, Mapping):
        parts = [part for pair in value.items() for part in pair]
    else:
        parts = value if isinstance(value, list) else []
    return next((reason for reason in map(_why_unsavable, parts) if reason), "")


def _why_unsavable_text(text: str) -> str:
    if "\0" in text:
        return "ERROR: unsupported Unicode escape sequence (SQLSTATE 22P05)"
    if not text.isascii() and _SURROGATES.search(text):
        return "ERROR: invalid input syntax for type json (SQLSTATE 22P02)"
    return ""


def _arranged(value: Any, *, by_length: bool) -> Any:
    # The database orders keys by length first, and then by their bytes.
    if isinstance(value, Mapping):
        keys = sorted(value, key=_length_and_bytes) if by_length else value
        return {key: _arranged(value[key], by_length=by_length) for key in keys}
    if isinstance(value, list):
        return [_arranged(member, by_length=by_length) for member in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _length_and_bytes(key: str) -> tuple[int, bytes]:
    raw = key.encode()
    return len(raw), raw


def _null() -> Spool:
    return Spool([b"null"])


def _dumped(value: object) -> Spool:
    return Spool(_encoded(value))


def _encoded(value: object) -> Iterator[bytes]:
    # In pieces: a manifest may be one string of 200 MB, which should not be copied more than necessary.
    for text in _JSON.iterencode(value):
        for start in range(0, len(text), _PIECE):
            piece = text[start : start + _PIECE]
            for character, escape in _ESCAPES.items():
                piece = piece.replace(character, escape)
            yield piece.encode()
