"""The arguments of the resources, shared by the dynamic provider's classes and the plugin's."""

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
        any_declared: Whether this process has declared any image or snapshot.
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
        """Register the resource with the engine.

        Args:
            resource_name: The resource's name in Pulumi.
            inputs: Its inputs, with None for each output that the provider fills in.
            manifest: The manifest as the program passed it.
            timeout: The build's time limit in seconds, or None.
            opts: The resource's options.
        """

    def _take_manifest(self, manifest: Any) -> None:
        """Store the declared form, if this resource can be passed to another one as its manifest."""


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
            manifest: What the image contains: a `Manifest`, another `Image`, an Output of a manifest, a mapping in
                the declared form or in the API's form, or an object with ``to_dict()`` such as the OpenComputer
                SDK's ``Image``.
            timeout: The build's time limit in seconds. Overrides ``custom_timeouts.create`` in `opts`; if neither is
                set, it is 1800.
            opts: The resource's options.

        Raises:
            InvalidInputError: The manifest has none of these forms, or an option is not supported.
        """
        self._declared_manifest = declared(manifest)
        self._declared_places = places_of(manifest)
        inputs = {**dict.fromkeys(self._computed), "manifest": self._declared_manifest, **_place(manifest, opts)}
        self._register(resource_name, inputs, manifest, timeout, opts)

    def _take_manifest(self, manifest: Any) -> None:
        self._declared_manifest = manifest

    @staticmethod
    def base(name: pulumi.Input[str] = "base") -> Manifest:
        """Start a manifest, like `Manifest.base`. With it, snippets from the SDK's documentation run unchanged."""
        return Manifest.base(name)


class SnapshotDeclaration(SnapshotOutputs, Declaration):
    """A name that sandboxes start from: ``Sandbox.create(snapshot=…)``.

    Example::

        Snapshot("daily", image, name="toolchain")  # a fixed name
        Snapshot("trial", image)                    # a generated name that changes with the content
        Snapshot("trial", image, keep=3)            # the same, and the three previous versions are kept

    With `keep`, start sandboxes from `name`, never from `id`: the name changes with the content, while the id stays
    and is not the name of any snapshot.
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
            manifest: What the snapshot contains, in any form that `Image` accepts.
            name: The snapshot's name. If omitted, a name is generated, which changes with the content.
            adopt: Whether to replace an existing snapshot of this name that this resource did not create.
            keep: How many superseded versions to keep when the content changes, from 1 to 100. Can't be combined with
                `name`. A change of content is then an update: `name` and `versions` change, and `id` stays.
            source_snapshot: The name of another snapshot to copy the content from, byte for byte, instead of a
                manifest. Changing this name changes the resource; new content under the same name does not.
            source_hash: The content hash that the source snapshot must have. With it, a preview knows the hash.
            timeout: The build's time limit in seconds. Overrides ``custom_timeouts.create`` in `opts` and, with
                `keep`, also ``custom_timeouts.update``; if nothing is set, it is 1800.
            opts: The resource's options.

        Raises:
            InvalidInputError: The manifest has none of these forms, an option is not supported, or another resource
                of the program has the same name.
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
            # With `ignore_changes` the image keeps its recorded manifest, and the program's may differ from it. The
            # provider compares this hash to notice that.
            inputs["imageHash"] = manifest.content_hash
        fixed_names.refuse_taken(name, opts)
        self._register(resource_name, inputs, manifest, timeout, opts)
        fixed_names.note(name, resource_name, opts)


def _place(manifest: Any, opts: pulumi.ResourceOptions | None) -> dict[str, str]:
    """Return the input with the program lines that declare the resource and its steps; empty if they are unknown."""
    Declaration.any_declared = True
    hidden = (opts and opts.hide_diffs) or ()
    hides = any(path.partition(".")[0].partition("[")[0] == "manifest" for path in hidden)
    text = places.encoded(places.here(), places_of(manifest), hides_changes=hides)
    return {places.INPUT: text} if text.strip() else {}
