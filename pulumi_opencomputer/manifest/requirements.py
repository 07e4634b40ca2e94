"""Read the requirements of a Python project, in the program, and turn them into steps.

Plain requirements become one `pipInstall` step, so that a preview shows each of them. Files with options, hashes or
constraints are sent to the server unchanged, and pip reads them there.
"""

from __future__ import annotations

import codecs
import hashlib
import os
import re
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InvalidInputError, Problem
from .shell_words import is_requirement

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_COMMENT = re.compile(r"(^|\s+)#.*$")
_FILE_OPTION = re.compile(r"(?:-r|-c|--requirement|--constraint)(?:\s+|=|(?<=-[rc]))(?P<file>.+)")
_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_LOCAL_OPTION = re.compile(r"(?:-e|--editable|-f|--find-links)(?:\s+|=|(?<=-[ef]))(?P<place>.+)")
_LOCAL = re.compile(r"[./~]|file:|[A-Za-z]:[\\/]")
_ARCHIVE = re.compile(r"\.(whl|zip|tar\.gz|tar\.bz2|tgz)\s*\Z")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

Step = dict[str, Any]


class _WrongLine(Exception):  # noqa: N818 - it becomes a Problem at once
    """A line can't become a step. The text says why, and where possible what to do."""


def requirement_steps(path: str | os.PathLike[str], group: str | None, index: int) -> list[Step]:
    """Return the steps that install what a file requires.

    Args:
        path: A requirements file, or a ``pyproject.toml``.
        group: The dependency group or extra of a ``pyproject.toml``; by default its ``project.dependencies``.
        index: The number of the first step, for errors.

    Raises:
        InvalidInputError: The file can't be read, or a line can't become a step. Names the file and the line.
    """
    file = Path(os.path.abspath(os.path.expanduser(os.fspath(path))))  # noqa: PTH100, PTH111 - links stay as they are
    try:
        return _plain_step(_project_requirements(file, group)) if file.suffix == ".toml" else _file_steps(file, group)
    except _WrongLine as error:
        raise InvalidInputError([Problem(f"manifest.steps[{index}].pipInstall", f"{file.name} {error}")]) from None
    except OSError as error:
        reason = f"{file.name} can't be read: {error.strerror}."
        raise InvalidInputError([Problem(f"manifest.steps[{index}].pipInstall", reason)]) from None


def _plain_step(requirements: Sequence[str]) -> list[Step]:
    if not requirements:
        raise _WrongLine("has no requirements.")
    return [{"pipInstall": list(requirements)}]


# Requirements files


@dataclass
class _Read:
    """The contents of a requirements file and of those that it includes.

    Attributes:
        texts: The text of each file.
        requirements: All requirements.
        needs_files: Whether pip has to read the files themselves, because of options, hashes or constraints.
    """

    texts: dict[Path, str] = field(default_factory=dict)
    requirements: list[str] = field(default_factory=list)
    needs_files: bool = False


def _file_steps(file: Path, group: str | None) -> list[Step]:
    if group is not None:
        raise _WrongLine("has no groups; give the pyproject.toml that has them.")
    found = _Read()
    _read_file(file, found, "")
    if not found.needs_files:
        return _plain_step(list(dict.fromkeys(found.requirements)))
    root = Path(os.path.commonpath([each.parent for each in found.texts]))
    digest = hashlib.sha256("\0".join(found.texts.values()).encode()).hexdigest()[:8]
    places = {each: f"/tmp/requirements-{digest}/{each.relative_to(root).as_posix()}" for each in found.texts}  # noqa: S108
    steps: list[Step] = [{"addFile": {"path": places[each], "content": text}} for each, text in found.texts.items()]
    return [*steps, {"run": [f"sudo pip install -q -r {shlex.quote(places[file])}"]}]


def _read_file(file: Path, found: _Read, said: str) -> None:
    if file in found.texts:
        return
    found.texts[file] = text = _text(file)
    for number, line in _lines(text):
        where = f"{said}line {number}"
        if _VARIABLE.search(line):
            raise _WrongLine(f"{where} uses an environment variable, which is not set on the server: write its value.")
        if line.startswith("-"):
            found.needs_files = found.needs_files or not line.startswith(("-r", "--requirement"))
            _read_option(line, file, found, where)
        else:
            _read_requirement(line, found, where)


def _read_option(line: str, file: Path, found: _Read, where: str) -> None:
    if option := _FILE_OPTION.fullmatch(line):
        name = " ".join(shlex.split(option["file"]))
        if _ADDRESS.match(name):
            found.needs_files = True
            return
        nested = Path(os.path.normpath(file.parent / name))
        try:
            _read_file(nested, found, f"{where}: {nested.name} ")
        except OSError as error:
            raise _WrongLine(f"{where} names {nested.name}, which can't be read: {error.strerror}.") from None
    elif (option := _LOCAL_OPTION.fullmatch(line)) and not _ADDRESS.match(option["place"]):
        raise _WrongLine(f"{where} names a directory of this machine: {_ADD_IT}")


_ADD_IT = "add it with add_local_dir or add_local_file, and install it with run_commands."


def _read_requirement(line: str, found: _Read, where: str) -> None:
    requirement, option = re.match(r"(.*?)(\s--?\w.*)?\Z", line, re.DOTALL).groups()  # type: ignore[union-attr]
    if _LOCAL.match(line) or (_ARCHIVE.search(requirement) and not _ADDRESS.search(line)):
        raise _WrongLine(f"{where} names a file of this machine: {_ADD_IT}")
    if not is_requirement(requirement.strip()):
        raise _WrongLine(f"{where} is not a valid requirement.")
    found.needs_files = found.needs_files or bool(option)
    found.requirements.append(requirement.strip())


def _text(file: Path) -> str:
    raw = file.read_bytes()
    encoding = next((name for mark, name in _MARKS if raw.startswith(mark)), "utf-8")
    try:
        return raw.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise _WrongLine(f"is not {encoding.removesuffix('-sig').upper()} text.") from None


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines as pip joins them, without comments, each with the number of its first line."""
    held, first = "", 0
    for number, line in enumerate([*text.splitlines(), ""], 1):
        is_comment = _COMMENT.match(line) is not None
        if line.endswith("\\") and not is_comment:
            held, first = held + line.rstrip("\\"), first or number
            continue
        whole = held + (" " + line if is_comment else line)
        bare = _COMMENT.sub("", whole).strip()
        if bare:
            yield first or number, bare
        held, first = "", 0


# pyproject.toml


def _project_requirements(file: Path, group: str | None) -> list[str]:
    try:
        project = tomllib.loads(_text(file))
    except tomllib.TOMLDecodeError as error:
        raise _WrongLine(f"is not TOML: {error}.") from None
    table = _table(project.get("project"))
    if group is None:
        return _requirements(table.get("dependencies", []), "project.dependencies")
    groups = {_normal(name): each for name, each in _table(project.get("dependency-groups")).items()}
    extras = {_normal(name): each for name, each in _table(table.get("optional-dependencies")).items()}
    if _normal(group) in groups:
        return list(dict.fromkeys(_group(_normal(group), groups, ())))
    if _normal(group) in extras:
        return _requirements(extras[_normal(group)], f"the extra {group}")
    raise _WrongLine(f"has no group or extra {group!r}; it has {', '.join([*groups, *extras]) or 'none'}.")


def _group(name: str, groups: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[str]:
    if name in above or name not in groups:
        reason = "includes itself" if name in above else "is included but does not exist"
        raise _WrongLine(f"has a group {name!r} that {reason}.")
    entries = groups[name]
    for entry in entries if isinstance(entries, list) else [None]:
        if isinstance(entry, dict) and list(entry) == ["include-group"]:
            yield from _group(_normal(str(entry["include-group"])), groups, (*above, name))
        else:
            yield from _requirements([entry], f"the group {name}")


def _requirements(entries: Any, where: str) -> list[str]:
    if not isinstance(entries, list) or not all(isinstance(entry, str) and is_requirement(entry) for entry in entries):
        raise _WrongLine(f"has an entry in {where} that is not a valid requirement.")
    return list(entries)


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
