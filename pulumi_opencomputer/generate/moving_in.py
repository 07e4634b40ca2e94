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
from ..lifecycle.types import Checked
from ..manifest.paths import copied
from .account import LeftOutError
from .local_files import with_local_files
from .names import Names
from .resource import ConfigSecret, Resource, Wanted
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

    def add(self, wanted: Wanted, record: Record) -> Resource:
        """Turn a record into a resource, and write its files.

        Raises:
            LeftOutError: The provider can't declare the record; the message says why.
        """
        what = f"the {wanted.kind.lower()}"
        try:
            declared = declare(record, what, most_inline=math.inf)["manifest"]
        except InvalidInputError as error:
            raise LeftOutError(str(error).removeprefix("id: ")) from error
        name = self._names.of(wanted.id if wanted.kind == "Snapshot" else f"image-{wanted.id[:12]}")
        urn = f"urn:pulumi:generated::generated::opencomputer:index:{wanted.kind}::{name}"
        imported = self._imported(wanted, record, urn)
        resource = Resource(wanted.kind, name, wanted.id, copied(declared), is_imported=imported is not None)
        resource.take_secrets(list(self.choose_secrets(name, find(declared))), self._names)
        place = self.folder / "files" / name
        aside = with_local_files(resource.manifest, place, f"./files/{name}", self.inline_bytes)
        checked = self._checked(resource, self._given(aside, declared), imported, urn)
        try:
            if imported is None:
                self._require_declarable(resource, record, checked)
            elif not self._keeps_the_image(resource, imported, checked, aside, urn):
                aside = resource.manifest
                shutil.rmtree(place, ignore_errors=True)
        except LeftOutError:
            shutil.rmtree(place, ignore_errors=True)
            raise
        resource.manifest = aside
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
            raise LeftOutError(str(error).removeprefix("id: ")) from error
        self.notes += [f"{wanted.id}: {warning}" for warning in imported.warnings]
        return imported

    def _checked(self, resource: Resource, manifest: Any, imported: Imported | None, urn: str) -> Checked:
        inputs: dict[str, Any] = {"manifest": manifest}
        if resource.kind == "Snapshot":
            inputs["name"] = resource.id
        return self.lifecycle.check(KINDS[resource.kind], urn, imported.inputs if imported else {}, inputs)

    def _keeps_the_image(
        self, resource: Resource, imported: Imported, checked: Checked, aside: Mapping[str, Any], urn: str
    ) -> bool:
        """Tell whether the first ``pulumi up`` has no changes although the files are on disk.

        Raises:
            LeftOutError: The program can't declare it, wherever the files are.
        """
        if not checked.problems:
            return not self.lifecycle.diff(KINDS[resource.kind], urn, imported.outputs, checked.inputs).changes
        problems = _text_of(checked)
        if aside == resource.manifest:
            raise LeftOutError(problems)
        self.notes.append(f"{resource.id}: its files stay inside the program, because beside it they fail: {problems}")
        return False

    def _require_declarable(self, resource: Resource, record: Record, checked: Checked) -> None:
        """Note what happens to a record that is too large to import.

        Raises:
            LeftOutError: A program can't declare it as it is recorded.
        """
        large = "its files are larger than Pulumi's state can hold (4 MB), so it can't be imported"
        way = "takes over its name (adopt)" if resource.is_adopted else "declares it"
        if checked.problems:
            raise LeftOutError(
                f"{large}, and the program can't declare it as it is recorded: {_text_of(checked)} Declare it by hand "
                f"with the words corrected{', and with adopt: true to take over its name' * resource.is_adopted}."
            )
        is_same = checked.inputs["contentHash"] == record.content_hash
        makes = "makes it anew from the server's cache" if is_same else "builds it anew, since its content hash differs"
        self.notes.append(f"{resource.id}: {large}. Instead the program {way}: the first pulumi up {makes}.")

    def _given(self, manifest: Mapping[str, Any], declared: Any) -> Any:
        """Return a manifest as the program passes it to the provider: absolute file paths, secrets in clear."""
        given = _with_secrets(manifest, declared)
        for step in given.get("steps", ()):
            for body in (step.get("addFile"), step.get("addDir")):
                if body and "source" in body:
                    body["source"] = str(self.folder / body["source"])
        return given


def _with_secrets(manifest: Any, declared: Any) -> Any:
    """Return a copy of a manifest with the declared values in place of references to the configuration."""
    if isinstance(manifest, ConfigSecret):
        return declared
    if isinstance(manifest, Mapping):
        return {
            key: _with_secrets(value, declared.get(key) if isinstance(declared, Mapping) else None)
            for key, value in manifest.items()
        }
    if isinstance(manifest, list):
        return [_with_secrets(value, declared[index]) for index, value in enumerate(manifest)]
    return manifest


def _text_of(checked: Checked) -> str:
    return " ".join(str(problem) for problem in checked.problems)
