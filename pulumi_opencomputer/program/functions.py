"""Functions with which a program looks up snapshots. They work with either provider and don't need the plugin."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, Mocks
from pulumi.runtime.settings import get_monitor

from ..errors import InvalidInputError, Problem

if TYPE_CHECKING:
    from ..lifecycle import Lifecycle

_GET_SNAPSHOT = "opencomputer:index:getSnapshot"
_GET_SNAPSHOTS = "opencomputer:index:getSnapshots"

_NO_TEXT = (
    "must be text that is not empty. If it is an Output, look the snapshot up once its value is known: "
    "name.apply(get_snapshot)."
)


@dataclass(frozen=True)
class SnapshotInfo:
    """A named snapshot on the server.

    Attributes:
        id: The id of the snapshot's record.
        name: The name that sandboxes start from.
        content_hash: The content hash, 64 hex digits.
        status: ``building``, ``ready`` or ``failed``.
        checkpoint_id: The id of the built image, or None until it is ready.
        created_at: When the record was created, RFC 3339 in UTC.
        last_used_at: When a sandbox last started from it, RFC 3339 in UTC, or None.
        project: The Pulumi project that created it, or ``unknown`` if this provider did not create it.
        stack: The stack that created it, or ``unknown``.
        resource: The name of the resource that created it, or ``unknown``.
        source_snapshot: The name of the snapshot that it was promoted from, or None.
    """

    id: str
    name: str
    content_hash: str
    status: str
    checkpoint_id: str | None
    created_at: str
    last_used_at: str | None
    project: str = "unknown"
    stack: str = "unknown"
    resource: str = "unknown"
    source_snapshot: str | None = None


def get_snapshot(name: str) -> SnapshotInfo:
    """Look up one snapshot by name. The request is sent immediately, in a preview too.

    In a test with `pulumi.runtime.set_mocks` no request is sent; instead the mocks' ``call`` is called with the token
    ``opencomputer:index:getSnapshot``.

    Args:
        name: The snapshot's name.

    Returns:
        The snapshot.

    Raises:
        NotFoundError: There is no such snapshot. The message names it and the server's address, and says what to do.
        InvalidInputError: The name is not text, or is empty.
        ConfigurationError: There is no API key, or a setting is invalid.
        APIError: The server can't be reached, or refused the request.
    """
    if not isinstance(name, str) or not name:
        raise InvalidInputError([Problem("name", _NO_TEXT)])
    mocks = _mocks()
    if mocks is not None:
        return _info(_mocked(mocks, _GET_SNAPSHOT, {"name": name}), _GET_SNAPSHOT)
    with _lifecycle() as lifecycle:
        return _info(lifecycle.get_snapshot(name), _GET_SNAPSHOT)


def list_snapshots() -> list[SnapshotInfo]:
    """Return all named snapshots, newest first. The public endpoint lists at most 200.

    The request is sent immediately, in a preview too. In a test with `pulumi.runtime.set_mocks` no request is sent;
    instead the mocks' ``call`` is called with the token ``opencomputer:index:getSnapshots``.

    Raises:
        ConfigurationError: There is no API key, or a setting is invalid.
        APIError: The server can't be reached, or refused the request.
    """
    mocks = _mocks()
    if mocks is not None:
        listed = _mocked(mocks, _GET_SNAPSHOTS, {}).get("snapshots")
        if not isinstance(listed, list):
            raise _incomplete(_GET_SNAPSHOTS, ["snapshots"])
        return [_info(each, _GET_SNAPSHOTS) for each in listed]
    with _lifecycle() as lifecycle:
        return [_info(each, _GET_SNAPSHOTS) for each in lifecycle.get_snapshots()["snapshots"]]


@contextlib.contextmanager
def _lifecycle() -> Iterator[Lifecycle]:
    """Yield the lifecycle, which also answers the plugin's functions, with this program's settings."""
    from ..config import NAMES, resolve, resolve_url  # noqa: PLC0415 - most programs look nothing up
    from ..lifecycle import Lifecycle  # noqa: PLC0415 - as above

    config = pulumi.Config("opencomputer")
    given = {name: config.get(name) for name in NAMES}
    lifecycle = Lifecycle(lambda: resolve(given, os.environ), lambda: resolve_url(given, os.environ))
    try:
        yield lifecycle
    finally:
        lifecycle.close()


def _mocks() -> Mocks | None:
    """Return the test's mocks, or None in a program that Pulumi runs."""
    monitor = get_monitor()
    return monitor.mocks if isinstance(monitor, MockMonitor) else None


def _mocked(mocks: Mocks, token: str, arguments: dict[str, Any]) -> Mapping[str, Any]:
    answer: Any = mocks.call(MockCallArgs(token, arguments, ""))
    # Pulumi's mocks may return a tuple: the result of the call and its failures.
    found, failures = answer if isinstance(answer, tuple) else (answer, None)
    if failures:
        raise InvalidInputError([Problem(str(name), str(reason)) for name, reason in failures])
    return found if isinstance(found, Mapping) else {}


def _info(found: Mapping[str, Any], token: str) -> SnapshotInfo:
    missing = [key for key in ("name", "snapshotId", "contentHash", "status", "createdAt") if key not in found]
    if missing:
        raise _incomplete(token, missing)
    return SnapshotInfo(
        id=found["snapshotId"],
        name=found["name"],
        content_hash=found["contentHash"],
        status=found["status"],
        checkpoint_id=found.get("checkpointId"),
        created_at=found["createdAt"],
        last_used_at=found.get("lastUsedAt"),
        **{key: found[key] for key in ("project", "stack", "resource") if key in found},
        source_snapshot=found.get("sourceSnapshot"),
    )


def _incomplete(token: str, missing: list[str]) -> InvalidInputError:
    reason = (
        f"returns no {', '.join(missing)} for {token}. Return what the plugin's function returns, or use "
        "pulumi_opencomputer.testing.Mocks(snapshots=[…])."
    )
    return InvalidInputError([Problem("call() of the mocks", reason)])
