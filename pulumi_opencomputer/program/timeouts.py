"""A build's time limit, as a number of seconds or as one of Pulumi's durations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pulumi

from ..errors import InvalidInputError, Problem

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:h|ms|m|s))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s)")


def create_timeout(opts: pulumi.ResourceOptions | None) -> float | None:
    """Return ``custom_timeouts.create`` in seconds, or None; like `given_timeout`."""
    return given_timeout(opts, "create")


def given_timeout(opts: pulumi.ResourceOptions | None, operation: str) -> float | None:
    """Return the ``custom_timeouts`` of an operation in seconds, or None if it is not set.

    Args:
        opts: The resource's options.
        operation: ``create``, ``update`` or ``delete``.

    Raises:
        InvalidInputError: The value is not a duration.
    """
    timeouts: Any = opts.custom_timeouts if opts else None
    text = timeouts.get(operation) if isinstance(timeouts, Mapping) else getattr(timeouts, operation, None)
    if text is None:
        return None
    if not isinstance(text, str) or not _DURATION.fullmatch(text):
        raise InvalidInputError(
            [Problem(f"custom_timeouts.{operation}", 'must be a duration such as "90s" or "1h30m".')]
        )
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def with_create_timeout(timeout: float, given: Any, *, updates: bool = False) -> pulumi.CustomTimeouts:
    """Return the program's custom timeouts with this timeout for a create.

    Args:
        timeout: The time limit in seconds.
        given: The program's ``custom_timeouts``, or None.
        updates: Whether an update builds too; then this is also its limit, unless `given` sets one.

    Raises:
        InvalidInputError: The timeout is not a number above zero.
    """
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not timeout > 0:
        raise InvalidInputError([Problem("timeout", "must be a number of seconds, above zero.")])
    others = given if isinstance(given, Mapping) else {key: getattr(given, key, None) for key in ("update", "delete")}
    update = others.get("update") or (f"{timeout}s" if updates else None)
    return pulumi.CustomTimeouts(f"{timeout}s", update, others.get("delete"))
