"""A checked manifest together with what it names on this machine: ready to be hashed and sent."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..content.go_json import FileList
from ..content.local_files import Directory, LocalFile, scan_directory, scan_file
from ..errors import InvalidInputError, LocalFileError, Problem
from ..sanitize import excerpt
from .model import (
    AddDir,
    AddFile,
    AptInstall,
    Env,
    ManifestModel,
    PipInstall,
    Run,
    Workdir,
    parse,
)
from .paths import find, join

#: Inline content above this many bytes is worth a warning: it is kept in state, and sent with each call.
INLINE_WARNING_BYTES = 256 * 1024

_STEP = re.compile(r"manifest\.steps\[(\d+)\]")

# What a shell does not take literally outside of quotes; the server quotes nothing.
_SHELL = re.compile(r"""['"$`\s\\;&|<>()*?#]""")


@dataclass(frozen=True)
class Plan:
    """A valid manifest and its local files.

    Attributes:
        model: The manifest in the declared form.
        local: By the step's index, the file or directory that the step's ``source`` names.
        warnings: What will work, but probably not as it is meant.
    """

    model: ManifestModel = field(repr=False)
    local: Mapping[int, LocalFile | Directory]
    warnings: tuple[Problem, ...] = ()
    key: Hashable = field(init=False, repr=False)
    """Equal for plans of equal content; made of the declared form and each file's stat."""

    def __post_init__(self) -> None:
        stats = tuple((index, *_fingerprints(found)) for index, found in sorted(self.local.items()))
        declared = self.model.model_dump_json(by_alias=True, include={"base", "steps", "rebuild"})
        object.__setattr__(self, "key", (declared, stats))

    def image(self, twin: int = 0) -> dict[str, Any]:
        """The manifest in the API's form; local files stand in it as Blobs, directories as FileLists.

        Args:
            twin: 0 for the manifest itself; n > 0 adds a key that the server ignores to the last step,
                which gives other content with the same effect.
        """
        steps = [self._api_step(index) for index in range(len(self.model.steps))]
        token: Any = self.model.rebuild
        if twin:
            token = twin if token is None else f"{token}/{twin}"
        if token is not None and steps:
            steps[-1]["args"]["rebuild"] = token
        image: dict[str, Any] = {"base": self.model.base, "steps": steps}
        if self.model.builder_memory_mb:
            image["builderMemoryMB"] = self.model.builder_memory_mb
        if self.model.runtime_memory_mb:
            image["runtimeMemoryMB"] = self.model.runtime_memory_mb
        return image

    def size_of(self, index: int) -> str:
        """What a step embeds of this machine, for people: ``12 files, 3.4 MB``; empty where nothing."""
        found = self.local.get(index)
        if isinstance(found, Directory):
            noun = "file" if len(found.entries) == 1 else "files"
            return f"{len(found.entries)} {noun}, {human_size(found.total_bytes)}"
        return human_size(found.size) if found else ""

    def _api_step(self, index: int) -> dict[str, Any]:
        step = self.model.steps[index]
        match step:
            case AptInstall():
                return _step("apt_install", packages=list(step.packages))
            case PipInstall():
                return _step("pip_install", packages=list(step.packages))
            case Run():
                return _step("run", commands=list(step.commands))
            case Env():
                return _step("env", vars=dict(step.variables))
            case Workdir():
                return _step("workdir", path=step.path)
            case AddFile():
                content = self.local[index] if index in self.local else _base64(step.file.inline().raw())
                return _step("add_file", path=step.file.path, content=content, encoding="base64")
            case AddDir():
                return _step("add_dir", path=step.directory.path, files=self._entries(index, step))

    def _entries(self, index: int, step: AddDir) -> FileList | list[dict[str, Any]]:
        found = self.local.get(index)
        if isinstance(found, Directory):
            return FileList(found.entries)
        inline = sorted(step.directory.inline_entries(), key=lambda entry: entry.relative_path)
        return [{"relativePath": entry.relative_path, "content": _base64(entry.raw())} for entry in inline]


def plan(declared: Any) -> Plan:
    """Validate a manifest of plain values and look at its local files.

    Args:
        declared: A manifest in the declared form.

    Raises:
        InvalidInputError: Every mistake, with its path.
    """
    examined = examine(declared, lambda _: False)
    if examined.plan is None:
        raise InvalidInputError(examined.problems)
    return examined.plan


@dataclass(frozen=True)
class Examination:
    """What a check finds out about a manifest.

    Attributes:
        checked: The declared form, with the number of files and bytes of each local source filled in.
        problems: Every mistake; empty where the manifest is good as far as it is known.
        plan: The plan; None where there are problems or unknown values.
    """

    checked: Any = field(repr=False)
    problems: tuple[Problem, ...]
    plan: Plan | None


def examine(declared: Any, is_unknown: Callable[[Any], bool]) -> Examination:
    """Validate a manifest, parts of which may not be known yet.

    Args:
        declared: A manifest in the declared form.
        is_unknown: Tells a value that will be known only later; nothing is said about such a value.
    """
    unknown = [join(("manifest", *path)) for path, _ in find(declared, is_unknown)]
    if unknown == ["manifest"]:
        return Examination(declared, (), None)
    model, problems = parse(declared)
    local, missing = _scan(declared)
    problems = [*problems, *missing]
    if unknown:
        known = [problem for problem in problems if not _about_unknown(problem.path, unknown)]
        return Examination(declared, _in_order(known), None)
    if model is None or problems:
        return Examination(declared, _in_order(problems), None)
    made = Plan(model, local, tuple(_warnings(model, local)))
    return Examination(_with_counts(declared, local), (), made)


def _about_unknown(path: str, unknown: list[str]) -> bool:
    return any(_covers(path, other) or _covers(other, path) for other in unknown)


def _covers(outer: str, path: str) -> bool:
    return path == outer or path.startswith((outer + ".", outer + "["))


def _in_order(problems: list[Problem]) -> tuple[Problem, ...]:
    """In the order of the steps; what is about the whole manifest comes first."""

    def step(problem: Problem) -> int:
        match = _STEP.match(problem.path)
        return int(match[1]) if match else -1

    return tuple(sorted(problems, key=step))


def _scan(declared: Any) -> tuple[dict[int, LocalFile | Directory], list[Problem]]:
    """Look at every local source, also where other parts of the manifest are wrong or not known yet."""
    local: dict[int, LocalFile | Directory] = {}
    problems: list[Problem] = []
    for index, key, body in _sources(declared):
        try:
            local[index] = (
                scan_file(body["source"])
                if key == "addFile"
                else scan_directory(body["source"], body.get("ignore") or ())
            )
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


def _warnings(model: ManifestModel, local: Mapping[int, LocalFile | Directory]) -> Iterator[Problem]:
    for index, step in enumerate(model.steps):
        at = join(("manifest", "steps", index))
        yield from _shell_warnings(index, step)
        if isinstance(step, AddFile | AddDir):
            yield from _file_warnings(at, step, local.get(index))


def _shell_warnings(index: int, step: Any) -> Iterator[Problem]:
    at = join(("manifest", "steps", index))
    said = "holds a character that the server's shell does not take literally: the step may fail, or the value change."
    if isinstance(step, AptInstall | PipInstall):
        key = "aptInstall" if isinstance(step, AptInstall) else "pipInstall"
        for number, package in enumerate(step.packages):
            if _SHELL.search(package):
                yield Problem(f"{at}.{key}[{number}]", said)
    elif isinstance(step, Env):
        for name, value in step.variables.items():
            if _SHELL.search(value):
                yield Problem(join(("manifest", "steps", index, "env", name)), said)
    elif isinstance(step, Workdir) and _SHELL.search(step.path):
        yield Problem(f"{at}.workdir", said)


def _file_warnings(at: str, step: AddFile | AddDir, found: LocalFile | Directory | None) -> Iterator[Problem]:
    key, body = ("addFile", step.file) if isinstance(step, AddFile) else ("addDir", step.directory)
    if found is None:
        yield from _inline_warnings(f"{at}.{key}", step)
    elif isinstance(found, Directory) and not found.entries:
        yield Problem(f"{at}.{key}.source", "has no files that are not ignored; the directory stays empty.")
    lost = _executables(found)
    if lost:
        more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
        remedy = f"add a run step with chmod +x below {body.path}"
        reason = f"is executable here{more}, but the API carries no modes: {remedy}."
        yield Problem(f"{at}.{key}.source", f"{lost[0]} {reason}")


def _executables(found: LocalFile | Directory | None) -> list[str]:
    if isinstance(found, Directory):
        return [entry.relative for entry in found.entries if entry.file.executable]
    return [found.path.rsplit("/", 1)[-1]] if found is not None and found.executable else []


def _inline_warnings(at: str, step: AddFile | AddDir) -> Iterator[Problem]:
    parts = [step.file.inline()] if isinstance(step, AddFile) else step.directory.inline_entries()
    total = sum(len(part.raw()) for part in parts)
    if total > INLINE_WARNING_BYTES:
        size = total // 1024
        yield Problem(at, f"carries {size} KB inline, all of it in Pulumi's state; a local source is not.")


def _fingerprints(found: LocalFile | Directory) -> Iterator[Hashable]:
    if isinstance(found, Directory):
        for entry in found.entries:
            yield (entry.relative, entry.file.fingerprint)
    else:
        yield found.fingerprint


def _step(kind: str, **args: Any) -> dict[str, Any]:
    return {"type": kind, "args": args}


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def human_size(count: int) -> str:
    """A number of bytes for people: ``3.4 MB``, in powers of 1000."""
    size = float(count)
    if count < 1000:
        return f"{count} byte" if count == 1 else f"{count} bytes"
    for unit in ("kB", "MB"):
        size /= 1000
        # Above it would be rounded to 1000.0.
        if size < 999.95:
            return f"{size:.1f} {unit}"
    size /= 1000
    return f"{size:.1f} GB"
