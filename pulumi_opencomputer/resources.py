"""The resources of a Python program: `Image` and `Snapshot`, on Pulumi's dynamic provider.

They turn a program's arguments into the provider's inputs, and nothing else: paths become absolute,
every form of a manifest becomes the declared one, and the paths of secret values are noted, since a
dynamic provider is given secrets in clear.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pulumi
from pulumi.dynamic import Resource
from pulumi.runtime.stack import Stack

from .dynamic import ImageProvider, SnapshotProvider
from .errors import InvalidInputError, Problem
from .manifest import Manifest, to_declared
from .walk import find_outputs

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:h|ms|m|s))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s)")

#: Outputs that the provider fills in; named in the inputs so that the program can refer to them.
_COMPUTED = ("contentHash", "builtHash", "checkpointId", "status", "apiUrl")


class _Built(Resource):
    """What both resources share."""

    _kind: ClassVar[str] = "Resource"

    def __init_subclass__(cls, module: str = "", name: str = "", **kwargs: Any) -> None:
        # A user's subclass is the same resource: without its names it would get another type.
        super().__init_subclass__(module=module or "opencomputer", name=name or cls._kind, **kwargs)

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
        """The hash that the server built: the content hash, unless that content was blocked there."""
        return pulumi.get(self, "builtHash")

    @property
    @pulumi.getter(name="checkpointId")
    def checkpoint_id(self) -> pulumi.Output[str]:
        """The id of the built image at the server."""
        return pulumi.get(self, "checkpointId")

    @property
    @pulumi.getter
    def status(self) -> pulumi.Output[str]:
        """``ready``; after a refresh also ``building``, ``failed``, or ``foreign`` for another's row."""
        return pulumi.get(self, "status")

    @property
    @pulumi.getter(name="apiUrl")
    def api_url(self) -> pulumi.Output[str]:
        """The address of the API where the row lives."""
        return pulumi.get(self, "apiUrl")

    @property
    @pulumi.getter(name="secretPaths")
    def secret_paths(self) -> pulumi.Output[Sequence[str]]:
        """Where secret values stand in the inputs, as ``manifest.steps[0].env.TOKEN``."""
        return pulumi.get(self, "secretPaths")


class Image(_Built):
    """An image, built once and cached by the server under its content hash.

    Example::

        image = Image("toolchain", Manifest.base().apt_install(["ripgrep"]))
    """

    _kind = "Image"

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
            manifest: A `Manifest`, another `Image`, an Output of a manifest, a mapping in the declared or in the
                API's form, or an object with ``to_dict()``, as the OpenComputer SDK's own ``Image``.
            timeout: The seconds that the build may take; 1800 unless ``custom_timeouts`` says otherwise.
            opts: The resource's options.

        Raises:
            InvalidInputError: The manifest has none of these forms.
        """
        inputs = _inputs(manifest, timeout, opts)
        self._declared_manifest = inputs["manifest"]
        inputs |= dict.fromkeys((*_COMPUTED, "cached"))
        inputs["urn"] = _urn(self._resource_type_name, resource_name, opts)
        super().__init__(ImageProvider(), resource_name, inputs, _after(manifest, opts))

    @staticmethod
    def base(name: pulumi.Input[str] = "base") -> Manifest:
        """Start a manifest, as `Manifest.base` does: documented snippets of the SDK run unchanged."""
        return Manifest.base(name)

    @property
    @pulumi.getter
    def cached(self) -> pulumi.Output[bool]:
        """Whether the create was answered from the server's cache."""
        return pulumi.get(self, "cached")


class Snapshot(_Built):
    """A name that sandboxes start from: ``Sandbox.create(snapshot=…)``.

    Example::

        Snapshot("daily", image, name="toolchain")  # a fixed name
        Snapshot("trial", image)                    # a generated name, new with each content
    """

    _kind = "Snapshot"

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
            manifest: What the image holds, in any form that `Image` takes.
            name: The snapshot's name. Without it a name is generated, and changes with the content.
            adopt: Whether a snapshot that stands under the name, but was not made by this resource, may be replaced.
            timeout: The seconds that the build may take; 1800 unless ``custom_timeouts`` says otherwise.
            opts: The resource's options.

        Raises:
            InvalidInputError: The manifest has none of these forms.
        """
        inputs = _inputs(manifest, timeout, opts, name=name)
        inputs |= dict.fromkeys((*_COMPUTED, "snapshotId", "createdAt", "lastUsedAt"))
        inputs["name"] = name
        if adopt is not False:
            inputs["adopt"] = adopt
        inputs["urn"] = _urn(self._resource_type_name, resource_name, opts)
        super().__init__(SnapshotProvider(), resource_name, inputs, _after(manifest, opts))

    @property
    @pulumi.getter
    def name(self) -> pulumi.Output[str]:
        """The snapshot's name, for ``Sandbox.create(snapshot=…)``."""
        return pulumi.get(self, "name")

    @property
    @pulumi.getter(name="snapshotId")
    def snapshot_id(self) -> pulumi.Output[str]:
        """The row's own id, new with each replacement."""
        return pulumi.get(self, "snapshotId")

    @property
    @pulumi.getter(name="createdAt")
    def created_at(self) -> pulumi.Output[str]:
        """When the row was made, RFC 3339 in UTC."""
        return pulumi.get(self, "createdAt")

    @property
    @pulumi.getter(name="lastUsedAt")
    def last_used_at(self) -> pulumi.Output[str]:
        """When a sandbox last started from it, as of the last create or refresh, RFC 3339 in UTC."""
        return pulumi.get(self, "lastUsedAt")


def _inputs(manifest: Any, timeout: float | None, opts: pulumi.ResourceOptions | None, **others: Any) -> dict[str, Any]:
    declared = _declared(manifest)
    if timeout is None:
        timeout = _create_timeout(opts)
    inputs = {"manifest": declared, "secretPaths": _secret_paths({"manifest": declared, **others})}
    # Each input is an Output of the resource too, of several futures: those that say nothing are left out.
    return inputs if timeout is None else {**inputs, "timeout": timeout}


def _after(manifest: Any, opts: pulumi.ResourceOptions | None) -> pulumi.ResourceOptions | None:
    """The options, with a dependency on the image that is given in place of a manifest."""
    if not isinstance(manifest, Image):
        return opts
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[manifest]))


def _declared(manifest: Any) -> Any:
    """The declared form; an Output is asked first, since it answers yes to any `hasattr`."""
    if isinstance(manifest, Manifest):
        return manifest.declared()
    if isinstance(manifest, Image):
        # Not its output: that is of the last deployment, whose local files may have lain elsewhere.
        return manifest._declared_manifest
    if isinstance(manifest, pulumi.Output):
        return manifest.apply(lambda value: pulumi.Output.from_input(_declared(value)))
    if isinstance(manifest, Mapping):
        return to_declared(manifest, lenient=True)
    if callable(getattr(manifest, "to_dict", None)):
        return to_declared(manifest.to_dict(), lenient=True)
    kinds = "a Manifest, an Image, an Output, a mapping, or an object with to_dict()"
    raise InvalidInputError([Problem("manifest", f"must be {kinds}, not a value of type {type(manifest).__name__}.")])


def _secret_paths(values: Mapping[str, Any]) -> pulumi.Input[Sequence[str]]:
    """Where secrets stand. An input, so that a change of what is secret is a change of the resource."""
    outputs = list(find_outputs(values))
    if not outputs:
        return []

    async def paths() -> list[str]:
        return [path for path, output in outputs if await output.is_secret()]

    return pulumi.Output.from_input(paths())


def _urn(type_name: str, resource_name: str, opts: pulumi.ResourceOptions | None) -> pulumi.Input[str]:
    """The resource's URN, which a dynamic provider is not told."""
    parent, type_name = opts.parent if opts else None, f"pulumi-python:{type_name}"
    if parent is None or isinstance(parent, Stack):
        # Known at once, where `create_urn` would answer by way of a dozen futures.
        return f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{type_name}::{resource_name}"
    # By way of the future: the parent would otherwise be a dependency of its own child.
    return pulumi.Output.from_input(
        pulumi.create_urn(resource_name, type_name, parent).future()  # type: ignore[arg-type]
    )


def _create_timeout(opts: pulumi.ResourceOptions | None) -> float | None:
    timeouts: Any = opts.custom_timeouts if opts else None
    text = timeouts.get("create") if isinstance(timeouts, Mapping) else getattr(timeouts, "create", None)
    if text is None:
        return None
    if not isinstance(text, str) or not _DURATION.fullmatch(text):
        raise InvalidInputError([Problem("custom_timeouts.create", 'must be a duration such as "90s" or "1h30m".')])
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
