"""What works in a manifest, but probably not as it is meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ..content.local_files import Directory, LocalFile
from ..errors import Problem
from .paths import join
from .steps import AddDir, AddFile

if TYPE_CHECKING:
    from .model import ManifestModel


def warnings_of(model: ManifestModel, local: Mapping[int, LocalFile | Directory]) -> Iterator[Problem]:
    """The warnings of a valid manifest, in the order of its steps.

    Args:
        model: The manifest.
        local: By the step's index, the file or directory that the step's ``source`` names.
    """
    for index, step in enumerate(model.steps):
        for place, reason in step.warnings():
            yield Problem(join(("manifest", "steps", index, step.key, *place)), reason)
        if index in local:
            at = join(("manifest", "steps", index, step.key, "source"))
            yield from (Problem(at, reason) for reason in _local_warnings(step, local[index]))


def _local_warnings(step: AddFile | AddDir, found: LocalFile | Directory) -> Iterator[str]:
    if isinstance(found, Directory) and not found.entries:
        yield "has no files that are not ignored; the directory stays empty."
    lost = _executables(found)
    if lost:
        more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
        remedy = f"add a run step with chmod +x below {step.detail()}"
        yield f"{lost[0]} is executable here{more}, but the API carries no modes: {remedy}."


def _executables(found: LocalFile | Directory) -> list[str]:
    if isinstance(found, Directory):
        return [entry.relative for entry in found.entries if entry.file.executable]
    return [found.path.rsplit("/", 1)[-1]] if found.executable else []
