"""Convert a program's arguments into a resource's inputs, for either provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import pulumi

from ..errors import InvalidInputError, Problem
from ..manifest.builder import Manifest
from ..manifest.forms import to_declared
from .manifest_types import HasToDict, ManifestDict

_SDK_IMAGE = (
    "is an Image of the opencomputer SDK, created with a name or a manifest as if it were the resource. For the "
    "resource write `from pulumi_opencomputer import Image`; an Image of the SDK begins with Image.base()."
)


class HasManifest(pulumi.Resource):
    """A resource that can be passed where a manifest is expected.

    Attributes:
        _declared_manifest: Its manifest in the declared form, as the program passed it.
        _declared_places: For each step, the program line that declares it.
    """

    _declared_manifest: Any
    _declared_places: Sequence[str] = ()


#: Every type that a resource accepts as its manifest.
ManifestInput: TypeAlias = (
    Manifest
    | HasManifest
    | ManifestDict
    | HasToDict
    | pulumi.Output[Manifest | HasManifest | Mapping[str, object] | HasToDict]
)


def after(manifest: Any, opts: pulumi.ResourceOptions | None) -> pulumi.ResourceOptions | None:
    """Return the options, plus a dependency on the image if one was passed as the manifest."""
    if not isinstance(manifest, HasManifest):
        return opts
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[manifest]))


def declared(manifest: Any) -> Any:
    """Return the declared form of a manifest.

    Raises:
        InvalidInputError: The value is not a manifest.
    """
    if isinstance(manifest, Manifest):
        return manifest.declared()
    if isinstance(manifest, HasManifest):
        # Don't use the `manifest` output: it is from the last deployment, whose local files may have been elsewhere.
        return manifest._declared_manifest
    # Check this before `to_dict`, because an Output claims to have any attribute.
    if isinstance(manifest, pulumi.Output):
        return manifest.apply(lambda value: pulumi.Output.from_input(declared(value)))
    if isinstance(manifest, Mapping):
        return to_declared(manifest, lenient=True)
    if callable(getattr(manifest, "to_dict", None)):
        return to_declared(_as_mapping(manifest), lenient=True)
    kinds = "a Manifest, an Image, an Output, a mapping, or an object with to_dict()"
    raise InvalidInputError([Problem("manifest", f"must be {kinds}, not a value of type {type(manifest).__name__}.")])


def places_of(manifest: Any) -> Sequence[str]:
    """Return the program line of each step, or an empty sequence if the manifest doesn't record them."""
    if isinstance(manifest, Manifest):
        return manifest.places
    return manifest._declared_places if isinstance(manifest, HasManifest) else ()


def _as_mapping(manifest: Any) -> Any:
    """Return the result of ``to_dict()``.

    The SDK's ``Image`` accepts any arguments, so a program may have confused it with the resource of the same name.

    Raises:
        InvalidInputError: The program confused the two, or ``to_dict()`` fails.
    """
    is_of_sdk = type(manifest).__module__.partition(".")[0] == "opencomputer"
    if is_of_sdk and getattr(manifest, "_base", "base") != "base":
        raise InvalidInputError([Problem("manifest", _SDK_IMAGE)])
    try:
        return manifest.to_dict()
    except Exception as error:
        why = _SDK_IMAGE if is_of_sdk else f"has a to_dict() that fails with {type(error).__name__}."
        raise InvalidInputError([Problem("manifest", why)]) from error
