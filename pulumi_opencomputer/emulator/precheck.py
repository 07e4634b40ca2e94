"""Predict without running a step's command whether the shell, pip or apt would refuse it.

A user's command is never run. The shell only parses it, with ``/bin/sh -n``.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

_SHELL = "/bin/sh"
_SECONDS = 10.0
_LONGEST_REMEMBERED = 4096
_LONGEST_READ = 100_000
_LONGEST_NAME = 255
_APT = "sudo DEBIAN_FRONTEND=noninteractive apt-get update -qq && sudo apt-get install -y -qq "
_PIP = "sudo pip install -q "
_MKDIR = "sudo mkdir -p "

_PLAIN = re.compile(r"(?a:[\w./:=,@%+ -]*)")
_RESERVED = frozenset(["if", "then", "else", "elif", "fi", "do", "done", "case", "esac", "for", "while", "until", "in"])
# If the text has one of these, the words depend on how the shell expands it.
_EXPANDED = re.compile(r"[$`\\~{}\n]")
_FLAGS = frozenset(
    [
        "-q",
        "-y",
        "-U",
        "--allow-downgrades",
        "--break-system-packages",
        "--force-reinstall",
        "--ignore-installed",
        "--no-cache-dir",
        "--no-deps",
        "--no-input",
        "--no-install-recommends",
        "--pre",
        "--quiet",
        "--reinstall",
        "--upgrade",
        "--user",
        "--yes",
    ]
)
_ARCHIVES = (".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".deb")
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+(:[a-z0-9-]+)?")
_APT_PATTERN = re.compile(r"[?*|\[\]^$]")
_VERSION = re.compile(r"[A-Za-z0-9.+:~*?\[\]-]+")
_SET_VARIABLE = (
    """sudo sh -c "echo '{0}={1}' >> /etc/environment" && sudo sh -c "echo 'export {0}=\\"{1}\\"' >> {2}\""""
)
_PROFILE = "/etc/profile.d/osb-image.sh"


@dataclass(frozen=True)
class Failure:
    """How a command fails: its exit code, and what it writes to standard error."""

    exit: int
    stderr: str


def command_line(kind: str, args: Mapping[str, Any]) -> str:
    """Return the command that the server passes to its shell for a step; "" for a step without a command."""
    if kind == "run":
        return " && ".join(args["commands"])
    if kind == "apt_install":
        return _APT + " ".join(args["packages"])
    if kind == "pip_install":
        return _PIP + " ".join(args["packages"])
    if kind == "workdir":
        return _MKDIR + str(args["path"])
    if kind == "env":
        return " && ".join(_SET_VARIABLE.format(name, args["vars"][name], _PROFILE) for name in sorted(args["vars"]))
    return ""


def failure_of(kind: str, line: str) -> Failure | None:
    """Return how the command of a step fails, or None if that can't be known without running it.

    This may start a process, and blocks until that ends.
    """
    failure = shell_failure(line)
    if failure is None and kind == "env":
        failure = next(filter(None, map(shell_failure, _inner_scripts(line))), None)
    if failure is None and kind in _CHECKS:
        prefix, check = _CHECKS[kind]
        words = _words(line.removeprefix(prefix))
        failure = words if isinstance(words, Failure) or words is None else check(words)
    return failure


def shell_failure(line: str) -> Failure | None:
    """Return the shell's syntax error, or None if there is none or this machine has no such shell."""
    if "\0" in line or _is_plain(line):
        return None
    return _remembered(line) if len(line) <= _LONGEST_REMEMBERED else _ask_shell(line)


def _is_plain(line: str) -> bool:
    # Such a command has no syntax that could be wrong, so the shell need not be started.
    commands = line.split(" && ")
    return all(
        _PLAIN.fullmatch(command) and (words := command.split()) and _RESERVED.isdisjoint(words) for command in commands
    )


def _ask_shell(line: str) -> Failure | None:
    if not Path(_SHELL).exists():
        return None
    try:
        done = subprocess.run(  # noqa: S603 - it reads the line and runs nothing
            [_SHELL, "-n"],
            input=line.encode("utf-8", "replace"),
            capture_output=True,
            timeout=_SECONDS,
            env={},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return Failure(2, done.stderr.decode("utf-8", "replace").strip()) if done.returncode else None


_remembered = lru_cache(512)(_ask_shell)


def _inner_scripts(line: str) -> Iterator[str]:
    # Inside double quotes a text without these characters reaches the inner shell unchanged.
    return (script for script in re.findall(r'sh -c "([^"]*)"(?= &&|$)', line) if not re.search(r"[$`\\]", script))


def _words(text: str) -> list[str] | Failure | None:
    if len(text) > _LONGEST_READ or _EXPANDED.search(text):
        return None
    lexer = shlex.shlex(text, posix=True, punctuation_chars="<>|&;()")
    lexer.whitespace_split, lexer.commenters = True, ""
    words: list[str] = []
    tokens = iter(lexer)
    for token in tokens:
        if token.startswith("#") or token[0] in "|&;(":
            break
        if token[0] not in "<>":
            words.append(token)
            continue
        target = next(tokens, "")
        if token.startswith("<") and re.fullmatch(r"=?\d[\w.*]*", target):
            return Failure(2, f"/bin/sh: 1: cannot open {target}: No such file")
    return words


def _arguments(words: list[str]) -> Iterator[str]:
    left = iter(words)
    for word in left:
        if not word.startswith("-"):
            yield word
        elif word not in _FLAGS and "=" not in word:
            # An unknown option may take the next word as its value.
            next(left, None)


def _pip_failure(words: list[str]) -> Failure | None:
    if not words:
        hint = 'ERROR: You must give at least one requirement to install (see "pip help install")'
        return Failure(1, hint)
    for word in _arguments(words):
        if "/" in word or word.startswith(".") or word.lower().endswith(_ARCHIVES):
            continue
        try:
            Requirement(word)
        except InvalidRequirement as error:
            hint = "\nHint: = is not a valid operator. Did you mean == ?" if re.search(r"[^=<>!~]=[^=]", word) else ""
            return Failure(1, f"ERROR: Invalid requirement: '{word}': {error}{hint}")
    return None


def _apt_failure(words: list[str]) -> Failure | None:
    for word in _arguments(words):
        if "/" in word or word.endswith(_ARCHIVES):
            continue
        name, equals, version = word.rpartition("=") if "=" in word else (word, "", "")
        # A minus at the end removes a package.
        if not _PACKAGE.fullmatch(name.removesuffix("-")) and not _APT_PATTERN.search(name):
            return Failure(100, f"E: Unable to locate package {name}")
        if equals and not _VERSION.fullmatch(version):
            return Failure(100, f"E: Version '{version}' for '{name}' was not found")
    return None


def _mkdir_failure(words: list[str]) -> Failure | None:
    if not words:
        return Failure(1, "mkdir: missing operand\nTry 'mkdir --help' for more information.")
    for path in words:
        if too_long(path):
            return Failure(1, f"mkdir: cannot create directory ‘{path}’: File name too long")  # noqa: RUF001 - as mkdir says it
    return None


def too_long(path: str) -> bool:
    """Tell whether a path is too long for any Linux file system."""
    raw = path.encode("utf-8", "replace")
    return len(raw) > 4095 or any(len(part) > _LONGEST_NAME for part in raw.split(b"/"))


_CHECKS = {
    "apt_install": (_APT, _apt_failure),
    "pip_install": (_PIP, _pip_failure),
    "workdir": (_MKDIR, _mkdir_failure),
}
