"""The fluent, immutable builder of a manifest.

Any string in a :class:`Manifest` may be a Pulumi Output. Except for what a method's documentation says, nothing is read
from disk and nothing is validated until the provider checks the resource, or until :meth:`Manifest.to_dict` or
:meth:`Manifest.cache_key` is called.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInputError, Problem, UnresolvedOutputError
from .forms import absolute, to_declared
from .paths import copied, find_outputs, join
from .places import here
from .plain import plain_step

if TYPE_CHECKING:
    from pulumi import Input

    from .prepared import PreparedManifest

#: One step in the declared form, a mapping with one key, such as ``{"aptInstall": ["jq"]}``.
Step = Mapping[str, Any]

DEFAULT_BASE = "base"

_KEYS = ("base", "steps", "builderMemoryMB", "runtimeMemoryMB", "rebuild")


@dataclass(frozen=True)
class Manifest:
    """What an image is made of: a base and steps. Every method returns a new manifest.

    The methods are those of the OpenComputer SDKs' ``Image`` builder, under their names, so documented
    snippets run unchanged. Any string may be a Pulumi Output, secret or not yet known.

    Attributes:
        base_image: The name of the base that the steps start from.
        steps: The steps in the declared form, one key each: ``({"aptInstall": ["jq"]}, …)``.
        builder_memory_mb: Memory of the build sandbox in MB, or None for the server's default.
        runtime_memory_mb: Memory of sandboxes that start from the image, in MB, or None for the server's default.
        rebuild_token: Any text, or None. Change it to build the same steps again.
        places: The line of the program that declares each step, such as ``__main__.py:14``. Not part of the manifest.
    """

    base_image: Any = DEFAULT_BASE
    steps: tuple[Step, ...] = ()
    builder_memory_mb: Any = None
    runtime_memory_mb: Any = None
    rebuild_token: Any = None
    places: tuple[str, ...] = field(default=(), repr=False, compare=False)

    @classmethod
    def base(cls, name: Input[str] = DEFAULT_BASE) -> Manifest:
        """Start from a base.

        Args:
            name: The base's name. The default is Ubuntu 22.04 with Python, Node.js and build tools.
        """
        return cls(base_image=name)

    @classmethod
    def from_dockerfile(
        cls,
        path: str | os.PathLike[str] = "Dockerfile",
        *,
        context: str | os.PathLike[str] | None = None,
        args: Mapping[str, str] | None = None,
        base: str | None = None,
    ) -> Manifest:
        """Convert a Dockerfile into steps. The file is read immediately.

        These instructions are supported: FROM ubuntu:22.04, ARG, ENV, WORKDIR, RUN, and COPY and ADD of local files,
        except those that ``.dockerignore`` leaves out. Instructions without effect in a sandbox (CMD, ENTRYPOINT,
        EXPOSE, LABEL, STOPSIGNAL) are ignored.

        Args:
            path: The Dockerfile. A relative path is relative to the working directory.
            context: The directory that COPY and ADD read from; by default the Dockerfile's own.
            args: Values for ARG. They become part of the steps, so don't pass secrets.
            base: The base to start from instead of FROM's image, if the file works on that base.

        Raises:
            InvalidInputError: The file can't be read, or instructions can't become steps; each with its line.
        """
        from .dockerfile import dockerfile_steps  # noqa: PLC0415 - few programs have such a file

        name, steps, places = dockerfile_steps(path, context, args, base)
        made = cls(base_image=name)
        for step in steps:
            made = made._with(step)
        return replace(made, places=tuple(places))

    def apt_install(self, packages: Input[Sequence[Input[str]]]) -> Manifest:
        """Install system packages with apt-get.

        Args:
            packages: A list of package names.

        Raises:
            InvalidInputError: A single string was given instead of a list, or a value has a type that a manifest
                can't hold.
        """
        return self._with({"aptInstall": self._list("aptInstall", packages)})

    def pip_install(self, packages: Input[Sequence[Input[str]]]) -> Manifest:
        """Install Python packages with pip.

        Args:
            packages: A list of requirements, such as ``["pandas==2.2.3"]``.

        Raises:
            InvalidInputError: A single string was given instead of a list, or a value has a type that a manifest
                can't hold.
        """
        return self._with({"pipInstall": self._list("pipInstall", packages)})

    def pip_install_from_requirements(
        self, path: str | os.PathLike[str] = "requirements.txt", *, group: str | None = None
    ) -> Manifest:
        """Install the requirements of a Python project. The file is read immediately.

        Plain requirements become one pip step. A file with options, hashes or constraints is sent to the server
        together with all files that it includes, and pip reads it there.

        Args:
            path: A requirements file or a ``pyproject.toml``. A relative path is relative to the working directory.
            group: A dependency group or an extra of a ``pyproject.toml``; by default its ``project.dependencies``.

        Raises:
            InvalidInputError: The file can't be read, or a line can't become a step. The message names the line.
        """
        from .requirements import requirement_steps  # noqa: PLC0415 - few programs have such a file

        made = self
        for step in requirement_steps(path, group, len(self.steps)):
            made = made._with(step)
        return made

    def run_commands(self, *commands: Input[str]) -> Manifest:
        """Run shell commands in order. The server joins them with ``&&``.

        Args:
            commands: The commands, each as a separate argument.

        Raises:
            InvalidInputError: A list was given instead of separate arguments.
        """
        for index, command in enumerate(commands):
            if isinstance(command, list | tuple):
                reason = 'must be a string, not a list: write run_commands("a", "b"), or run_commands(*commands).'
                raise InvalidInputError([Problem(f"manifest.steps[{len(self.steps)}].run[{index}]", reason)])
        return self._with({"run": list(commands)})

    def env(self, vars: Input[Mapping[str, Input[str]]]) -> Manifest:  # noqa: A002 - the SDK's name of the argument
        """Set environment variables, written to ``/etc/environment``.

        Args:
            vars: A mapping of names to values.

        Raises:
            InvalidInputError: A variable has no value (None).
        """
        return self._with({"env": vars})

    def workdir(self, path: Input[str]) -> Manifest:
        """Set the default working directory, an absolute path."""
        return self._with({"workdir": path})

    def add_file(self, remote_path: Input[str], content: Input[str] | bytes) -> Manifest:
        """Add a file with inline content, at most 4 MB. Inline content is stored in Pulumi's state.

        Args:
            remote_path: The absolute path inside the sandbox.
            content: Text or bytes.
        """
        if isinstance(content, bytes | bytearray):
            body: dict[str, Any] = {"content": base64.b64encode(content).decode("ascii"), "encoding": "base64"}
        else:
            body = {"content": content}
        return self._with({"addFile": {"path": remote_path, **body}})

    def add_local_file(self, local_path: Input[str] | os.PathLike[str], remote_path: Input[str]) -> Manifest:
        """Embed a local file. Its bytes go to the server, never into Pulumi's state.

        Args:
            local_path: The local file. A relative path is relative to the working directory.
            remote_path: The absolute path inside the sandbox.
        """
        return self._with({"addFile": {"path": remote_path, "source": absolute(local_path)}})

    def add_local_dir(
        self,
        local_path: Input[str] | os.PathLike[str],
        remote_path: Input[str],
        *,
        ignore: Sequence[Input[str]] = (),
    ) -> Manifest:
        """Embed a local directory, with everything below it that is not ignored.

        File modes and times don't count, because the API carries none, and empty directories are left out.

        Args:
            local_path: The local directory. A relative path is relative to the working directory.
            remote_path: The absolute path of the directory inside the sandbox.
            ignore: Patterns as in a ``.gitignore``, such as ``["__pycache__/", "*.log"]``.

        Raises:
            InvalidInputError: A single string was given as `ignore` instead of a list.
        """
        body: dict[str, Any] = {"path": remote_path, "source": absolute(local_path)}
        patterns = self._list("addDir.ignore", ignore)
        return self._with({"addDir": {**body, "ignore": patterns} if patterns else body})

    def builder_memory(self, mb: Input[int]) -> Manifest:
        """Set the memory of the build sandbox in MB. It is not part of the image's content."""
        return replace(self, builder_memory_mb=mb)

    def runtime_memory(self, mb: Input[int]) -> Manifest:
        """Set the memory, in MB, of sandboxes that start from the image. It is not part of the image's content."""
        return replace(self, runtime_memory_mb=mb)

    def rebuild(self, token: Input[str]) -> Manifest:
        """Build the same steps again: with another token the same steps have another content hash.

        Args:
            token: Any text, such as a date or a build number.
        """
        return replace(self, rebuild_token=token)

    @classmethod
    def from_dict(cls, form: Mapping[str, Any]) -> Manifest:
        """Read a manifest in the declared form, or in the API's form that an SDK's ``Image.to_dict()`` returns.

        Entries of ``add_dir`` are sorted by their path, so the result does not depend on the order in a file system.

        Args:
            form: A mapping with ``base`` and ``steps``.

        Raises:
            InvalidInputError: There is an unknown key, the steps are not a list, or a step of the API's form can't be
                converted into the declared form.
        """
        declared = to_declared(form)
        _refuse_lost(declared)
        return cls(
            base_image=declared.get("base", DEFAULT_BASE),
            steps=tuple(declared.get("steps") or ()),
            builder_memory_mb=declared.get("builderMemoryMB"),
            runtime_memory_mb=declared.get("runtimeMemoryMB"),
            rebuild_token=declared.get("rebuild"),
            places=(here(),) * len(declared.get("steps") or ()),
        )

    def declared(self) -> dict[str, Any]:
        """Return the manifest in the declared form. Outputs stay Outputs."""
        extras = {
            "builderMemoryMB": self.builder_memory_mb,
            "runtimeMemoryMB": self.runtime_memory_mb,
            "rebuild": self.rebuild_token,
        }
        present = {key: value for key, value in extras.items() if value is not None}
        return {"base": self.base_image, "steps": [copied(step) for step in self.steps], **present}

    def to_dict(self) -> dict[str, Any]:
        """Return the manifest in the API's form, with the bytes of local files embedded in base64.

        Returns:
            ``{"base": …, "steps": [{"type": …, "args": {…}}, …], "builderMemoryMB"?: …}``.

        Raises:
            UnresolvedOutputError: The manifest contains a Pulumi Output.
            InvalidInputError: The manifest is invalid. The message lists every mistake with its path.
            ContentChangedError: A local file changed while it was read.
            LocalFileError: A local file can't be read.
        """
        from ..content.hashing import embed_blobs  # noqa: PLC0415 - a program that only declares resources never loads it

        embedded: dict[str, Any] = embed_blobs(self._prepared().image())
        return embedded

    def cache_key(self) -> str:
        """Return the content hash: 64 hex digits, equal to the server's ``contentHash``.

        Local files are streamed, not held in memory.

        Raises:
            UnresolvedOutputError: The manifest contains a Pulumi Output.
            InvalidInputError: The manifest is invalid. The message lists every mistake with its path.
            ContentChangedError: A local file changed while it was read.
            LocalFileError: A local file can't be read.
        """
        from ..content.hashing import content_hash  # noqa: PLC0415

        return content_hash(self._prepared().image())

    def _prepared(self) -> PreparedManifest:
        declared = self.declared()
        for path, _ in find_outputs(declared):
            raise UnresolvedOutputError(
                f"manifest.{path} holds a Pulumi Output, whose value is only known during the deployment. "
                "Pass the manifest to a Snapshot or an Image, or use values that are known now."
            )
        from .prepared import prepare  # noqa: PLC0415 - imports pydantic, which a program that only declares resources never loads

        return prepare(declared)

    def _with(self, step: Step) -> Manifest:
        unknown = ("",) * (len(self.steps) - len(self.places))
        steps = (*self.steps, plain_step(step, len(self.steps)))
        return replace(self, steps=steps, places=(*self.places, *unknown, here()))

    def _list(self, key: str, values: Any) -> Any:
        reason = ""
        if isinstance(values, str | bytes):
            reason = "must be a list of strings; put the string in [ ]."
        elif values is None or isinstance(values, Mapping):
            reason = f"must be a list of strings, not {'None' if values is None else 'a mapping'}."
        if reason:
            raise InvalidInputError([Problem(f"manifest.steps[{len(self.steps)}].{key}", reason)])
        return values

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Raise an error that names the method that was probably meant. Type checkers know all methods anyway."""
            import difflib  # noqa: PLC0415 - only needed for a mistake

            methods = [each for each in dir(type(self)) if not each.startswith("_")]
            close = difflib.get_close_matches(name, methods, n=1)
            hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(methods)}."
            raise UnknownMethodError([Problem("", f"a Manifest has no {name!r}; {hint}")])


class UnknownMethodError(InvalidInputError, AttributeError):
    """A Manifest has no method of that name. It is an AttributeError too, so that `hasattr` works."""


def _refuse_lost(declared: Mapping[str, Any]) -> None:
    """Raise an error for keys that a Manifest has no place for, instead of dropping them."""
    unknown = [key for key in declared if key not in _KEYS]
    problems = [Problem(join(("manifest", str(key))), "is not known here; check the spelling.") for key in unknown]
    if not isinstance(declared.get("steps", []), list):
        problems.append(Problem("manifest.steps", "must be a list."))
    if problems:
        raise InvalidInputError(problems)
