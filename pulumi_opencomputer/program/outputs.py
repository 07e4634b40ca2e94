"""What the resources hand out to a program, whichever provider serves them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pulumi

from ..lifecycle.outputs import IMAGE, SNAPSHOT, Output


def _computed(outputs: Iterable[Output]) -> tuple[str, ...]:
    """The outputs that the provider fills in; named in the inputs so that the program can refer to them."""
    return tuple(output.name for output in outputs if output.filled_by != "program")


class BuiltOutputs:
    """The outputs that both resources have."""

    @property
    @pulumi.getter
    def manifest(self) -> pulumi.Output[dict[str, Any]]:
        """The manifest in the declared form, with the number and size of local files, never their bytes."""
        return pulumi.get(self, "manifest")

    @property
    @pulumi.getter(name="contentHash")
    def content_hash(self) -> pulumi.Output[str]:
        """The manifest's content hash, 64 hex digits; known in a preview, and equal to the server's."""
        return pulumi.get(self, "contentHash")

    @property
    @pulumi.getter(name="builtHash")
    def built_hash(self) -> pulumi.Output[str]:
        """The hash under which the server built it. Differs from the content hash if that was blocked there."""
        return pulumi.get(self, "builtHash")

    @property
    @pulumi.getter(name="checkpointId")
    def checkpoint_id(self) -> pulumi.Output[str]:
        """The id of the built image at the server."""
        return pulumi.get(self, "checkpointId")

    @property
    @pulumi.getter
    def status(self) -> pulumi.Output[str]:
        """``ready``; after a refresh also ``building``, ``failed``, ``missing``, or ``foreign`` for another's."""
        return pulumi.get(self, "status")

    @property
    @pulumi.getter(name="apiUrl")
    def api_url(self) -> pulumi.Output[str]:
        """The address of the API where the record lives."""
        return pulumi.get(self, "apiUrl")

    @property
    @pulumi.getter(name="orgId")
    def org_id(self) -> pulumi.Output[str | None]:
        """The organisation that the record belongs to; None where the server does not say."""
        return pulumi.get(self, "orgId")

    @property
    @pulumi.getter(name="createdAt")
    def created_at(self) -> pulumi.Output[str]:
        """When the record was made, RFC 3339 in UTC."""
        return pulumi.get(self, "createdAt")


class ImageOutputs(BuiltOutputs):
    """The outputs of an image."""

    _computed = _computed(IMAGE)

    @property
    @pulumi.getter
    def cached(self) -> pulumi.Output[bool]:
        """Whether the create was answered from the server's cache."""
        return pulumi.get(self, "cached")


class SnapshotOutputs(BuiltOutputs):
    """The outputs of a snapshot."""

    _computed = _computed(SNAPSHOT)

    @property
    @pulumi.getter
    def name(self) -> pulumi.Output[str]:
        """The snapshot's name, for ``Sandbox.create(snapshot=…)``. With `keep`, ``id`` is another thing."""
        return pulumi.get(self, "name")

    @property
    @pulumi.getter
    def versions(self) -> pulumi.Output[list[dict[str, str]] | None]:
        """With `keep`: the version in use, then the kept ones, the latest first; else None.

        Each has ``name``, ``snapshotId``, ``contentHash`` and ``createdAt``.
        """
        return pulumi.get(self, "versions")

    @property
    @pulumi.getter(name="sourceSnapshot")
    def source_snapshot(self) -> pulumi.Output[str | None]:
        """The snapshot whose content it has, where that was named; else None."""
        return pulumi.get(self, "sourceSnapshot")

    @property
    @pulumi.getter(name="snapshotId")
    def snapshot_id(self) -> pulumi.Output[str]:
        """The record's own id, new with each replacement."""
        return pulumi.get(self, "snapshotId")

    @property
    @pulumi.getter(name="lastUsedAt")
    def last_used_at(self) -> pulumi.Output[str]:
        """When a sandbox last started from it, as of the last create or refresh, RFC 3339 in UTC."""
        return pulumi.get(self, "lastUsedAt")
