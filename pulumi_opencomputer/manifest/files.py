"""Files and directories as a step declares them: inline, or by their path on this machine."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from .sizes import MAX_INLINE_BYTES
from .values import Choice, ChosenBy, Count, EntryPath, Exact, NonEmptyText, RemotePath, Shape, Text, about

_DIGEST = "A short digest of the local files, which shows that they changed; filled in by the provider."
_ENCODING = "The encoding of `content`: `base64`, or absent for text."


@dataclass(frozen=True, repr=False, eq=False, kw_only=True)
class File(Shape):
    """A file: its absolute path in the sandbox, and its content, inline or from this machine."""

    path: RemotePath = about("Where the file goes, an absolute path inside the sandbox.", examples=["/etc/motd"])
    content: Text | None = about(
        "The content itself, at most 4 MB, which is stored in Pulumi's state: text, or base64 if `encoding` says so.",
        default=None,
        examples=["hello"],
    )
    encoding: Literal["base64"] | None = about(_ENCODING, default=None)
    source: NonEmptyText | None = about(
        "The local file, in place of `content`. Its bytes go to the server, never into Pulumi's state.",
        default=None,
        examples=["./motd"],
    )
    size: Count | None = about(
        "The local file's size; filled in by the provider.", default=None, alias="bytes", is_filled_in=True
    )
    digest: Text | None = about(_DIGEST, default=None, is_filled_in=True)

    def __post_init__(self) -> None:
        if (self.content is None) == (self.source is None):
            raise ValueError("must hold either content or source.")
        if self.content is not None:
            _inline_bytes(self.content, self.encoding)
        elif self.encoding is not None:
            raise ValueError("encoding goes with content, not with source.")

    def raw(self) -> bytes:
        """Return the bytes of inline content; empty if ``source`` names a file."""
        return _inline_bytes(self.content or "", self.encoding)


@dataclass(frozen=True, repr=False, eq=False, kw_only=True)
class DirectoryEntry(Shape):
    """One file of a directory that is given inline."""

    content: Text = about("Text, or base64 if `encoding` says so.")
    encoding: Literal["base64"] | None = about(_ENCODING, default=None)
    relative_path: EntryPath = about(
        "Where the file goes, below the directory's path.", alias="relativePath", examples=["lib/util.py"]
    )

    def __post_init__(self) -> None:
        self.raw()

    def raw(self) -> bytes:
        """Return the bytes of the file."""
        return _inline_bytes(self.content, self.encoding)


def _entries_or_count(files: Any) -> str:
    return "count" if isinstance(files, int | float) else "entries"


# Unless lists are strict, a mapping would be read as a list of its keys.
_Entries = Annotated[list[DirectoryEntry], Exact(), Choice("entries")]


@dataclass(frozen=True, repr=False, eq=False, kw_only=True)
class Directory(Shape):
    """A directory: its absolute path in the sandbox, and its files, from this machine or inline."""

    path: RemotePath = about(
        "Where the directory goes, an absolute path inside the sandbox.", examples=["/workspace/app"]
    )
    source: NonEmptyText | None = about(
        "The local directory. The bytes of its files go to the server, never into Pulumi's state.",
        default=None,
        examples=["./app"],
    )
    ignore: Annotated[list[Text], Exact()] = field(
        default_factory=list,
        metadata={
            "description": "Which files of `source` are left out: patterns as in a `.gitignore`.",
            "examples": [["__pycache__/", "*.log"]],
        },
    )
    files: Annotated[Annotated[Count, Choice("count")] | _Entries, ChosenBy(_entries_or_count)] | None = about(
        "The files of an inline directory, in place of `source`; with `source`, their number, filled in by the "
        "provider.",
        default=None,
        examples=[[{"relativePath": "main.py", "content": "print(1)"}]],
    )
    size: Count | None = about(
        "The size of all local files together; filled in by the provider.",
        default=None,
        alias="bytes",
        is_filled_in=True,
    )
    digest: Text | None = about(_DIGEST, default=None, is_filled_in=True)

    def __post_init__(self) -> None:
        inline = isinstance(self.files, list)
        if inline == (self.source is not None):
            raise ValueError("must hold either source or a list of files.")
        if inline and self.ignore:
            raise ValueError("ignore goes with source, not with inline files.")
        names = [entry.relative_path for entry in self.inline_entries()]
        if len(set(names)) != len(names):
            raise ValueError("names one file twice.")
        if sum(len(entry.raw()) for entry in self.inline_entries()) > MAX_INLINE_BYTES:
            raise ValueError("carries more than 4 MB; inline content is kept in state: give the directory by source.")

    def inline_entries(self) -> Sequence[DirectoryEntry]:
        """Return the inline files; empty if ``source`` names a directory."""
        return self.files if isinstance(self.files, list) else ()


def _inline_bytes(content: str, encoding: str | None) -> bytes:
    try:
        raw = base64.b64decode(content.encode("ascii"), validate=True) if encoding else content.encode("utf-8")
    except (binascii.Error, ValueError):
        raise ValueError("content must be standard base64 with padding, as encoding says.") from None
    if len(raw) > MAX_INLINE_BYTES:
        raise ValueError("content is above 4 MB; inline content is kept in state: give the file by source.")
    return raw
