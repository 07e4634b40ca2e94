"""The declared form of a manifest, for editors and type checkers.

``python tools/manifest_types.py`` generates it from the kinds of steps. A test fails if it is not up to date.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol, SupportsIndex, TypeAlias, TypedDict, TypeVar

import pulumi

#: Text, or an Output of it.
Text: TypeAlias = pulumi.Input[str]

#: A path: text, an Output of it, or a path object.
Path: TypeAlias = pulumi.Input[str] | os.PathLike[str]

_T_co = TypeVar("_T_co", covariant=True)


class ListOf(Protocol[_T_co]):
    """A list or a tuple, but not a single string, which Python treats as a sequence of letters."""

    # `str.__contains__` only accepts strings, so no string fits this signature.
    def __contains__(self, value: object, /) -> bool: ...
    def __getitem__(self, index: SupportsIndex, /) -> _T_co: ...
    def __iter__(self) -> Iterator[_T_co]: ...
    def __len__(self) -> int: ...


#: A list of texts, each of which may be an Output, or an Output of a list.
Texts: TypeAlias = pulumi.Input[ListOf[Text]]


class _FileRequired(TypedDict):
    path: Path
    """Where the file goes, an absolute path inside the sandbox."""


class FileDict(_FileRequired, total=False):
    """A file: its absolute path in the sandbox, and its content, inline or from this machine."""

    content: Text
    """The content itself, at most 4 MB, which is stored in Pulumi's state: text, or base64 if `encoding` says so."""

    encoding: Literal["base64"]
    """The encoding of `content`: `base64`, or absent for text."""

    source: Path
    """The local file, in place of `content`. Its bytes go to the server, never into Pulumi's state."""


class _DirectoryEntryRequired(TypedDict):
    content: Text
    """Text, or base64 if `encoding` says so."""

    relativePath: Text
    """Where the file goes, below the directory's path."""


class DirectoryEntryDict(_DirectoryEntryRequired, total=False):
    """One file of a directory that is given inline."""

    encoding: Literal["base64"]
    """The encoding of `content`: `base64`, or absent for text."""


class _DirectoryRequired(TypedDict):
    path: Path
    """Where the directory goes, an absolute path inside the sandbox."""


class DirectoryDict(_DirectoryRequired, total=False):
    """A directory: its absolute path in the sandbox, and its files, from this machine or inline."""

    source: Path
    """The local directory. The bytes of its files go to the server, never into Pulumi's state."""

    ignore: Texts
    """Which files of `source` are left out: patterns as in a `.gitignore`."""

    files: pulumi.Input[Sequence[pulumi.Input[DirectoryEntryDict]]]
    """The files of an inline directory, in place of `source`; with `source`, their number, filled in by the
    provider."""


class AptInstallStep(TypedDict):
    """System packages, installed with apt-get."""

    aptInstall: Texts


class PipInstallStep(TypedDict):
    """Python packages, installed with pip."""

    pipInstall: Texts


class RunStep(TypedDict):
    """Shell commands, joined with `` && `` by the server."""

    run: Texts


class EnvStep(TypedDict):
    """Environment variables, written to ``/etc/environment``."""

    env: pulumi.Input[Mapping[str, Text]]


class WorkdirStep(TypedDict):
    """The default working directory."""

    workdir: Path


class AddFileStep(TypedDict):
    """One file, inline or from this machine."""

    addFile: pulumi.Input[FileDict]


class AddDirStep(TypedDict):
    """A directory with all its files, inline or from this machine."""

    addDir: pulumi.Input[DirectoryDict]


class ApiStep(TypedDict):
    """A step in the API's form, as ``Image.to_dict()`` of the SDKs returns it."""

    type: Literal["apt_install", "pip_install", "run", "env", "workdir", "add_file", "add_dir"]
    args: Mapping[str, Any]


#: One step: a mapping with one key.
StepDict: TypeAlias = (
    AptInstallStep | PipInstallStep | RunStep | EnvStep | WorkdirStep | AddFileStep | AddDirStep | ApiStep
)


class ManifestDict(TypedDict, total=False):
    """What an image is made of: a base, and the steps that are run on it in order."""

    base: Text
    """The name of the base; `base` by default, Ubuntu 22.04 with Python, Node.js and build tools."""

    steps: pulumi.Input[Sequence[StepDict]]
    """What is done on the base, in order, each step with exactly one key."""

    builderMemoryMB: pulumi.Input[int]
    """Memory of the build sandbox in MB. It is not part of the content."""

    runtimeMemoryMB: pulumi.Input[int]
    """Memory of the sandboxes that start from the image, in MB. It is not part of the content."""

    rebuild: Text
    """Any text. Change it to build the same steps afresh."""


class HasToDict(Protocol):
    """An object with ``to_dict()``, such as the OpenComputer SDK's own ``Image``."""

    def to_dict(self) -> Any:
        """Return the manifest, in either form."""
