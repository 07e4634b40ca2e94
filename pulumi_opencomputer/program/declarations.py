"""What a program may say of each resource, whichever provider serves it."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import pulumi

from ..manifest import places
from ..manifest.builder import Manifest
from . import fixed_names
from .failures import show_plainly
from .inputs import HasManifest, ManifestInput, declared, places_of
from .outputs import ImageOutputs, SnapshotOutputs

show_plainly()


class Declaration(pulumi.Resource):
    """A resource as a program declares it.

    Attributes:
        any_declared: Whether this process has declared one.
    """

    any_declared: ClassVar[bool] = False

    @abstractmethod
    def _register(
        self,
        resource_name: str,
        inputs: dict[str, Any],
        manifest: Any,
        timeout: float | None,
        opts: pulumi.ResourceOptions | None,
    ) -> None:
        """Register it with the engine.

        Args:
            resource_name: The resource's name in Pulumi.
            inputs: Its inputs, and None for each output that the provider fills in.
            manifest: The manifest as the program gave it.
            timeout: The seconds that the build may take, or None.
            opts: The resource's options.
        """

    def _take_manifest(self, manifest: Any) -> None:
        """Remember the declared form, where others may be given this resource in place of it."""


class ImageDeclaration(HasManifest, ImageOutputs, Declaration):
    """An image, built once and cached by the server under its content hash.

    Example::

        image = Image("toolchain", Manifest.base().apt_install(["ripgrep"]))
    """

    def __init__(
        self,
        resource_name: str,
        manifest: ManifestInput,
        *,
        timeout: float | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare an image.

        Args:
            resource_name: The resource's name in Pulumi.
            manifest: A `Manifest`, another `Image`, an Output of a manifest, a mapping in the declared or in the
                API's form, or an object with ``to_dict()``, as the OpenComputer SDK's own ``Image``.
            timeout: The seconds that the build may take, in place of ``custom_timeouts.create`` in `opts`; 1800 where
                neither says otherwise.
            opts: The resource's options.

        Raises:
            InvalidInputError: The manifest has none of these forms, or an option can't be used.
        """
        self._declared_manifest = declared(manifest)
        self._declared_places = places_of(manifest)
        inputs = {**dict.fromkeys(self._computed), "manifest": self._declared_manifest, **_place(manifest, opts)}
        self._register(resource_name, inputs, manifest, timeout, opts)

    def _take_manifest(self, manifest: Any) -> None:
        self._declared_manifest = manifest

    @staticmethod
    def base(name: pulumi.Input[str] = "base") -> Manifest:
        """Start a manifest, as `Manifest.base` does: documented snippets of the SDK run unchanged."""
        return Manifest.base(name)


class SnapshotDeclaration(SnapshotOutputs, Declaration):
    """A name that sandboxes start from: ``Sandbox.create(snapshot=…)``.

    Example::

        Snapshot("daily", image, name="toolchain")  # a fixed name
        Snapshot("trial", image)                    # a generated name, new with each content
        Snapshot("trial", image, keep=3)            # the same, and the last three stay

    With `keep`, use `name`, never `id`: the name changes with the content, and the id is no name then.
    """

    def __init__(
        self,
        resource_name: str,
        manifest: ManifestInput | None = None,
        *,
        name: pulumi.Input[str] | None = None,
        adopt: pulumi.Input[bool] = False,
        keep: pulumi.Input[int] | None = None,
        source_snapshot: pulumi.Input[str] | None = None,
        source_hash: pulumi.Input[str] | None = None,
        timeout: float | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare a snapshot.

        Args:
            resource_name: The resource's name in Pulumi.
            manifest: What the image holds, in any form that `Image` takes.
            name: The snapshot's name. Without it a name is generated, and changes with the content.
            adopt: Whether a snapshot that stands under the name, but was not made by this resource, may be replaced.
            keep: How many superseded versions stay when the content changes, from 1 to 100; only without `name`. A
                change of content is then an update: `name` and `versions` change, and `id` stays.
            source_snapshot: In place of a manifest, the name of another snapshot, whose content this one gets, byte for
                byte. Another name is a change, other content under the same name is none.
            source_hash: The content hash that the other snapshot must have; with it the hash is known in a preview.
            timeout: The seconds that the build may take, in place of ``custom_timeouts.create`` and, with `keep`,
                ``custom_timeouts.update`` in `opts`; 1800 where neither says otherwise.
            opts: The resource's options.

        Raises:
            InvalidInputError: The manifest has none of these forms, an option can't be used, or another resource of
                the program has the name.
        """
        named = manifest is None and source_snapshot is not None
        content = {"manifest": None if named else declared(manifest), "sourceSnapshot": source_snapshot}
        inputs = {**dict.fromkeys(self._computed), **content, "name": name, **_place(manifest, opts)}
        if source_hash is not None:
            inputs["sourceHash"] = source_hash
        if adopt is not False:
            inputs["adopt"] = adopt
        if keep is not None:
            inputs["keep"] = keep
        if isinstance(manifest, ImageDeclaration):
            # Where `ignore_changes` keeps the image's recorded manifest, the program's own is other content.
            inputs["imageHash"] = manifest.content_hash
        fixed_names.refuse_taken(name, opts)
        self._register(resource_name, inputs, manifest, timeout, opts)
        fixed_names.note(name, resource_name, opts)


def _place(manifest: Any, opts: pulumi.ResourceOptions | None) -> dict[str, str]:
    """The input that tells where the program declares a resource and its steps; none where that is not known."""
    Declaration.any_declared = True
    hidden = (opts and opts.hide_diffs) or ()
    hides = any(path.partition(".")[0].partition("[")[0] == "manifest" for path in hidden)
    text = places.encoded(places.here(), places_of(manifest), hides_changes=hides)
    return {places.INPUT: text} if text.strip() else {}
