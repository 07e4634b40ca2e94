"""The resources for Python programs that use the plugin instead of the dynamic provider.

Their arguments and outputs are the same. A program switches by changing its import to
``from pulumi_opencomputer.native import Image, Manifest, Snapshot``. Each resource has the dynamic one of the same
name as an alias, so nothing is rebuilt. The engine must be able to find the plugin.
"""

from __future__ import annotations

from typing import Any, ClassVar

import pulumi

from .about import plugin_download_url, version
from .manifest.builder import Manifest
from .program.declarations import Declaration, ImageDeclaration, SnapshotDeclaration
from .program.functions import SnapshotInfo, get_snapshot, list_snapshots
from .program.inputs import after
from .program.options import warn_of_plain_key
from .program.plugin_check import warn_of_plugin
from .program.timeouts import with_create_timeout

__all__ = ["Image", "Manifest", "Snapshot", "SnapshotInfo", "get_snapshot", "list_snapshots"]


class _PluginResource(Declaration, pulumi.CustomResource):
    """A resource that the plugin serves."""

    _kind: ClassVar[str]

    def _register(
        self,
        resource_name: str,
        inputs: dict[str, Any],
        manifest: Any,
        timeout: float | None,
        opts: pulumi.ResourceOptions | None,
    ) -> None:
        warn_of_plain_key()
        warn_of_plugin()
        options = _options(self._kind, manifest, timeout, opts, updates=inputs.get("keep") is not None)
        pulumi.CustomResource.__init__(self, f"opencomputer:index:{self._kind}", resource_name, inputs, options)


class Image(ImageDeclaration, _PluginResource):
    """An image, built once and cached by the server under its content hash."""

    _kind = "Image"


class Snapshot(SnapshotDeclaration, _PluginResource):
    """A name that sandboxes start from: ``Sandbox.create(snapshot=…)``."""

    _kind = "Snapshot"


def _options(
    kind: str, manifest: Any, timeout: float | None, opts: pulumi.ResourceOptions | None, *, updates: bool = False
) -> pulumi.ResourceOptions | None:
    # If Pulumi has to download the plugin, it takes the version of this package.
    plugin = pulumi.ResourceOptions(version=version(), plugin_download_url=plugin_download_url() or None)
    more = pulumi.ResourceOptions(aliases=[pulumi.Alias(type_=f"pulumi-python:dynamic/opencomputer:{kind}")])
    if timeout is not None:
        more.custom_timeouts = with_create_timeout(timeout, opts.custom_timeouts if opts else None, updates=updates)
    return after(manifest, pulumi.ResourceOptions.merge(pulumi.ResourceOptions.merge(plugin, opts), more))
