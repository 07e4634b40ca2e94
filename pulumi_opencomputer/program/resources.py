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

from ..dynamic import ImageProvider, SnapshotProvider
from ..errors import InvalidInputError, Problem
from ..manifest.builder import Manifest
from ..manifest.paths import find_outputs
from .inputs import StandsForManifest, after, declared
from .outputs import ImageOutputs, SnapshotOutputs

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:h|ms|m|s))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s)")


class _Built(Resource):
    """What both resources share."""

    _kind: ClassVar[str] = "Resource"

    def __init_subclass__(cls, module: str = "", name: str = "", **kwargs: Any) -> None:
        # A user's subclass is the same resource: without its names it would get another type.
        super().__init_subclass__(module=module or "opencomputer", name=name or cls._kind, **kwargs)


class Image(StandsForManifest, ImageOutputs, _Built):
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
        inputs |= dict.fromkeys(self._computed)
        inputs["urn"] = _urn(self._resource_type_name, resource_name, opts)
        super().__init__(ImageProvider(), resource_name, inputs, after(manifest, opts))

    @staticmethod
    def base(name: pulumi.Input[str] = "base") -> Manifest:
        """Start a manifest, as `Manifest.base` does: documented snippets of the SDK run unchanged."""
        return Manifest.base(name)


class Snapshot(SnapshotOutputs, _Built):
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
        inputs |= dict.fromkeys(self._computed)
        inputs["name"] = name
        if adopt is not False:
            inputs["adopt"] = adopt
        inputs["urn"] = _urn(self._resource_type_name, resource_name, opts)
        super().__init__(SnapshotProvider(), resource_name, inputs, after(manifest, opts))


def _inputs(manifest: Any, timeout: float | None, opts: pulumi.ResourceOptions | None, **others: Any) -> dict[str, Any]:
    wanted = declared(manifest)
    if timeout is None:
        timeout = _create_timeout(opts)
    extra = {"timeout": timeout, "secretPaths": _secret_paths({"manifest": wanted, **others})}
    # Each input costs time in the program, the engine and the provider: those that say nothing are left out.
    return {"manifest": wanted, **{key: value for key, value in extra.items() if value is not None}}


def _secret_paths(values: Mapping[str, Any]) -> pulumi.Output[Sequence[str] | None] | None:
    """Where secrets stand, if anywhere. An input, so that a change of what is secret is a change of the resource."""
    outputs = list(find_outputs(values))
    if not outputs:
        return None

    async def paths() -> list[str] | None:
        return [path for path, output in outputs if await output.is_secret()] or None

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
