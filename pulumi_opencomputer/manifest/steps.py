"""The kinds of steps: one class each, with everything that is specific to the kind.

A kind's models, its two forms, its line in the log and its entry in the plugin's schema are derived from its class.
The classes are plain dataclasses. Each instance is a validated step; `model` makes them with the help of pydantic.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from ..errors import InvalidInputError, Problem
from .files import Directory, DirectoryEntry, File
from .paths import Path, copied, join
from .shell_commands import command_refusals, commands_as_sent
from .shell_words import is_apt_pin, is_one_word, is_requirement, package_as_sent, package_refusals
from .sizes import INLINE_WARNING_BYTES
from .values import RemotePath, Shape, TextList, Variables

if TYPE_CHECKING:
    from ..content import local_files

    #: What a step's ``source`` names on this machine; None if it has none.
    Local: TypeAlias = local_files.LocalFile | local_files.Directory | None

#: A path below a step, and a warning or problem there.
Remark: TypeAlias = tuple[Path, str]

#: Characters that are changed or that break the file when the server writes a variable to it through two shells, and
#: PAM reads it.
CHANGED_IN_ENV = re.compile(r"""['"$`\\\n#]""")
_FAILS_IN_PROFILE = re.compile(r"[.-]")


_BROKEN_WORKDIR = (
    "holds a blank or a character that the server's shell does not take literally, so another directory would be made. "
    "Use a path without them, or make the directory with a run step that quotes it."
)


def _quoted(value: Any) -> str:
    """Return a text or a list of texts as a literal in a program."""
    return json.dumps(value, ensure_ascii=False)


def _value(key: str, *examples: Any) -> Any:
    """Return the dataclass field for the value of a step's key in the declared form, the only field of a step."""
    return field(metadata={"alias": key, "examples": list(examples)})


class Step(Shape):
    """A step. A subclass is a kind of step.

    Attributes:
        key: Its key in the declared form.
        api_type: Its type in the API's form.
        title: The beginning of its line in the log.
        method: The builder's method that makes such a step.
        has_words: Whether the server puts texts of it into a shell command without quotes.
    """

    key: ClassVar[str]
    api_type: ClassVar[str]
    title: ClassVar[str]
    method: ClassVar[str]
    has_words: ClassVar[bool] = True

    def args(self, local: Local, *, verbatim: bool = False) -> dict[str, Any]:
        """Return its arguments in the API's form, with a local file as a Blob and a directory as a FileList.

        Args:
            local: The file or directory that its ``source`` names on this machine, or None.
            verbatim: Whether texts are sent unchanged, as in a server's record, even if the shell does not take them
                literally.
        """
        raise NotImplementedError

    @classmethod
    def declared(cls, args: dict[str, Any], path: Path) -> Any:
        """Return the value of its key in the declared form for arguments in the API's form.

        Raises:
            InvalidInputError: The arguments can't be converted.
        """
        raise NotImplementedError

    def detail(self) -> str:
        """Return a description for the log, without values of variables and contents of files."""
        raise NotImplementedError

    def call(self) -> str:
        """Return the builder's call that makes it, such as ``.pip_install(["nump"])``; shows no more than `detail`."""
        return f".{self.method}({_quoted(self.detail())})"

    def warnings(self) -> Iterator[Remark]:
        """Yield warnings about what will work, but probably not as intended."""
        yield from ()

    @classmethod
    def refusals(cls, value: Any) -> Iterator[Remark]:
        """Yield what the server would not run as declared, with what to do.

        Args:
            value: The value of the key, of any type. Parts that are not known yet are skipped.
        """
        del value
        yield from ()


class _PlainStep(Step):
    """A step whose only argument is the declared value itself.

    Attributes:
        argument: The argument's name in the API's form.
    """

    argument: ClassVar[str]

    def args(self, local: Local, *, verbatim: bool = False) -> dict[str, Any]:  # noqa: ARG002 - it names no files
        return {self.argument: copied(self._value() if verbatim else self._as_sent())}

    @classmethod
    def declared(cls, args: dict[str, Any], path: Path) -> Any:
        if set(args) != {cls.argument}:
            raise _unknown_arguments([cls.argument], path)
        return copied(args[cls.argument])

    def _value(self) -> Any:
        raise NotImplementedError

    def _as_sent(self) -> Any:
        return self._value()


class _Packages(_PlainStep):
    argument = "packages"
    packages: TextList

    def _value(self) -> list[str]:
        return self.packages

    def _as_sent(self) -> list[str]:
        last = len(self.packages) - 1
        return [
            package_as_sent(text, self.is_one_package, last=index == last) for index, text in enumerate(self.packages)
        ]

    def detail(self) -> str:
        return " ".join(self.packages)

    def call(self) -> str:
        return f".{self.method}({_quoted(self.packages)})"

    @classmethod
    def refusals(cls, value: Any) -> Iterator[Remark]:
        found = package_refusals(value, cls.is_one_package) if isinstance(value, list | tuple) else ()
        return (((index,), reason) for index, reason in found)

    @staticmethod
    def is_one_package(text: str) -> bool:
        """Tell whether a text is one package, regardless of how the shell would read it."""
        raise NotImplementedError


@dataclass(frozen=True, repr=False, eq=False)
class AptInstall(_Packages):
    """System packages, installed with apt-get."""

    key = "aptInstall"
    api_type = "apt_install"
    title = "apt install"
    method = "apt_install"
    packages: TextList = _value(key, ["ripgrep", "jq"])
    is_one_package = staticmethod(is_apt_pin)


@dataclass(frozen=True, repr=False, eq=False)
class PipInstall(_Packages):
    """Python packages, installed with pip."""

    key = "pipInstall"
    api_type = "pip_install"
    title = "pip install"
    method = "pip_install"
    packages: TextList = _value(key, ["pandas==2.2.3"])
    is_one_package = staticmethod(is_requirement)


@dataclass(frozen=True, repr=False, eq=False)
class Run(_PlainStep):
    """Shell commands, joined with `` && `` by the server."""

    key = "run"
    api_type = "run"
    title = "run"
    method = "run_commands"
    argument = "commands"
    commands: TextList = _value(key, ["python3 -m compileall /workspace/app"])

    def _value(self) -> list[str]:
        return self.commands

    def _as_sent(self) -> list[str]:
        return commands_as_sent(self.commands)

    def detail(self) -> str:
        return " && ".join(self.commands)

    def call(self) -> str:
        return f".{self.method}({_quoted(self.commands)[1:-1]})"

    @classmethod
    def refusals(cls, value: Any) -> Iterator[Remark]:
        found = command_refusals(value) if isinstance(value, list | tuple) else ()
        return (((index,), reason) for index, reason in found)


@dataclass(frozen=True, repr=False, eq=False)
class Env(_PlainStep):
    """Environment variables, written to ``/etc/environment``."""

    key = "env"
    api_type = "env"
    title = "env"
    method = "env"
    argument = "vars"
    variables: Variables = _value(key, {"PROJECT_ROOT": "/workspace"})

    def _value(self) -> dict[str, str]:
        return self.variables

    def detail(self) -> str:
        return " ".join(self.variables)

    def call(self) -> str:
        return f".{self.method}({{{', '.join(f'{_quoted(name)}: …' for name in self.variables)}}})"

    def warnings(self) -> Iterator[Remark]:
        changed = [name for name, text in self.variables.items() if CHANGED_IN_ENV.search(text)]
        failing = [name for name in self.variables if _FAILS_IN_PROFILE.search(name)]
        reasons = []
        if changed:
            reasons.append(
                f"{_these(changed)} to a value that does not arrive as declared: the server's shell changes quotes, $, "
                "a backtick, a backslash, a line break and #, or fails at them. Write such a value to a file "
                "(add_file, addFile) that the program reads."
            )
        if failing:
            reasons.append(
                f"{_these(failing)} with a name that a login shell can't set: it stops at the name, and sets none of "
                "the variables after it. Use only letters, digits and _ in names."
            )
        if reasons:
            yield (), " It also ".join(reasons)


@dataclass(frozen=True, repr=False, eq=False)
class Workdir(_PlainStep):
    """The default working directory."""

    key = "workdir"
    api_type = "workdir"
    title = "workdir"
    method = "workdir"
    argument = "path"
    path: RemotePath = _value(key, "/workspace")

    def _value(self) -> str:
        return self.path

    def detail(self) -> str:
        return self.path

    @classmethod
    def refusals(cls, value: Any) -> Iterator[Remark]:
        if isinstance(value, str) and not is_one_word(value):
            yield (), _BROKEN_WORKDIR


@dataclass(frozen=True, repr=False, eq=False)
class AddFile(Step):
    """One file, inline or from this machine."""

    key = "addFile"
    api_type = "add_file"
    title = "add file"
    method = "add_file"
    has_words = False
    file: File = _value(key, {"path": "/etc/motd", "content": "hello"})

    def args(self, local: Local, *, verbatim: bool = False) -> dict[str, Any]:  # noqa: ARG002 - quoted by the server
        content = _base64(self.file.raw()) if local is None else local.as_value()
        return {"path": self.file.path, "content": content, "encoding": "base64"}

    @classmethod
    def declared(cls, args: dict[str, Any], path: Path) -> Any:
        return _inline_file(args, "path", path)

    def detail(self) -> str:
        return self.file.path

    def call(self) -> str:
        if self.file.source is not None:
            return f".add_local_file({_quoted(self.file.source)}, {_quoted(self.file.path)})"
        return f".add_file({_quoted(self.file.path)}, …)"

    def warnings(self) -> Iterator[Remark]:
        return _inline_warnings([self.file])

    @classmethod
    def refusals(cls, value: Any) -> Iterator[Remark]:
        path = value.get("path") if isinstance(value, Mapping) else None
        if isinstance(path, str) and path.rpartition("/")[2] in ("", ".", ".."):
            yield (
                ("path",),
                "names a directory, but the server would write a file under this path: end it with the file's name.",
            )


@dataclass(frozen=True, repr=False, eq=False)
class AddDir(Step):
    """A directory with all its files, inline or from this machine."""

    key = "addDir"
    api_type = "add_dir"
    title = "add directory"
    method = "add_local_dir"
    has_words = False
    directory: Directory = _value(key, {"path": "/workspace/app", "source": "./app"})

    def args(self, local: Local, *, verbatim: bool = False) -> dict[str, Any]:  # noqa: ARG002 - as above
        return {"path": self.directory.path, "files": self._inline() if local is None else local.as_value()}

    @classmethod
    def declared(cls, args: dict[str, Any], path: Path) -> Any:
        entries = args.get("files")
        if set(args) != {"path", "files"} or not isinstance(entries, list | tuple):
            raise _unknown_arguments(["path", "files"], path)
        files = [_inline_file(entry, "relativePath", path) for entry in entries]
        # Outputs can't be sorted before they are known. The entries are sorted again then.
        if all(isinstance(file["relativePath"], str) for file in files):
            files.sort(key=lambda file: str(file["relativePath"]))
        return {"path": args["path"], "files": files}

    def detail(self) -> str:
        return self.directory.path

    def call(self) -> str:
        source = _quoted(self.directory.source) if self.directory.source else "…"
        return f".{self.method}({source}, {_quoted(self.directory.path)})"

    def warnings(self) -> Iterator[Remark]:
        return _inline_warnings(self.directory.inline_entries())

    def _inline(self) -> list[dict[str, Any]]:
        entries = sorted(self.directory.inline_entries(), key=lambda entry: entry.relative_path)
        return [{"relativePath": entry.relative_path, "content": _base64(entry.raw())} for entry in entries]


#: Every kind of step, by its key in the declared form.
KINDS: Mapping[str, type[Step]] = {
    kind.key: kind for kind in (AptInstall, PipInstall, Run, Env, Workdir, AddFile, AddDir)
}

#: The same, by the type in the API's form.
KINDS_OF_API: Mapping[str, type[Step]] = {kind.api_type: kind for kind in KINDS.values()}


def _these(names: Sequence[str]) -> str:
    """Return the beginning of a sentence about variables, with at most three names."""
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"sets {shown}"


def _inline_warnings(files: Sequence[File | DirectoryEntry]) -> Iterator[Remark]:
    total = sum(len(file.raw()) for file in files)
    if total > INLINE_WARNING_BYTES:
        yield (
            (),
            f"carries {total // 1024} KB inline, which Pulumi's state stores; files given by source are not stored.",
        )


def _inline_file(args: Any, name: str, path: Path) -> dict[str, Any]:
    keys = set(args) if isinstance(args, Mapping) else set()
    if not {name, "content"} <= keys <= {name, "content", "encoding"}:
        raise _unknown_arguments([name, "content", "encoding"], path)
    if args.get("encoding") not in (None, "", "base64"):
        raise InvalidInputError([Problem(f"manifest.{join(path)}.args.encoding", 'must be "base64" or absent.')])
    return {name: args[name], "content": args["content"]} | _readable(args["content"])


def _readable(content: Any) -> dict[str, Any]:
    """Return base64 content as text if it holds text, which makes a preview readable; otherwise keep it as base64."""
    try:
        text = base64.b64decode(content, validate=True).decode("utf-8")
    except (binascii.Error, ValueError, TypeError):
        return {"encoding": "base64"}
    return {"encoding": "base64"} if "\0" in text else {"content": text}


def _unknown_arguments(known: list[str], path: Path) -> InvalidInputError:
    reason = f"must hold only {', '.join(known)}."
    return InvalidInputError([Problem(f"manifest.{join(path)}.args", reason)])


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")
