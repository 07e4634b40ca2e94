"""Turn a record into a resource of the program so that the first ``pulumi up`` after its import has no changes."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInputError
from ..lifecycle import KINDS, Imported, Lifecycle
from ..lifecycle.importing import declare
from ..manifest.paths import copied
from .account import LeftOutError
from .names import Names
from .resource import ConfigSecret, Resource, Wanted, with_local_files
from .sensitive import Sensitive, find

if TYPE_CHECKING:
    from ..api.records import Record

#: Given a resource's name and the values that look like secrets, returns those to put into the stack's configuration.
ChooseSecrets = Callable[[str, Sequence[Sensitive]], Sequence[Sensitive]]


@dataclass
class MovingIn:
    """A builder of one program's resources.

    Attributes:
        lifecycle: The lifecycle, which checks and compares exactly as the provider does.
        folder: The folder that the program's files are written to.
        inline_bytes: The largest text file, in bytes, that is written into the program itself.
        choose_secrets: Chooses which values that look like secrets are treated as secrets.
        notes: Lines to show to the user.
    """

    lifecycle: Lifecycle
    folder: Path
    inline_bytes: int
    choose_secrets: ChooseSecrets
    notes: list[str] = field(default_factory=list)
    _names: Names = field(default_factory=Names)
    _keys: set[str] = field(default_factory=set)

    def add(self, wanted: Wanted, record: Record) -> Resource:
        """Turn a record into a resource, and write its files.

        Raises:
            LeftOutError: The provider can't declare the record; the message says why.
        """
        what = f"the {wanted.kind.lower()}"
        try:
            declared = declare(record, what, most_inline=math.inf)["manifest"]
        except InvalidInputError as error:
            raise LeftOutError(str(error)) from error
        name = self._names.of(wanted.id if wanted.kind == "Snapshot" else f"image-{wanted.id[:12]}")
        urn = f"urn:pulumi:generated::generated::opencomputer:index:{wanted.kind}::{name}"
        imported = self._imported(wanted, record, urn)
        resource = Resource(wanted.kind, name, wanted.id, copied(declared), is_imported=imported is not None)
        resource.take_secrets(list(self.choose_secrets(name, find(declared))), self._keys)
        self._put_files_aside(resource, declared, imported, urn)
        return resource

    def _imported(self, wanted: Wanted, record: Record, urn: str) -> Imported | None:
        """Return the inputs and outputs that an import gives, or None if the record's files are too large for a state.

        Raises:
            LeftOutError: The record can't be imported for another reason; the message says which.
        """
        kind = KINDS[wanted.kind]
        try:
            declare(record, wanted.kind)
        except InvalidInputError:
            return None
        try:
            imported = self.lifecycle.import_record(kind, urn, record)
        except InvalidInputError as error:
            raise LeftOutError(str(error)) from error
        self.notes += [f"{wanted.id}: {warning}" for warning in imported.warnings]
        return imported

    def _put_files_aside(
        self, resource: Resource, declared: Mapping[str, Any], imported: Imported | None, urn: str
    ) -> None:
        inline = resource.manifest
        place = self.folder / "files" / resource.name
        aside = with_local_files(inline, place, f"./files/{resource.name}", self.inline_bytes)
        given = self._given(aside, declared)
        kind = KINDS[resource.kind]
        inputs: dict[str, Any] = {"manifest": given}
        if resource.kind == "Snapshot":
            inputs["name"] = resource.id
        checked = self.lifecycle.check(kind, urn, imported.inputs if imported else {}, inputs)
        if imported is None:
            self._note_of_large(resource, [str(problem) for problem in checked.problems])
            resource.manifest = aside
        elif checked.problems or self.lifecycle.diff(kind, urn, imported.outputs, checked.inputs).changes:
            # With files on disk the first `pulumi up` would have changes, so keep everything in the program.
            shutil.rmtree(place, ignore_errors=True)
        else:
            resource.manifest = aside

    def _given(self, manifest: Any, declared: Any) -> Any:
        """Return a manifest as the program passes it to the provider: absolute file paths, secrets in clear."""
        if isinstance(manifest, ConfigSecret):
            return declared
        if isinstance(manifest, Mapping):
            found = {
                key: self._given(value, declared.get(key) if isinstance(declared, Mapping) else None)
                for key, value in manifest.items()
            }
            return {**found, "source": str(self.folder / found["source"])} if "source" in found else found
        if isinstance(manifest, list):
            return [self._given(value, declared[index]) for index, value in enumerate(manifest)]
        return manifest

    def _note_of_large(self, resource: Resource, problems: Sequence[str]) -> None:
        if problems:
            raise LeftOutError(" ".join(problems))
        self.notes.append(
            f"{resource.id}: its files are larger than Pulumi's state can hold (4 MB), so it can't be imported. "
            "Instead the program takes over its name (adopt): the first pulumi up creates it again from the server's "
            "cache."
        )
