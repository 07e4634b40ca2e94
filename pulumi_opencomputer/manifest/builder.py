"""The fluent, immutable builder of a manifest, and the reading of every form a manifest comes in.

A :class:`Manifest` holds opaque values: any string in it may be a Pulumi Output. Nothing is read from
disk and nothing is validated before the provider checks the resource, or :meth:`Manifest.to_dict` or
:meth:`Manifest.cache_key` is called.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInputError, Problem, UnresolvedOutputError
from .paths import Path, find_outputs, join

if TYPE_CHECKING:
    from pulumi import Input

    from .prepared import Plan

#: One step in the declared form: one key, as ``{"aptInstall": ["jq"]}``.
Step = Mapping[str, Any]

DEFAULT_BASE = "base"

# The API's step types, the declared form's key for each, and the one argument that a plain step carries.
_PLAIN_STEPS = {
    "apt_install": ("aptInstall", "packages"),
    "pip_install": ("pipInstall", "packages"),
    "run": ("run", "commands"),
    "env": ("env", "vars"),
    "workdir": ("workdir", "path"),
}
_MEMORY_KEYS = ("builderMemoryMB", "runtimeMemoryMB")


@dataclass(frozen=True)
class Manifest:
    """What an image is made of: a base and steps. Every method returns a new manifest.

    The methods are those of the OpenComputer SDKs' ``Image`` builder, under their names, so documented
    snippets run unchanged. Any string may be a Pulumi Output, secret or not yet known.

    Attributes:
        base_image: The name of the base that the steps start from.
        steps: The steps in the declared form, one key each: ``({"aptInstall": ["jq"]}, …)``.
        builder_memory_mb: Memory of the build sandbox in MB, or None for the server's default.
        runtime_memory_mb: Memory of sandboxes started from the image in MB, or None for the default.
        rebuild_token: Any text; a new one asks for a fresh build of the same steps.
    """

    base_image: Any = DEFAULT_BASE
    steps: tuple[Step, ...] = ()
    builder_memory_mb: Any = None
    runtime_memory_mb: Any = None
    rebuild_token: Any = None

    @classmethod
    def base(cls, name: Input[str] = DEFAULT_BASE) -> Manifest:
        """Start from a base (Ubuntu 22.04 with Python, Node.js and build tools unless named otherwise).

        Args:
            name: The base's name; a string or an Output of one.
        """
        return cls(base_image=name)

    def apt_install(self, packages: Input[Sequence[Input[str]]]) -> Manifest:
        """Install system packages with apt-get.

        Args:
            packages: A list of package names.

        Raises:
            InvalidInputError: One string was given in place of a list.
        """
        return self._with({"aptInstall": self._list("aptInstall", packages)})

    def pip_install(self, packages: Input[Sequence[Input[str]]]) -> Manifest:
        """Install Python packages with pip.

        Args:
            packages: A list of requirements, as ``["pandas==2.2.3"]``.

        Raises:
            InvalidInputError: One string was given in place of a list.
        """
        return self._with({"pipInstall": self._list("pipInstall", packages)})

    def run_commands(self, *commands: Input[str]) -> Manifest:
        """Run shell commands in order. The server joins them with `` && ``."""
        return self._with({"run": list(commands)})

    def env(self, vars: Input[Mapping[str, Input[str]]]) -> Manifest:  # noqa: A002 - the SDK's name of the argument
        """Set environment variables, written to ``/etc/environment``.

        Args:
            vars: A mapping of names to values.
        """
        return self._with({"env": _copy(vars)})

    def workdir(self, path: Input[str]) -> Manifest:
        """Set the default working directory, an absolute path."""
        return self._with({"workdir": path})

    def add_file(self, remote_path: Input[str], content: Input[str] | bytes) -> Manifest:
        """Write a file with inline content. Inline content is kept in Pulumi's state.

        Args:
            remote_path: The absolute path inside the sandbox.
            content: Text, or bytes.
        """
        if isinstance(content, bytes | bytearray):
            body: dict[str, Any] = {"content": base64.b64encode(content).decode("ascii"), "encoding": "base64"}
        else:
            body = {"content": content}
        return self._with({"addFile": {"path": remote_path, **body}})

    def add_local_file(self, local_path: Input[str] | os.PathLike[str], remote_path: Input[str]) -> Manifest:
        """Embed a file of this machine. Its bytes go to the server, never into Pulumi's state.

        Args:
            local_path: The local file; a relative path counts from the working directory.
            remote_path: The absolute path inside the sandbox.
        """
        return self._with({"addFile": {"path": remote_path, "source": _absolute(local_path)}})

    def add_local_dir(
        self,
        local_path: Input[str] | os.PathLike[str],
        remote_path: Input[str],
        *,
        ignore: Sequence[Input[str]] = (),
    ) -> Manifest:
        """Embed a directory of this machine, with everything below it that is not ignored.

        Modes and times don't count (the API carries none), and empty directories are left out.

        Args:
            local_path: The local directory; a relative path counts from the working directory.
            remote_path: The absolute path of the directory inside the sandbox.
            ignore: Patterns as in a ``.gitignore``, as ``["__pycache__/", "*.log"]``.
        """
        body: dict[str, Any] = {"path": remote_path, "source": _absolute(local_path)}
        patterns = self._list("addDir.ignore", ignore)
        return self._with({"addDir": {**body, "ignore": patterns} if patterns else body})

    def builder_memory(self, mb: Input[int]) -> Manifest:
        """Set the memory of the build sandbox in MB. It is no part of the image's content."""
        return replace(self, builder_memory_mb=mb)

    def runtime_memory(self, mb: Input[int]) -> Manifest:
        """Set the memory of sandboxes started from the image in MB. No part of the content."""
        return replace(self, runtime_memory_mb=mb)

    def rebuild(self, token: Input[str]) -> Manifest:
        """Ask for a fresh build: another token is another content hash with the same steps.

        Args:
            token: Any text, as a date or a number of a build.
        """
        return replace(self, rebuild_token=token)

    @classmethod
    def from_dict(cls, form: Mapping[str, Any]) -> Manifest:
        """Read a manifest in the declared form, or in the API's, as an SDK's ``Image.to_dict()`` gives it.

        Entries of ``add_dir`` are sorted by their path, so the result does not depend on a file
        system's order.

        Args:
            form: A mapping with ``base`` and ``steps``.

        Raises:
            InvalidInputError: It has an unknown key, its steps are no list, or a step of the API's form can't be
                expressed in the declared form.
        """
        declared = to_declared(form)
        _refuse_lost(declared)
        return cls(
            base_image=declared.get("base", DEFAULT_BASE),
            steps=tuple(declared.get("steps") or ()),
            builder_memory_mb=declared.get("builderMemoryMB"),
            runtime_memory_mb=declared.get("runtimeMemoryMB"),
            rebuild_token=declared.get("rebuild"),
        )

    def declared(self) -> dict[str, Any]:
        """The manifest in the declared form, with Outputs where they were given."""
        extras = {
            "builderMemoryMB": self.builder_memory_mb,
            "runtimeMemoryMB": self.runtime_memory_mb,
            "rebuild": self.rebuild_token,
        }
        present = {key: value for key, value in extras.items() if value is not None}
        return {"base": self.base_image, "steps": [_copy(step) for step in self.steps], **present}

    def to_dict(self) -> dict[str, Any]:
        """The manifest as the API takes it, the bytes of local files embedded in base64.

        Returns:
            ``{"base": …, "steps": [{"type": …, "args": {…}}, …], "builderMemoryMB"?: …}``.

        Raises:
            UnresolvedOutputError: A step holds a Pulumi Output.
            InvalidInputError: The manifest is not valid; every mistake with its path.
        """
        from ..content.hashing import embed_blobs  # noqa: PLC0415 - a program that only declares never loads it

        embedded: dict[str, Any] = embed_blobs(self._plan().image())
        return embedded

    def cache_key(self) -> str:
        """The content hash: 64 hex digits, equal to the server's ``contentHash``.

        Local files are streamed, not held in memory.

        Raises:
            UnresolvedOutputError: A step holds a Pulumi Output.
            InvalidInputError: The manifest is not valid; every mistake with its path.
        """
        from ..content.hashing import content_hash  # noqa: PLC0415

        return content_hash(self._plan().image())

    def _plan(self) -> Plan:
        declared = self.declared()
        for path, _ in find_outputs(declared):
            raise UnresolvedOutputError(
                f"manifest.{path} holds a Pulumi Output, whose value is known during the deployment only. "
                "Give the manifest to a Snapshot or an Image, or use values that are known now."
            )
        from .prepared import plan  # noqa: PLC0415 - pydantic, which a program that only declares never loads

        return plan(declared)

    def _with(self, step: Step) -> Manifest:
        return replace(self, steps=(*self.steps, step))

    def _list(self, key: str, values: Any) -> Any:
        if isinstance(values, str | bytes):
            path = f"manifest.steps[{len(self.steps)}].{key}"
            raise InvalidInputError([Problem(path, "must be a list of strings; put the string in [ ].")])
        return _copy(values)


def to_declared(form: Any, *, lenient: bool = False) -> dict[str, Any]:
    """Bring a manifest in either form into the declared one; local paths become absolute.

    Args:
        form: A mapping in the declared form or in the API's. Values may be Outputs.
        lenient: Whether a step of the API's form that can't be expressed stays as it is: a resource's check tells
            every mistake at once, with the resource's name.

    Raises:
        InvalidInputError: It is no mapping, or a step of the API's form can't be expressed.
    """
    if not isinstance(form, Mapping):
        raise InvalidInputError([Problem("manifest", f"must be a manifest, not {_article(form)}.")])
    declared = dict(form)
    rebuild: list[Any] = []
    steps = declared.get("steps")
    if isinstance(steps, list | tuple):
        declared["steps"] = [
            step if lenient and api_step_problems(step, index) else _declared_step(step, ("steps", index), rebuild)
            for index, step in enumerate(steps)
        ]
    if rebuild:
        declared["rebuild"] = rebuild[-1]
    return {key: value for key, value in declared.items() if value is not None or key not in _MEMORY_KEYS}


def api_step_problems(step: Any, index: int) -> tuple[Problem, ...]:
    """Why a step of the API's form can't be expressed in the declared one; empty where it can, or is none."""
    try:
        _declared_step(step, ("steps", index), [])
    except InvalidInputError as error:
        return error.problems
    return ()


def _refuse_lost(declared: Mapping[str, Any]) -> None:
    """Refuse what a Manifest has no place for, in place of dropping it."""
    unknown = [key for key in declared if key not in ("base", "steps", *_MEMORY_KEYS, "rebuild")]
    problems = [Problem(join(("manifest", str(key))), "is not known here; check the spelling.") for key in unknown]
    if not isinstance(declared.get("steps", []), list):
        problems.append(Problem("manifest.steps", "must be a list."))
    if problems:
        raise InvalidInputError(problems)


def _declared_step(step: Any, path: Path, rebuild: list[Any]) -> Any:
    if not isinstance(step, Mapping):
        return step
    if "type" in step:
        return _from_api(step, path, rebuild)
    return {key: _absolute_source(_copy(value)) for key, value in step.items()}


def _from_api(step: Mapping[str, Any], path: Path, rebuild: list[Any]) -> dict[str, Any]:
    kind, args = step["type"], step.get("args")
    if not isinstance(args, Mapping):
        raise InvalidInputError([Problem(f"manifest.{join(path)}.args", "must be a mapping.")])
    args = dict(args)
    if "rebuild" in args:
        rebuild.append(args.pop("rebuild"))
    if isinstance(kind, str) and kind in _PLAIN_STEPS:
        key, argument = _PLAIN_STEPS[kind]
        if set(args) != {argument}:
            raise _unknown_arguments(path, [argument])
        return {key: _copy(args[argument])}
    if kind == "add_file":
        return {"addFile": _inline_file(args, "path", path)}
    if kind == "add_dir":
        return {"addDir": _inline_directory(args, path)}
    known = ", ".join([*_PLAIN_STEPS, "add_file", "add_dir"])
    raise InvalidInputError([Problem(f"manifest.{join(path)}.type", f"must be one of {known}.")])


def _inline_file(args: Any, name: str, path: Path) -> dict[str, Any]:
    keys = set(args) if isinstance(args, Mapping) else set()
    if not {name, "content"} <= keys <= {name, "content", "encoding"}:
        raise _unknown_arguments(path, [name, "content", "encoding"])
    if args.get("encoding") not in (None, "", "base64"):
        raise InvalidInputError([Problem(f"manifest.{join(path)}.args.encoding", 'must be "base64" or absent.')])
    body = {name: args[name], "content": args["content"]}
    return body | _readable(args["content"])


def _inline_directory(args: Mapping[str, Any], path: Path) -> dict[str, Any]:
    entries = args.get("files")
    if set(args) != {"path", "files"} or not isinstance(entries, list | tuple):
        raise _unknown_arguments(path, ["path", "files"])
    files = [_inline_file(entry, "relativePath", path) for entry in entries]
    # An Output has no order until it is known; the entries are sorted again then.
    if all(isinstance(file["relativePath"], str) for file in files):
        files.sort(key=lambda file: str(file["relativePath"]))
    return {"path": args["path"], "files": files}


def _readable(content: Any) -> dict[str, Any]:
    """Text where base64 holds text: a preview is then readable. Bytes stay base64."""
    try:
        text = base64.b64decode(content, validate=True).decode("utf-8")
    except (binascii.Error, ValueError, TypeError):
        return {"encoding": "base64"}
    return {"encoding": "base64"} if "\0" in text else {"content": text}


def _unknown_arguments(path: Path, known: list[str]) -> InvalidInputError:
    reason = f"must hold {', '.join(known)} and nothing else."
    return InvalidInputError([Problem(f"manifest.{join(path)}.args", reason)])


def _absolute_source(body: Any) -> Any:
    if isinstance(body, dict) and "source" in body:
        return body | {"source": _absolute(body["source"])}
    return body


def _absolute(source: Any) -> Any:
    """Against the program's working directory; the provider's may be another."""
    if isinstance(source, str | os.PathLike):
        path = os.fspath(source)
        # An empty path would become the working directory itself; the check refuses it.
        return os.path.abspath(path) if path else path  # noqa: PTH100 - pathlib would resolve links
    apply = getattr(source, "apply", None)
    return apply(_absolute) if apply else source


def _copy(value: Any) -> Any:
    """A copy of plain containers, so that a caller's later change does not reach the manifest."""
    if isinstance(value, Mapping):
        return {key: _copy(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_copy(item) for item in value]
    return value


def _article(value: Any) -> str:
    return f"a value of type {type(value).__name__}"
