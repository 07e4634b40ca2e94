"""The resources of a Python program on the plugin, in place of the dynamic provider: the same arguments and outputs.

A program moves by its import alone, ``from pulumi_opencomputer.native import Image, Manifest, Snapshot``: each resource
has the dynamic one of the same name for an alias, so that nothing is built anew. The engine must find the plugin.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

from .errors import InvalidInputError, Problem
from .manifest.builder import Manifest
from .program.inputs import StandsForManifest, after, declared
from .program.outputs import ImageOutputs, SnapshotOutputs

__all__ = ["Image", "Manifest", "Snapshot"]


class Image(StandsForManifest, ImageOutputs, pulumi.CustomResource):
    """An image, built once and cached by the server under its content hash."""

    def __init__(
        self,
        resource_name: str,
        manifest: Any,
        *,
        timeout: float | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare an image.

        Args:
            resource_name: The resource's name in Pulumi.
            manifest: What the image holds, in any form that `pulumi_opencomputer.Image` takes.
            timeout: The seconds that the build may take, in place of ``custom_timeouts.create`` in `opts`.
            opts: The resource's options.

        Raises:
            InvalidInputError: The manifest has none of these forms, or the timeout is no number above zero.
        """
        self._declared_manifest = declared(manifest)
        inputs = {**dict.fromkeys(self._computed), "manifest": self._declared_manifest}
        super().__init__("opencomputer:index:Image", resource_name, inputs, _options("Image", manifest, timeout, opts))

    @staticmethod
    def base(name: pulumi.Input[str] = "base") -> Manifest:
        """Start a manifest, as `Manifest.base` does: documented snippets of the SDK run unchanged."""
        return Manifest.base(name)


class Snapshot(SnapshotOutputs, pulumi.CustomResource):
    """A name that sandboxes start from: ``Sandbox.create(snapshot=…)``."""

    def __init__(
        self,
        resource_name: str,
        manifest: Any,
        *,
        name: pulumi.Input[str] | None = None,
        adopt: pulumi.Input[bool] = False,
        timeout: float | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare a snapshot.

        Args:
            resource_name: The resource's name in Pulumi.
            manifest: What the image holds, in any form that `pulumi_opencomputer.Image` takes.
            name: The snapshot's name. Without it a name is generated, and changes with the content.
            adopt: Whether a snapshot that stands under the name, but was not made by this resource, may be replaced.
            timeout: The seconds that the build may take, in place of ``custom_timeouts.create`` in `opts`.
            opts: The resource's options.

        Raises:
            InvalidInputError: The manifest has none of these forms, or the timeout is no number above zero.
        """
        inputs = {**dict.fromkeys(self._computed), "manifest": declared(manifest), "name": name}
        if adopt is not False:
            inputs["adopt"] = adopt
        options = _options("Snapshot", manifest, timeout, opts)
        super().__init__("opencomputer:index:Snapshot", resource_name, inputs, options)


def _options(
    kind: str, manifest: Any, timeout: float | None, opts: pulumi.ResourceOptions | None
) -> pulumi.ResourceOptions | None:
    more = pulumi.ResourceOptions(aliases=[pulumi.Alias(type_=f"pulumi-python:dynamic/opencomputer:{kind}")])
    if timeout is not None:
        more.custom_timeouts = _timeouts(timeout, opts.custom_timeouts if opts else None)
    return after(manifest, pulumi.ResourceOptions.merge(opts, more))


def _timeouts(timeout: float, given: Any) -> pulumi.CustomTimeouts:
    """The custom timeouts that are given, with this one for a create."""
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not timeout > 0:
        raise InvalidInputError([Problem("timeout", "must be a number of seconds, above zero.")])
    others = given if isinstance(given, Mapping) else {key: getattr(given, key, None) for key in ("update", "delete")}
    return pulumi.CustomTimeouts(f"{timeout}s", others.get("update"), others.get("delete"))
