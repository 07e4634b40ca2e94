"""`Image` and `Snapshot`, the resources of a Python program, served by Pulumi's dynamic provider.

They only convert a program's arguments into the provider's inputs: make paths absolute, convert every form of a
manifest to the declared form, and add what the engine doesn't tell a dynamic provider, such as the URN.
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

# The engine and the API show these inputs in clear, so a secret value is rejected.
_NAMES = ("name", "sourceSnapshot")


class _DynamicResource(Declaration, Resource):
    """A resource whose provider runs in the program's own Python environment."""

    _kind: ClassVar[str] = "Resource"
    _provider_type: ClassVar[type[ResourceProvider]]

    def __init_subclass__(cls, module: str = "", name: str = "", **kwargs: Any) -> None:
        # Give a user's subclass the same module and name; otherwise Pulumi would see a resource of another type.
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
        """Return the inputs with what the engine doesn't tell the provider: timeouts and where secrets are."""
        refuse_unusable(opts)
        manifest = inputs["manifest"]
        timeout = create_timeout(opts) if self._timeout is None else self._timeout
        keeps = inputs.get("keep") is not None
        told = {
            "timeout": timeout,
            # Only with `keep` does an update build anything, or a delete take long.
            "updateTimeout": given_timeout(opts, "update") if keeps else None,
            "deleteTimeout": given_timeout(opts, "delete") if keeps else None,
            "secretPaths": secret_paths({"manifest": manifest, **{key: inputs.get(key) for key in _NAMES}}),
            "knownParts": known_parts(manifest, opts),
        }
        # Each input costs time in the program, the engine and the provider, so leave out those that are None.
        rest = {key: value for key, value in inputs.items() if key not in told}
        return {**rest, "manifest": manifest, **{key: value for key, value in told.items() if value is not None}}

    def _complete_again(self, args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        """Complete the inputs again after the program's transformations, which may have changed them."""
        if args.resource is not self:
            return None
        inputs = self._completed({**args.props, "manifest": _declared(args.props.get("manifest"))}, args.opts)
        self._take_manifest(inputs["manifest"])
        return pulumi.ResourceTransformationResult(inputs, args.opts)

    @property
    def _transformations(self) -> list[pulumi.ResourceTransformation]:
        """The transformations of this resource and its parents. Pulumi sets them, then applies them in order."""
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
    """Return the declared form of a manifest after transformations; None if the content is another snapshot's."""
    return None if manifest is None else declared(manifest)


def _urn(type_name: str, resource_name: str, opts: pulumi.ResourceOptions | None) -> pulumi.Input[str]:
    """Return the resource's URN, which the engine doesn't tell a dynamic provider."""
    parent, type_name = opts.parent if opts else None, f"pulumi-python:{type_name}"
    if parent is None or isinstance(parent, Stack):
        # Build the URN directly: `create_urn` would take a dozen futures.
        return f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{type_name}::{resource_name}"
    # Only take the future's value: the Output itself would make the child depend on its parent.
    return pulumi.Output.from_input(
        pulumi.create_urn(resource_name, type_name, parent).future()  # type: ignore[arg-type]
    )
