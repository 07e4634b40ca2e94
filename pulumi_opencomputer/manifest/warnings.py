"""Warnings about what probably does not work as intended, and problems with what would not run as declared."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..content.local_files import Directory, LocalFile
from ..errors import Problem
from .paths import join
from .sizes import LARGE_BYTES, human_size
from .steps import KINDS, Run, Step
from .unmeant import unmeant

if TYPE_CHECKING:
    from .model import ManifestModel

_CONTAINER_IMAGE = re.compile(r"[:/@]")
_KEPT = "keeps the wording of the server's record, and so its content hash, until you change the manifest."


def refusals_of(declared: Any) -> Iterator[Problem]:
    """Yield what the server would not run as declared, with what to do, even if other parts are wrong or unknown.

    Args:
        declared: A manifest in the declared form, or anything else.
    """
    steps = declared.get("steps") if isinstance(declared, Mapping) else None
    for index, step in enumerate(steps if isinstance(steps, list | tuple) else ()):
        for key, value in step.items() if isinstance(step, Mapping) and len(step) == 1 else ():
            for place, reason in KINDS[key].refusals(value) if key in KINDS else ():
                yield Problem(join(("manifest", "steps", index, key, *place)), reason)


def record_warnings(model: ManifestModel, refused: Sequence[Problem]) -> Iterator[Problem]:
    """Yield warnings about the wording of a server's record, which is used unchanged.

    Args:
        model: The manifest.
        refused: The problems for which a program's manifest would be refused.
    """
    yield from (Problem(path, f"{_KEPT} In a changed manifest it is refused: it {reason}") for path, reason in refused)
    for index, step in enumerate(model.steps):
        at = join(("manifest", "steps", index, step.key))
        is_refused = any(path.startswith(at) for path, _ in refused)
        if step.has_words and not is_refused and step.args(None) != step.args(None, verbatim=True):
            yield Problem(
                at,
                f"{_KEPT} The server's shell did not take it literally, so the image may contain something else than "
                "it says. To build what it says, put it in single quotes.",
            )


def warnings_of(model: ManifestModel, local: Mapping[int, LocalFile | Directory]) -> Iterator[Problem]:
    """Yield the warnings about a valid manifest, in the order of its steps.

    Args:
        model: The manifest.
        local: The file or directory that a step's ``source`` names, by the step's index.
    """
    if _CONTAINER_IMAGE.search(model.base):
        yield Problem(
            "manifest.base",
            "looks like the name of a container image, but the server only has its own bases (base, which is Ubuntu "
            "22.04), so the build will probably fail. Start from base, and install the rest in steps.",
        )
    for index, step in enumerate(model.steps):
        for place, reason in step.warnings():
            yield Problem(join(("manifest", "steps", index, step.key, *place)), reason)
        if index in local:
            at = join(("manifest", "steps", index, step.key, "source"))
            later = [command for each in model.steps[index + 1 :] if isinstance(each, Run) for command in each.commands]
            is_mended = any("chmod" in command and step.detail() in command for command in later)
            reasons = _local_warnings(step, local[index], is_mended=is_mended)
            yield from (Problem(at, reason) for reason in reasons)
    total = sum(_size(found) for found in local.values())
    if total > LARGE_BYTES:
        yield Problem(
            "manifest",
            f"embeds {human_size(total)} of local files. Every build sends all of them, and reading the snapshot may "
            "download all of them. Leave out what the image does not need with ignore, or fetch it in a run step.",
        )


def _size(found: LocalFile | Directory) -> int:
    return found.total_bytes if isinstance(found, Directory) else found.size


def _local_warnings(step: Step, found: LocalFile | Directory, *, is_mended: bool) -> Iterator[str]:
    if isinstance(found, Directory):
        if not found.entries:
            yield "has no files, or only ignored ones, so the directory in the image will be empty."
        if reason := unmeant(found):
            yield reason
    lost = [] if is_mended else _executables(found)
    if lost:
        more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
        remedy = f"add a run step with chmod +x below {step.detail()}"
        yield f"{lost[0]} is executable here{more}, but the API carries no modes: {remedy}."


def _executables(found: LocalFile | Directory) -> list[str]:
    if isinstance(found, Directory):
        return [entry.relative for entry in found.entries if entry.file.executable]
    return [found.path.rsplit("/", 1)[-1]] if found.executable else []
