"""The outputs of the resources, the same for either provider."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pulumi

from ..lifecycle.outputs import IMAGE, SNAPSHOT, Output


def _computed(outputs: Iterable[Output]) -> tuple[str, ...]:
    """Return the names of the outputs that the provider fills in.

    They are registered as inputs without a value, so that the program can refer to them.
    """
    return tuple(output.name for output in outputs if output.filled_by != "program")


class BuiltOutputs:
    """The outputs that images and snapshots share."""

    @property
    @pulumi.getter
    def manifest(self) -> pulumi.Output[dict[str, Any]]:
        """The manifest in the declared form. For local files it has their number and size, never their bytes."""
        return pulumi.get(self, "manifest")

    @property
    @pulumi.getter(name="contentHash")
    def content_hash(self) -> pulumi.Output[str]:
        """The manifest's content hash, 64 hex digits. It is known in a preview, and is the same as the server's."""
        return pulumi.get(self, "contentHash")

    @property
    @pulumi.getter(name="builtHash")
    def built_hash(self) -> pulumi.Output[str]:
        """The hash under which the server built the image, 64 hex digits.

        Differs from the content hash if a lost or failed build blocks that on the server: then a variant of the
        content with the same effect is built.
        """
        return pulumi.get(self, "builtHash")

    @property
    @pulumi.getter(name="checkpointId")
    def checkpoint_id(self) -> pulumi.Output[str]:
        """The id of the built image on the server."""
        return pulumi.get(self, "checkpointId")

    @property
    @pulumi.getter
    def status(self) -> pulumi.Output[str]:
        """The record's status: ``ready`` after a create or update.

        After a refresh it may also be ``building``, ``failed``, ``missing``, or ``foreign`` if the name belongs to
        a record that this resource did not create.
        """
        return pulumi.get(self, "status")

    @property
    @pulumi.getter(name="apiUrl")
    def api_url(self) -> pulumi.Output[str]:
        """The address of the API that has the record."""
        return pulumi.get(self, "apiUrl")

    @property
    @pulumi.getter(name="orgId")
    def org_id(self) -> pulumi.Output[str | None]:
        """The id of the organisation that owns the record, or None if the server does not say."""
        return pulumi.get(self, "orgId")

    @property
    @pulumi.getter(name="createdAt")
    def created_at(self) -> pulumi.Output[str]:
        """When the record was created, RFC 3339 in UTC."""
        return pulumi.get(self, "createdAt")


class ImageOutputs(BuiltOutputs):
    """The outputs of an image."""

    _computed = _computed(IMAGE)

    @property
    @pulumi.getter
    def cached(self) -> pulumi.Output[bool]:
        """Whether the server already had the image in its cache when this resource was created."""
        return pulumi.get(self, "cached")


class SnapshotOutputs(BuiltOutputs):
    """The outputs of a snapshot."""

    _computed = _computed(SNAPSHOT)

    @property
    @pulumi.getter
    def name(self) -> pulumi.Output[str]:
        """The snapshot's name, for ``Sandbox.create(snapshot=…)``.

        Without `keep` this is also the resource's ``id``; with `keep`, the ``id`` is not the name of any snapshot.
        """
        return pulumi.get(self, "name")

    @property
    @pulumi.getter
    def versions(self) -> pulumi.Output[list[dict[str, str]] | None]:
        """The versions of a snapshot with `keep`: the current one, then the kept ones, latest first; otherwise None.

        Each version has ``name``, ``snapshotId``, ``contentHash`` and ``createdAt``.
        """
        return pulumi.get(self, "versions")

    @property
    @pulumi.getter(name="sourceSnapshot")
    def source_snapshot(self) -> pulumi.Output[str | None]:
        """The name of the snapshot that the content was copied from, or None if the program gave a manifest."""
        return pulumi.get(self, "sourceSnapshot")

    @property
    @pulumi.getter(name="snapshotId")
    def snapshot_id(self) -> pulumi.Output[str]:
        """The id of the snapshot's record. It changes with each replacement."""
        return pulumi.get(self, "snapshotId")

    @property
    @pulumi.getter(name="lastUsedAt")
    def last_used_at(self) -> pulumi.Output[str]:
        """When a sandbox last started from the snapshot, RFC 3339 in UTC. Updated by a create and a refresh."""
        return pulumi.get(self, "lastUsedAt")
