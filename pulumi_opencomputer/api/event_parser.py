"""Parse the server's build events.

The server reports progress in English sentences and a few types, which only this module knows. Anything else becomes an
`OtherLine`, so that nothing that the server says is lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic_core import from_json

from ..sanitize import clean
from .events import BuildEvent, BuildStarted, CacheHit, CheckpointStarted, OtherLine, StepCompleted, StepStarted

_LONGEST_MESSAGE = 8_000
_LONGEST_TYPE = 40
_MOST_STEPS = 1_000_000
_STARTED = re.compile(r"Step (\d{1,7})/(\d{1,7}): (.*)", re.ASCII | re.DOTALL)
_COMPLETED = re.compile(r"Step (\d{1,7})/(\d{1,7}) completed\.?", re.ASCII)
_CHECKPOINT = re.compile(r"Creating checkpoint(\.\.\.|…)?")
# Events that only say that the connection is alive.
_SIGNS_OF_LIFE = frozenset({"ping", "keepalive", "keep-alive", "heartbeat"})


def parse_event(name: str, data: bytes | bytearray, redact: Callable[[str], str]) -> BuildEvent | None:
    """Return the event that the server sent; None if it has no content.

    Args:
        name: The event's name in the stream; ``build_log`` for the log of a build.
        data: Its data: a JSON object with `step`, `type` and `message`. Anything else is treated as text.
        redact: Removes the API key from a text.
    """
    value = _object(data)
    if value is None or not isinstance(value.get("message"), str):
        text = data.decode(errors="replace")
        if name in _SIGNS_OF_LIFE or value == {}:
            return None
        return _other(_step(value or {}), _text((value or {}).get("type")) or name, text, redact)
    step, kind = _step(value), _shown(_text(value.get("type")), redact)[:_LONGEST_TYPE]
    message = _shown(value["message"], redact)[:_LONGEST_MESSAGE]
    return _known(step, kind, message) or _other(step, kind, message, redact)


def _known(step: int | None, kind: str, message: str) -> BuildEvent | None:
    if kind == "cache_hit":
        return CacheHit(step, kind, message)
    if kind == "checkpoint" and _CHECKPOINT.fullmatch(message):
        return CheckpointStarted(step, kind, message)
    if kind == "build" and message.startswith("Building image with "):
        return BuildStarted(step, kind, message)
    if (match := _STARTED.fullmatch(message)) and step in (int(match[1]), 0, None):
        return StepStarted(step, kind, message, int(match[1]), int(match[2]), match[3])
    if (match := _COMPLETED.fullmatch(message)) and step in (int(match[1]), 0, None):
        return StepCompleted(step, kind, message, int(match[1]), int(match[2]))
    return None


def _other(step: int | None, kind: str, text: str, redact: Callable[[str], str]) -> OtherLine | None:
    message = _shown(text, redact)[:_LONGEST_MESSAGE]
    return OtherLine(step, _shown(kind, redact)[:_LONGEST_TYPE], message) if message.strip() else None


def _object(data: bytes | bytearray) -> Mapping[str, Any] | None:
    try:
        value = from_json(data.decode(errors="replace"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _step(value: Mapping[str, Any]) -> int | None:
    step = value.get("step")
    return step if type(step) is int and 0 <= step <= _MOST_STEPS else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _shown(text: str, redact: Callable[[str], str]) -> str:
    return redact(clean(text[: 4 * _LONGEST_MESSAGE]))
