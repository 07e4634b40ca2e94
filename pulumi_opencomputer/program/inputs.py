"""A program's arguments turned into inputs, for whichever provider serves the resource."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import pulumi

from ..errors import InvalidInputError, Problem
from ..manifest.builder import Manifest
from ..manifest.forms import to_declared
from .manifest_types import HasToDict, ManifestDict

_SDK_IMAGE = (
    "is an Image of the opencomputer SDK that was given a name or a manifest, as if it were the resource. Write "
    "`from pulumi_opencomputer import Image` for that; the SDK's own begins with Image.base()."
)


class HasManifest(pulumi.Resource):
    """A resource that may be given in place of its manifest.

    Attributes:
        _declared_manifest: Its manifest in the declared form, as the program gave it.
        _declared_places: The program's line of each of its steps.
    """

    _declared_manifest: Any
    _declared_places: Sequence[str] = ()


#: What a resource takes for its manifest.
ManifestInput: TypeAlias = (
    Manifest
    | HasManifest
    | ManifestDict
    | HasToDict
    | pulumi.Output[Manifest | HasManifest | Mapping[str, object] | HasToDict]
)


def after(manifest: Any, opts: pulumi.ResourceOptions | None) -> pulumi.ResourceOptions | None:
    """The options, with a dependency on the image that is given in place of a manifest."""
    if not isinstance(manifest, HasManifest):
        return opts
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[manifest]))


def declared(manifest: Any) -> Any:
    """The declared form; an Output is asked first, since it answers yes to any `hasattr`."""
    if isinstance(manifest, Manifest):
        return manifest.declared()
    if isinstance(manifest, HasManifest):
        # Not its output: that is of the last deployment, whose local files may have lain elsewhere.
        return manifest._declared_manifest
    if isinstance(manifest, pulumi.Output):
        return manifest.apply(lambda value: pulumi.Output.from_input(declared(value)))
    if isinstance(manifest, Mapping):
        return to_declared(manifest, lenient=True)
    if callable(getattr(manifest, "to_dict", None)):
        return to_declared(_as_mapping(manifest), lenient=True)
    kinds = "a Manifest, an Image, an Output, a mapping, or an object with to_dict()"
    raise InvalidInputError([Problem("manifest", f"must be {kinds}, not a value of type {type(manifest).__name__}.")])


def places_of(manifest: Any) -> Sequence[str]:
    """The program's line of each step, where the manifest tells."""
    if isinstance(manifest, Manifest):
        return manifest.places
    return manifest._declared_places if isinstance(manifest, HasManifest) else ()


def _as_mapping(manifest: Any) -> Any:
    """What ``to_dict()`` gives. The SDK's Image takes any arguments, and may have been given those of the resource."""
    is_of_sdk = type(manifest).__module__.partition(".")[0] == "opencomputer"
    if is_of_sdk and getattr(manifest, "_base", "base") != "base":
        raise InvalidInputError([Problem("manifest", _SDK_IMAGE)])
    try:
        return manifest.to_dict()
    except Exception as error:
        why = _SDK_IMAGE if is_of_sdk else f"has a to_dict() that fails with {type(error).__name__}."
        raise InvalidInputError([Problem("manifest", why)]) from error
