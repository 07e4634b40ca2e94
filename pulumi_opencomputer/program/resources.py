"""The resources of a Python program: `Image` and `Snapshot`, on Pulumi's dynamic provider.

They turn a program's arguments into the provider's inputs, and nothing else: paths become absolute, every form of a
manifest becomes the declared one, and what the engine does not tell a dynamic provider is passed along.
"""

from __future__ import annotations

from typing import Any, ClassVar

import pulumi
from pulumi.dynamic import Resource, ResourceProvider
from pulumi.runtime.stack import Stack

from ..dynamic import ImageProvider, SnapshotProvider
from .declarations import Declaration, ImageDeclaration, SnapshotDeclaration
from .inputs import after, declared
from .options import refuse_unusable, warn_of_plain_key
from .secrecy import known_parts, secret_paths
from .timeouts import create_timeout, given_timeout

# Inputs that the engine and the API show in clear: a secret among them is refused.
_NAMES = ("name", "sourceSnapshot")


class _DynamicResource(Declaration, Resource):
    """A resource whose provider runs in the program's own Python environment."""

    _kind: ClassVar[str] = "Resource"
    _provider_type: ClassVar[type[ResourceProvider]]

    def __init_subclass__(cls, module: str = "", name: str = "", **kwargs: Any) -> None:
        # A user's subclass is the same resource: without its names it would get another type.
        super().__init_subclass__(module=module or "opencomputer", name=name or cls._kind, **kwargs)

    def _register(
        self,
        resource_name: str,
        inputs: dict[str, Any],
        manifest: Any,
        timeout: float | None,
        opts: pulumi.ResourceOptions | None,
    ) -> None:
        warn_of_plain_key()
        self._timeout = timeout
        options = after(manifest, opts)
        inputs["urn"] = _urn(self._resource_type_name, resource_name, options)
        Resource.__init__(self, self._provider_type(), resource_name, self._completed(inputs, options), options)

    def _completed(self, inputs: dict[str, Any], opts: pulumi.ResourceOptions | None) -> dict[str, Any]:
        """The inputs with what the provider has to be told about them."""
        refuse_unusable(opts)
        manifest = inputs["manifest"]
        timeout = create_timeout(opts) if self._timeout is None else self._timeout
        keeps = inputs.get("keep") is not None
        told = {
            "timeout": timeout,
            # An update builds, and a delete has much to do, only where versions are kept.
            "updateTimeout": given_timeout(opts, "update") if keeps else None,
            "deleteTimeout": given_timeout(opts, "delete") if keeps else None,
            "secretPaths": secret_paths({"manifest": manifest, **{key: inputs.get(key) for key in _NAMES}}),
            "knownParts": known_parts(manifest, opts),
        }
        # Each input costs time in the program, the engine and the provider: those that say nothing are left out.
        rest = {key: value for key, value in inputs.items() if key not in told}
        return {**rest, "manifest": manifest, **{key: value for key, value in told.items() if value is not None}}

    def _complete_again(self, args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        """Complete the inputs that the program's transformations have left."""
        if args.resource is not self:
            return None
        inputs = self._completed({**args.props, "manifest": _declared(args.props.get("manifest"))}, args.opts)
        self._take_manifest(inputs["manifest"])
        return pulumi.ResourceTransformationResult(inputs, args.opts)

    @property
    def _transformations(self) -> list[pulumi.ResourceTransformation]:
        """Those of this resource and its parents. Pulumi sets them here, and then applies them in order."""
        return self._applied_transformations

    @_transformations.setter
    def _transformations(self, given: list[pulumi.ResourceTransformation]) -> None:
        self._applied_transformations = [*given, self._complete_again] if given else []


class Image(ImageDeclaration, _DynamicResource):
    """An image, built once and cached by the server under its content hash."""

    _kind = "Image"
    _provider_type = ImageProvider


class Snapshot(SnapshotDeclaration, _DynamicResource):
    """A name that sandboxes start from: ``Sandbox.create(snapshot=…)``."""

    _kind = "Snapshot"
    _provider_type = SnapshotProvider


def _declared(manifest: Any) -> Any:
    """The declared form of what a transformation left; a snapshot of another one's content has none."""
    return None if manifest is None else declared(manifest)


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
