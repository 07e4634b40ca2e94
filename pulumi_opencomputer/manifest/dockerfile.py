"""Read a Dockerfile in the program and turn it into steps that build what Docker would build.

Docker runs a command as root, in its working directory, with the variables that are set so far. The server runs one as
an unprivileged user who may use sudo, and does not set the variables of `env`. So a RUN becomes one command for sudo,
which sets them and changes the directory first. Anything that steps can't express is refused, with its line.
"""

from __future__ import annotations

import os
import posixpath
import re
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..errors import InvalidInputError, LocalFileError, Problem
from .dockerfile_context import Context, executables, is_archive, text_of
from .dockerfile_text import Instruction, RefusedError, Source, expand, listed, pairs, split_blanks
from .paths import is_output
from .shell_words import is_one_word
from .steps import CHANGED_IN_ENV

Step = dict[str, Any]

_BASE = "base"
_UBUNTU = re.compile(r"(docker\.io/)?(library/)?ubuntu:(22\.04|jammy)")
# What the image of Ubuntu 22.04 sets.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BY_DOCKER = re.compile(r"(TARGET|BUILD)(PLATFORM|OS|ARCH|VARIANT)")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|git@")

# Directories that the base has. A file that is copied to one of them goes into it, under its own name.
_DIRECTORIES = (
    *(
        "/",
        "/bin",
        "/boot",
        "/dev",
        "/etc",
        "/home",
        "/lib",
        "/media",
        "/mnt",
        "/opt",
        "/root",
        "/run",
        "/sbin",
        "/srv",
    ),
    *("/etc/apt", "/etc/apt/sources.list.d", "/etc/profile.d", "/tmp", "/var/tmp"),  # noqa: S108 - in the image
    *("/usr", "/usr/bin", "/usr/lib", "/usr/sbin", "/usr/share", "/usr/src", "/usr/local", "/usr/local/bin"),
    *("/usr/local/etc", "/usr/local/lib", "/usr/local/sbin", "/usr/local/share", "/usr/local/src"),
    *("/var", "/var/cache", "/var/lib", "/var/log"),
)

#: Instructions that change neither an image's files nor its commands, and have no effect in a sandbox.
_WITHOUT_EFFECT = ("CMD", "ENTRYPOINT", "EXPOSE", "LABEL", "MAINTAINER", "STOPSIGNAL")

_REFUSED = {
    "HEALTHCHECK": "a sandbox has no health checks: remove it.",
    "ONBUILD": "Docker builds no image from this one: remove it, or write its instruction without ONBUILD.",
    "SHELL": "the server's shell is /bin/sh: remove it, and call the other shell in RUN, as bash -c '…'.",
    "VOLUME": "a sandbox has no volumes: remove it, and make the directory with RUN mkdir -p.",
}


def dockerfile_steps(
    path: str | os.PathLike[str],
    context: str | os.PathLike[str] | None,
    args: Mapping[str, str] | None,
    base: str | None,
) -> tuple[str, list[Step], list[str]]:
    """Return the base and the steps of a Dockerfile, and the line of the file that each step comes from.

    Args:
        path: The Dockerfile.
        context: The directory that COPY and ADD read from; by default the Dockerfile's.
        args: Values for ARG.
        base: The base to start from, whatever FROM says. Without it, FROM must name Ubuntu 22.04.

    Raises:
        InvalidInputError: The file can't be read, or instructions can't become steps. Names the file and each line.
    """
    shown = os.fspath(path)
    file = Path(os.path.abspath(os.path.expanduser(shown)))  # noqa: PTH100, PTH111 - links stay as they are
    root = Path(os.path.abspath(os.path.expanduser(context))) if context is not None else file.parent  # noqa: PTH100, PTH111
    source = Source(text_of(file, shown))
    reading = _Reading(source.escape, Context(root, file), _checked_args(args or {}, shown), base)
    problems = reading.read(source, shown)
    if problems:
        raise InvalidInputError(problems)
    return base if base is not None else _BASE, reading.steps, [f"{shown}:{place}" for place in reading.places]


def _checked_args(args: Any, shown: str) -> dict[str, str]:
    if not isinstance(args, Mapping):
        raise InvalidInputError([Problem(shown, "args must be a mapping of names to strings.")])
    problems = []
    for name, value in args.items():
        if is_output(value):
            problems.append(
                Problem(
                    shown,
                    f"args[{name!r}] is an Output, but the file is read before its value is known: give a string. "
                    "The value becomes part of the steps, so put a secret into a step of the program instead.",
                )
            )
        elif not isinstance(value, str):
            problems.append(Problem(shown, f"args[{name!r}] must be a string."))
    if problems:
        raise InvalidInputError(problems)
    return dict(args)


class _Reading:
    """The state while a Dockerfile is read: variables, working directory and so on, and the steps so far."""

    def __init__(self, escape: str, context: Context, args: dict[str, str], base: str | None) -> None:
        self.steps: list[Step] = []
        self.places: list[str] = []
        self._escape, self._context, self._given, self._base = escape, context, args, base
        self._declared: set[str] = set()
        self._global: dict[str, str] = {}
        self._args: dict[str, str] = {}
        self._env: dict[str, str] = {}
        self._workdir = "/"
        self._directories = set(_DIRECTORIES)
        self._has_base = False
        self._kinds: dict[str, Callable[[Instruction], None]] = {
            "FROM": self._from,
            "ARG": self._arg,
            "ENV": self._env_step,
            "WORKDIR": self._workdir_step,
            "RUN": self._run,
            "COPY": self._copy,
            "ADD": self._copy,
            "USER": self._user,
        }

    def read(self, source: Source, shown: str) -> list[Problem]:
        """Read all instructions and collect those that can't become a step."""
        problems, last = [], 1
        for instruction in source.instructions():
            last = instruction.line
            try:
                self._one(instruction)
                self.places += [f"{last} {instruction.name}"] * (len(self.steps) - len(self.places))
            except RefusedError as error:
                problems.append(Problem(f"{shown}:{last}", f"{instruction.name[:20]} {error}"))
                if instruction.name == "FROM" or instruction.has_here_document:
                    return problems  # What follows may be another stage, or the text of the here-document.
        if not self._has_base and not problems:
            problems.append(Problem(f"{shown}:{last}", "the file has no FROM: begin with FROM ubuntu:22.04."))
        unknown = sorted(self._given.keys() - self._declared)
        if unknown and not problems:
            names = ", ".join(unknown)
            problems.append(Problem(shown, f"has no ARG for {names}, given in args: remove it there, or declare it."))
        return problems

    def _one(self, instruction: Instruction) -> None:
        name = instruction.name
        if name in _REFUSED:
            raise RefusedError(f"can't become a step; {_REFUSED[name]}")
        if name in _WITHOUT_EFFECT:
            return
        if name not in self._kinds:
            raise RefusedError("is not a Dockerfile instruction: check the spelling.")
        if not self._has_base and name not in ("FROM", "ARG"):
            raise RefusedError("comes before FROM: begin with FROM ubuntu:22.04.")
        if instruction.has_here_document:
            raise RefusedError("has a here-document, which is not supported: put its text into a file, and COPY that.")
        if instruction.flags and not (name == "FROM" and self._base is not None):
            flag = instruction.flags[0].partition("=")[0]
            raise RefusedError(f"has the option {flag[:40]}, which steps don't support: {_cure(name, flag)}")
        if not instruction.rest:
            raise RefusedError("has no arguments: complete it, or remove it.")
        self._kinds[name](instruction)

    # Variables

    def _lookup(self, name: str) -> str | None:
        if name in self._env:
            return self._env[name]
        if name in self._args:
            return self._args[name]
        if name == "PATH":
            return _PATH
        if self._base is not None and self._has_base:
            raise RefusedError(
                f"uses {name}, which this file does not set. The image that base replaces may set it: set it here with "
                "ENV, or with ARG and args."
            )
        return None

    def _expand(self, text: str) -> str:
        return expand(text, self._lookup, self._escape)

    def _from(self, instruction: Instruction) -> None:
        if self._has_base:
            raise RefusedError("begins another stage, but a manifest has only one: build the other stage elsewhere.")
        image, *alias = split_blanks(instruction.rest)
        if alias and (len(alias) != 2 or alias[0].lower() != "as"):
            raise RefusedError("must be followed by an image's name, and at most AS with another name.")
        if self._base is None and not _UBUNTU.fullmatch(expand(image, self._global.get, self._escape)):
            raise RefusedError(
                "names another image than ubuntu:22.04, which is the server's base: write FROM ubuntu:22.04, and "
                'install the rest with RUN; or give base="base" if the file works on that.'
            )
        self._has_base = True

    def _arg(self, instruction: Instruction) -> None:
        lookup = self._lookup if self._has_base else self._global.get
        found: dict[str, str] = {}
        for name, default in pairs(instruction.rest, self._escape):
            _check_name(name)
            if name in self._args or name in found:
                raise RefusedError(f"declares {name} again: give it one value, or another name.")
            self._declared.add(name)
            if name in self._given:
                found[name] = self._given[name]
            elif default is not None:
                found[name] = expand(default, lookup, self._escape)
            elif self._has_base and name in self._global:
                found[name] = self._global[name]
            elif _BY_DOCKER.fullmatch(name):
                raise RefusedError(f"declares {name}, which Docker sets by itself: give its value in args.")
        (self._args if self._has_base else self._global).update(found)

    def _env_step(self, instruction: Instruction) -> None:
        found = pairs(instruction.rest, self._escape)
        if found[0][1] is None:
            # Docker's old form without `=`: a name, then the value up to the end of the line.
            name, value = (*re.split(r"[\t\v\f\r ]+", instruction.rest, maxsplit=1), None)[:2]
            found = [(str(name), value)]
        values = {}
        for name, raw in found:
            _check_name(name)
            if raw is None:
                raise RefusedError(f"has no value for {name}: write {name}=value.")
            values[name] = self._expand(raw)
            if CHANGED_IN_ENV.search(values[name]):
                raise RefusedError(
                    f"sets {name} to a value with a character that would not arrive unchanged (a quote, $, a backtick, "
                    "a backslash, a line break or #). Write it to a file that the program reads, or set it only in RUN."
                )
        self._env.update(values)
        self.steps.append({"env": values})

    # Commands

    def _workdir_step(self, instruction: Instruction) -> None:
        path = self._path(self._expand(instruction.rest))
        if not is_one_word(path):
            raise RefusedError(
                "has a path with a blank or a character that the server's shell does not take literally: use another "
                "path."
            )
        self._workdir = path
        self._made(path)
        self.steps.append({"workdir": path})

    def _path(self, path: str) -> str:
        """Return the absolute path in the image, without a trailing slash."""
        return re.sub("^/+", "/", posixpath.normpath(posixpath.join(self._workdir, path)))

    def _made(self, path: str) -> None:
        while path != "/":
            self._directories.add(path)
            path = posixpath.dirname(path)

    def _user(self, instruction: Instruction) -> None:
        if instruction.rest not in ("root", "0", "root:root", "0:0"):
            raise RefusedError("changes the user, but here every RUN runs as root: remove it, and use su in RUN.")

    def _run(self, instruction: Instruction) -> None:
        words = listed(instruction.rest)
        if words is not None and not words:
            raise RefusedError("has an empty list: complete it, or remove it.")
        command = instruction.rest if words is None else f"exec {shlex.join(words)}"
        variables = {**self._args, **self._env}
        lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
        script = "\n".join([*lines, f"cd {shlex.quote(self._workdir)} || exit", command])
        self.steps.append({"run": [f"sudo sh -c {shlex.quote(script)}"]})

    # Files

    def _copy(self, instruction: Instruction) -> None:
        words = listed(instruction.rest)
        *sources, target = split_blanks(instruction.rest) if words is None else words or [""]
        if not sources:
            raise RefusedError("needs a source and a place in the image.")
        place = self._expand(target)
        path = self._path(place)
        is_directory = place.endswith(("/", "/.")) or path in self._directories
        unpacks = instruction.name == "ADD"
        texts = [(raw, self._expand(raw)) for raw in sources]
        if unpacks and any(_ADDRESS.match(text) for _, text in texts):
            raise RefusedError("fetches from an address: fetch it with RUN instead, such as curl -fsSL … -o ….")
        found = [(raw, each) for raw, text in texts for each in self._context.sources(raw, text)]
        if len(found) > 1 and not is_directory:
            raise RefusedError("has several sources, so the target must be a directory: end it with /.")
        for raw, relative in found:
            try:
                self._add(raw, relative, path, is_directory=is_directory, unpacks=unpacks)
            except LocalFileError as error:
                reason = f"copies {raw[:80]}, which can't be embedded; .dockerignore may leave it out. {error.args[0]}"
                raise RefusedError(reason) from None
            except OSError as error:
                raise RefusedError(f"copies {raw[:80]}, which can't be read: {error.strerror}.") from None

    def _add(self, raw: str, relative: str, path: str, *, is_directory: bool, unpacks: bool) -> None:
        local = self._context.local(raw, relative)
        ignore: list[str] = []
        if local.is_dir():
            self._made(path)
            ignore = self._context.left_out(relative)
            body = {"path": path, "source": str(local)}
            self.steps.append({"addDir": {**body, "ignore": ignore} if ignore else body})
        else:
            if unpacks and is_archive(local):
                raise RefusedError(f"would unpack {raw[:80]}: COPY it, and unpack it with RUN tar -xf.")
            path = posixpath.join(path, local.name) if is_directory else path
            self._made(posixpath.dirname(path))
            self.steps.append({"addFile": {"path": path, "source": str(local)}})
        # A step with files carries no modes, so set them in a run step. The server's shell accepts at most 128 KB in
        # one command, hence 20 files in each.
        found = executables(local, path, ignore)
        some = [found[at : at + 20] for at in range(0, len(found), 20)]
        if some:
            self.steps.append({"run": [f"sudo chmod a+x {shlex.join(each)}" for each in some]})


def _check_name(name: str) -> None:
    if not _VARIABLE.fullmatch(name):
        raise RefusedError("has a variable whose name is not made of letters, digits and _: use another name.")


def _cure(name: str, flag: str) -> str:
    if flag == "--from":
        return "a manifest has only one stage, so build that file beforehand, and COPY it from the context."
    if flag in ("--chown", "--chmod"):
        return f"remove it, and add RUN {flag[2:]} after it."
    if name == "FROM":
        return 'remove it, or give base="base".'
    return "remove it."
