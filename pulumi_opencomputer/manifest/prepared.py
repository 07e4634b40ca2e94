"""A checked manifest together with its files on this machine, ready to be hashed and sent."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ..content.hashing import Hashed, content_hash, hash_with_digests
from ..content.local_files import Directory, LocalFile, scan_directory, scan_file
from ..errors import InvalidInputError, LocalFileError, Problem
from ..sanitize import excerpt
from .model import ManifestModel, parse
from .paths import find, join
from .sizes import human_size
from .steps import Step
from .warnings import record_warnings, refusals_of, warnings_of

_STEP = re.compile(r"manifest\.steps\[(\d+)\]")


# Keys that a check fills in for display. They are not part of the content.
_FILLED_IN = ("size", "digest")


@dataclass(frozen=True)
class PreparedManifest:
    """A valid manifest and its local files.

    Attributes:
        model: The manifest in the declared form.
        local: The file or directory that a step's ``source`` names, by the step's index.
        warnings: Things that will work, but probably not as intended.
        verbatim: Whether texts are sent unchanged, even if the server's shell does not take them literally. That is so
            for a manifest from the server's own record, which keeps the record's hash.
    """

    model: ManifestModel = field(repr=False)
    local: Mapping[int, LocalFile | Directory]
    warnings: tuple[Problem, ...] = ()
    verbatim: bool = False
    key: Hashable = field(init=False, repr=False)
    """Equal for manifests with the same content; made from the declared form and each file's stat."""

    def __post_init__(self) -> None:
        stats = tuple((index, *_fingerprints(found)) for index, found in sorted(self.local.items()))
        steps = [(step.key, _own_values(step)) for step in self.model.steps]
        declared = json.dumps([self.model.base, steps, self.model.rebuild])
        object.__setattr__(self, "key", (declared, stats, self.verbatim))

    def image(self, variant: int = 0) -> dict[str, Any]:
        """Return the manifest in the API's form, with local files as Blobs and directories as FileLists.

        Args:
            variant: 0 for the manifest itself. n > 0 adds a key that the server ignores to the last step, which makes
                it other content with the same effect.
        """
        steps: list[dict[str, Any]] = [
            {"type": step.api_type, "args": step.args(self.local.get(index), verbatim=self.verbatim)}
            for index, step in enumerate(self.model.steps)
        ]
        token: Any = self.model.rebuild
        if variant:
            token = variant if token is None else f"{token}/{variant}"
        if token is not None and steps:
            steps[-1]["args"]["rebuild"] = token
        image: dict[str, Any] = {"base": self.model.base, "steps": steps}
        if self.model.builder_memory_mb:
            image["builderMemoryMB"] = self.model.builder_memory_mb
        if self.model.runtime_memory_mb:
            image["runtimeMemoryMB"] = self.model.runtime_memory_mb
        return image

    def hashed(self) -> Hashed:
        """Read the local files for the content hash and for each step's digest.

        Raises:
            ContentChangedError: A file has changed since it was listed.
            LocalFileError: A file can't be read.
        """
        return hash_with_digests(self.image(), self.local)

    def size_of(self, index: int) -> str:
        """Return the amount of local files in a step for display: ``12 files, 3.4 MB``; empty if it has none."""
        found = self.local.get(index)
        if isinstance(found, Directory):
            noun = "file" if len(found.entries) == 1 else "files"
            return f"{len(found.entries)} {noun}, {human_size(found.total_bytes)}"
        return human_size(found.size) if found else ""


def prepare(declared: Any, planned_hash: str = "") -> PreparedManifest:
    """Validate a manifest of plain values and list its local files.

    Args:
        declared: A manifest in the declared form.
        planned_hash: The content hash that a check computed, if any. By it a manifest from a server's record is
            recognised, whose texts are sent unchanged.

    Raises:
        InvalidInputError: Every mistake, with its path.
    """
    examined = examine(declared, lambda _: False)
    prepared = examined.prepared
    if planned_hash and (prepared is None or not _is_literal(prepared)):
        recorded = examine(declared, lambda _: False, verbatim=True).prepared
        if recorded and content_hash(recorded.image()) == planned_hash:
            return recorded
    if prepared is None:
        raise InvalidInputError(examined.problems)
    return prepared


def _is_literal(prepared: PreparedManifest) -> bool:
    """Tell whether all texts are sent exactly as declared, without added quotes."""
    return all(step.args(None) == step.args(None, verbatim=True) for step in prepared.model.steps if step.has_words)


@dataclass(frozen=True)
class Examination:
    """The result of checking a manifest.

    Attributes:
        checked: The declared form, with the number of files and bytes of each local source filled in.
        problems: Every mistake; empty if the known parts of the manifest are valid.
        prepared: The prepared manifest; None if there are problems or unknown values.
    """

    checked: Any = field(repr=False)
    problems: tuple[Problem, ...]
    prepared: PreparedManifest | None


def examine(declared: Any, is_unknown: Callable[[Any], bool], *, verbatim: bool = False) -> Examination:
    """Validate a manifest, parts of which may not be known yet.

    Args:
        declared: A manifest in the declared form.
        is_unknown: Tells whether a value is known only later. Such a value is not checked.
        verbatim: Whether the manifest comes from a server's record. Its texts are then used unchanged, and what would
            otherwise be refused is only a warning.
    """
    unknown = [join(("manifest", *path)) for path, _ in find(declared, is_unknown)]
    if unknown == ["manifest"]:
        return Examination(declared, (), None)
    model, problems = parse(declared)
    local, missing = _scan(declared)
    refused = [each for each in refusals_of(declared) if not any(_covers(each.path, other) for other, _ in problems)]
    problems = [*problems, *missing, *([] if verbatim else refused)]
    if unknown:
        known = [problem for problem in problems if not _about_unknown(problem.path, unknown)]
        return Examination(declared, _in_order(known), None)
    if model is None or problems:
        return Examination(declared, _in_order(problems), None)
    said = [*warnings_of(model, local), *(record_warnings(model, refused) if verbatim else ())]
    made = PreparedManifest(model, local, _in_order(said), verbatim)
    return Examination(_with_counts(declared, local), (), made)


def _about_unknown(path: str, unknown: list[str]) -> bool:
    return any(_covers(path, other) or _covers(other, path) for other in unknown)


def _covers(outer: str, path: str) -> bool:
    return path == outer or path.startswith((outer + ".", outer + "["))


def _in_order(problems: list[Problem]) -> tuple[Problem, ...]:
    """Sort by step; problems of the whole manifest come first."""

    def step(problem: Problem) -> int:
        match = _STEP.match(problem.path)
        return int(match[1]) if match else -1

    return tuple(sorted(problems, key=step))


def _scan(declared: Any) -> tuple[dict[int, LocalFile | Directory], list[Problem]]:
    """List every local source, even if other parts of the manifest are wrong or not known yet."""
    local: dict[int, LocalFile | Directory] = {}
    problems: list[Problem] = []
    for index, key, body in _sources(declared):
        try:
            # A Python program has already expanded `~`; programs in other languages can't.
            source = os.path.expanduser(body["source"])  # noqa: PTH111
            local[index] = scan_file(source) if key == "addFile" else scan_directory(source, body.get("ignore") or ())
        except LocalFileError as error:
            path = join(("manifest", "steps", index, key, "source"))
            problems.append(Problem(path, f"{excerpt(body['source'])}: {error}"))
    return local, problems


def _sources(declared: Any) -> Iterator[tuple[int, str, Mapping[str, Any]]]:
    steps = declared.get("steps") if isinstance(declared, Mapping) else None
    for index, step in enumerate(steps if isinstance(steps, list | tuple) else ()):
        for key in ("addFile", "addDir"):
            body = step.get(key) if isinstance(step, Mapping) else None
            if isinstance(body, Mapping) and _can_be_scanned(body):
                yield index, key, body


def _can_be_scanned(body: Mapping[str, Any]) -> bool:
    source, ignore = body.get("source"), body.get("ignore") or ()
    named = isinstance(source, str) and source.strip() and "\0" not in source
    return bool(named) and isinstance(ignore, list | tuple) and all(isinstance(line, str) for line in ignore)


def _with_counts(declared: Any, local: Mapping[int, LocalFile | Directory]) -> Any:
    if not local:
        return declared
    steps = [dict(step) for step in declared.get("steps", ())]
    for index, found in local.items():
        (key,) = steps[index]
        counts = (
            {"files": len(found.entries), "bytes": found.total_bytes}
            if isinstance(found, Directory)
            else {"bytes": found.size}
        )
        steps[index] = {key: {**steps[index][key], **counts}}
    return {**declared, "steps": steps}


def with_digests(checked: Any, digests: Mapping[int, str]) -> Any:
    """Return the checked form with the digest of each step's local files filled in.

    Args:
        checked: A valid manifest in the declared form.
        digests: The digests by the step's index.
    """
    if not digests:
        return checked
    steps = list(checked["steps"])
    for index, digest in digests.items():
        ((key, body),) = steps[index].items()
        steps[index] = {key: {**body, "digest": digest}}
    return {**checked, "steps": steps}


def _own_values(step: Step) -> Any:
    """Return a step's value without the keys that a check fills in for display."""
    (value,) = asdict(step).values()
    return value if step.has_words else {key: each for key, each in value.items() if key not in _FILLED_IN}


def _fingerprints(found: LocalFile | Directory) -> Iterator[Hashable]:
    if isinstance(found, Directory):
        for entry in found.entries:
            yield (entry.relative, entry.file.fingerprint)
    else:
        yield found.fingerprint
