"""The declared form, validated: the pydantic models of a manifest and of its steps.

One form stands in inputs, state, error paths and schema: ``{base, steps, builderMemoryMB?,
runtimeMemoryMB?, rebuild?}``, each step a mapping with one key. The models see plain values only. No
message ever quotes a value, since any of them may be a secret.

The docstrings of the models and their fields are the descriptions in the plugin's schema.
"""

from __future__ import annotations

import base64
import binascii
import difflib
import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic import ValidationError as PydanticError
from pydantic_core import PydanticCustomError

from ..errors import Problem
from .builder import api_step_problems
from .paths import join

#: The keys that a step may have.
STEP_KEYS = ("aptInstall", "pipInstall", "run", "env", "workdir", "addFile", "addDir")

#: Inline content is kept in Pulumi's state, so it is limited (bytes).
MAX_INLINE_BYTES = 4 * 1024 * 1024

_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")
_ONE_KEY = "must be a mapping with exactly one key, one of " + ", ".join(STEP_KEYS) + "."
_API_FORM = (
    "is in the API's form (type and args); write one key a step instead, as {aptInstall: [jq]}, or, in Python, read "
    "it with Manifest.from_dict."
)


def _refuse(reason: str) -> PydanticCustomError:
    # Braces in a message are placeholders to pydantic.
    return PydanticCustomError("refused", "{reason}", {"reason": reason})


def _storable(text: str) -> str:
    if "\0" in text:
        raise _refuse("must not hold a NUL character: the server can't store it.")
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        raise _refuse("must not hold a lone surrogate: the server can't store it.")
    return text


def _not_empty(text: str) -> str:
    if not text.strip():
        raise _refuse("must not be empty.")
    return text


def _remote_path(text: str) -> str:
    if not text.startswith("/"):
        raise _refuse("must be an absolute path inside the sandbox, starting with /.")
    return text


def _entry_path(text: str) -> str:
    parts = text.split("/")
    if text.startswith("/") or ".." in parts or "." in parts or "" in parts:
        raise _refuse("must be a relative path with no empty, '.' or '..' part.")
    return text


def _env_name(text: str) -> str:
    if not _ENV_NAME.match(text):
        raise _refuse("names of variables hold letters, digits, '_', '.' and '-', and don't start with a digit.")
    return text


def _whole(value: Any) -> Any:
    """Pulumi carries every number as a float."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Text = Annotated[str, AfterValidator(_storable)]
Filled = Annotated[Text, AfterValidator(_not_empty)]
RemotePath = Annotated[Filled, AfterValidator(_remote_path)]
EntryPath = Annotated[Filled, AfterValidator(_entry_path)]
EnvName = Annotated[Text, AfterValidator(_env_name)]
Megabytes = Annotated[int, BeforeValidator(_whole), Field(gt=0, le=1024 * 1024)]
Count = Annotated[int, BeforeValidator(_whole), Field(ge=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        hide_input_in_errors=True,
        populate_by_name=True,
    )


class InlineContent(_Strict):
    """Content that stands in the manifest itself, and so in Pulumi's state."""

    content: Text
    """Text, or base64 where ``encoding`` says so."""
    encoding: Literal["base64"] | None = None
    """How ``content`` is written: ``base64``, or absent for text."""

    @model_validator(mode="after")
    def _decodes(self) -> InlineContent:
        try:
            size = len(self.raw())
        except (binascii.Error, ValueError):
            raise _refuse("content must be standard base64 with padding, as encoding says.") from None
        if size > MAX_INLINE_BYTES:
            raise _refuse("content is above 4 MB; inline content is kept in state: give the file by source.")
        return self

    def raw(self) -> bytes:
        """The bytes themselves."""
        if self.encoding == "base64":
            return base64.b64decode(self.content.encode("ascii"), validate=True)
        return self.content.encode("utf-8")


class InlineEntry(InlineContent):
    """One file of a directory that is given inline."""

    relative_path: EntryPath = Field(alias="relativePath", examples=["lib/util.py"])
    """Where the file goes, below the directory's path."""


class FileBody(_Strict):
    """A file: its absolute path in the sandbox, and its content, inline or from this machine."""

    path: RemotePath = Field(examples=["/etc/motd"])
    """Where the file goes, an absolute path inside the sandbox."""
    content: Text | None = Field(None, examples=["hello"])
    """The content itself, kept in Pulumi's state (4 MB at most): text, or base64 where ``encoding`` says so."""
    encoding: Literal["base64"] | None = None
    """How ``content`` is written: ``base64``, or absent for text."""
    source: Filled | None = Field(None, examples=["./motd"])
    """The local file, in place of ``content``. Its bytes go to the server, never into Pulumi's state."""
    bytes: Count | None = None
    """The local file's size; filled in by the provider."""

    @model_validator(mode="after")
    def _one_origin(self) -> FileBody:
        if (self.content is None) == (self.source is None):
            raise _refuse("must hold either content or source.")
        if self.content is not None:
            self.inline()
        elif self.encoding is not None:
            raise _refuse("encoding goes with content, not with source.")
        return self

    def inline(self) -> InlineContent:
        """The inline content; only where ``source`` is absent."""
        return InlineContent.model_validate({"content": self.content, "encoding": self.encoding})


def _files_kind(files: Any) -> str:
    return "count" if isinstance(files, int | float) else "entries"


EntriesOrCount = Annotated[
    Annotated[Count, Tag("count")] | Annotated[list[InlineEntry], Tag("entries")], Discriminator(_files_kind)
]


class DirectoryBody(_Strict):
    """A directory: its absolute path in the sandbox, and its files, from this machine or inline."""

    path: RemotePath = Field(examples=["/workspace/app"])
    """Where the directory goes, an absolute path inside the sandbox."""
    source: Filled | None = Field(None, examples=["./app"])
    """The local directory. The bytes of its files go to the server, never into Pulumi's state."""
    ignore: list[Text] = Field(default_factory=list, examples=[["__pycache__/", "*.log"]])
    """Which files of ``source`` are left out: patterns as in a ``.gitignore``."""
    files: EntriesOrCount | None = Field(None, examples=[[{"relativePath": "main.py", "content": "print(1)"}]])
    """The files of an inline directory, in place of ``source``; with ``source``, their number, filled in by the
    provider."""
    bytes: Count | None = None
    """The size of all local files together; filled in by the provider."""

    @model_validator(mode="after")
    def _one_origin(self) -> DirectoryBody:
        inline = isinstance(self.files, list)
        if inline == (self.source is not None):
            raise _refuse("must hold either source or a list of files.")
        if inline and self.ignore:
            raise _refuse("ignore goes with source, not with inline files.")
        names = [entry.relative_path for entry in self.inline_entries()]
        if len(set(names)) != len(names):
            raise _refuse("names one file twice.")
        if sum(len(entry.raw()) for entry in self.inline_entries()) > MAX_INLINE_BYTES:
            raise _refuse("carries more than 4 MB; inline content is kept in state: give the directory by source.")
        return self

    def inline_entries(self) -> Sequence[InlineEntry]:
        """The inline files; empty where ``source`` names a directory."""
        return self.files if isinstance(self.files, list) else ()


class AptInstall(_Strict):
    """System packages, installed with apt-get."""

    packages: list[Filled] = Field(alias="aptInstall", min_length=1, examples=[["ripgrep", "jq"]])


class PipInstall(_Strict):
    """Python packages, installed with pip."""

    packages: list[Filled] = Field(alias="pipInstall", min_length=1, examples=[["pandas==2.2.3"]])


class Run(_Strict):
    """Shell commands, joined with `` && `` by the server."""

    commands: list[Filled] = Field(alias="run", min_length=1, examples=[["python3 -m compileall /workspace/app"]])


class Env(_Strict):
    """Environment variables, written to ``/etc/environment``."""

    variables: dict[EnvName, Text] = Field(alias="env", min_length=1, examples=[{"PROJECT_ROOT": "/workspace"}])


class Workdir(_Strict):
    """The default working directory."""

    path: RemotePath = Field(alias="workdir", examples=["/workspace"])


class AddFile(_Strict):
    """One file, inline or from this machine."""

    file: FileBody = Field(alias="addFile", examples=[{"path": "/etc/motd", "content": "hello"}])


class AddDir(_Strict):
    """A directory with all its files, inline or from this machine."""

    directory: DirectoryBody = Field(alias="addDir", examples=[{"path": "/workspace/app", "source": "./app"}])


def _step_key(step: Any) -> str | None:
    if isinstance(step, dict) and len(step) == 1:
        (key,) = step
        return key if key in STEP_KEYS else None
    return type(step).__name__[0].lower() + type(step).__name__[1:] if isinstance(step, _Strict) else None


AnyStep = Annotated[
    Annotated[AptInstall, Tag("aptInstall")]
    | Annotated[PipInstall, Tag("pipInstall")]
    | Annotated[Run, Tag("run")]
    | Annotated[Env, Tag("env")]
    | Annotated[Workdir, Tag("workdir")]
    | Annotated[AddFile, Tag("addFile")]
    | Annotated[AddDir, Tag("addDir")],
    Discriminator(_step_key, custom_error_type="step", custom_error_message=_ONE_KEY),
]


class ManifestModel(_Strict):
    """What an image is made of: a base, and the steps that are run on it in order."""

    base: Filled = "base"
    """The name of the base; ``base`` by default, Ubuntu 22.04 with Python, Node.js and build tools."""
    steps: list[AnyStep] = Field(default_factory=list, examples=[[{"aptInstall": ["jq"]}, {"workdir": "/workspace"}]])
    """What is done on the base, in order, each step with exactly one key."""
    builder_memory_mb: Megabytes | None = Field(None, alias="builderMemoryMB", examples=[4096])
    """Memory of the build sandbox in MB; no part of the content."""
    runtime_memory_mb: Megabytes | None = Field(None, alias="runtimeMemoryMB", examples=[2048])
    """Memory of the sandboxes that start from the image, in MB; no part of the content."""
    rebuild: Filled | None = Field(None, examples=["2026-08-01"])
    """Any text; a new one asks for a fresh build of the same steps."""

    @model_validator(mode="after")
    def _rebuild_has_a_step(self) -> ManifestModel:
        if self.rebuild is not None and not self.steps:
            raise _refuse("rebuild needs a step: an image without steps is the base itself.")
        return self


def parse(declared: Any) -> tuple[ManifestModel | None, list[Problem]]:
    """Validate a manifest in the declared form.

    Args:
        declared: Plain values, as they come out of JSON.

    Returns:
        The model and no problems, or None and every mistake, in the manifest's order.
    """
    try:
        return ManifestModel.model_validate(declared), []
    except PydanticError as error:
        return None, list(_problems(declared, error))


def _problems(declared: Any, error: PydanticError) -> Iterator[Problem]:
    for detail in error.errors(include_url=False, include_input=False):
        kind, location = detail["type"], detail["loc"]
        path = ("manifest", *_without_tags(location))
        if kind == "step":
            yield from _step_problems(declared, location, join(path))
        else:
            yield Problem(join(path), _REASONS.get(kind) or _sentence(detail["msg"]))


# Pydantic's words where ours are clearer to somebody who writes a manifest.
_REASONS = {
    "missing": "is required.",
    "extra_forbidden": "is not known here; check the spelling.",
    "string_type": "must be a string.",
    "list_type": "must be a list.",
    "dict_type": "must be a mapping.",
    "model_type": "must be a mapping.",
    "too_short": "must not be empty.",
    "int_type": "must be a whole number.",
    "int_from_float": "must be a whole number.",
    "greater_than": "must be greater than zero.",
    "greater_than_equal": "must not be negative.",
    "invalid_key": "keys must be strings.",
    "string_unicode": "must not hold a lone surrogate: the server can't store it.",
    "less_than_equal": "is more memory than a machine has; the unit is MB.",
    "literal_error": 'must be "base64" or absent.',
}


def _sentence(message: str) -> str:
    return message if message.endswith(".") else message + "."


def _without_tags(location: tuple[str | int, ...]) -> Iterator[str | int]:
    """Pydantic's location without the names of union members and of dictionary keys' own checks."""
    for index, part in enumerate(location):
        tag = index == 2 and location[0] == "steps" and part in STEP_KEYS
        member = location[-2:-1] != ("env",) and part in ("count", "entries") and location[index - 1] == "files"
        if not (tag or member or part == "[key]"):
            yield part


def _step_problems(declared: Any, location: tuple[str | int, ...], path: str) -> Iterator[Problem]:
    if _is_api_step(declared, location):
        index = int(location[1])
        yield from api_step_problems(declared["steps"][index], index) or [Problem(path, _API_FORM)]
        return
    step = declared["steps"][location[1]]
    if isinstance(step, dict) and len(step) == 1:
        (key,) = step
        close = difflib.get_close_matches(str(key), STEP_KEYS, n=1)
        hint = f"did you mean {close[0]}?" if close else f"a step is one of {', '.join(STEP_KEYS)}."
        yield Problem(path, f"is a step of an unknown kind; {hint}")
    else:
        yield Problem(path, _ONE_KEY)


def _is_api_step(declared: Any, location: tuple[str | int, ...]) -> bool:
    try:
        step = declared["steps"][location[1]]
    except (KeyError, IndexError, TypeError):
        return False
    return isinstance(step, dict) and "type" in step and "args" in step
