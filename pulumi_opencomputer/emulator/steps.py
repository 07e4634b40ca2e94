"""Build steps: their description in the log, whether the server could run them, and how they are simulated."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .precheck import Failure, command_line, failure_of, too_long

_SLEEP = re.compile(r"SLEEP_BUILD_(\d+(?:\.\d+)?)")
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_DESCRIPTION_BYTES = 120
_STDERR_BYTES = 500

Args = Mapping[str, Any]


@dataclass(frozen=True)
class Step:
    """One step and how it will be simulated.

    Attributes:
        type: The API's type of the step.
        description: Its description in the build log.
        refusal: Why the server can't run it, or "".
        announced: Whether the log names the step before it is refused.
        seconds: How long its commands should take, in seconds.
        stderr: What the failing command writes to standard error, or None if none fails.
        exit: The failing command's exit code.
        line: The command that the server would pass to its shell, or "".
        output: The lines that its commands write to standard output. The real server does not report them today.
    """

    type: str
    description: str
    refusal: str = ""
    announced: bool = False
    seconds: float = 0.0
    stderr: str | None = None
    exit: int = 1
    line: str = ""
    output: tuple[str, ...] = ()

    def failure(self) -> Failure | None:
        """Return how its commands fail, or None. This may block.

        A failure that can be predicted from the command comes before one that the command asks the simulation for.
        """
        failure = failure_of(self.type, self.line) if self.line else None
        if failure:
            return Failure(failure.exit, cut(failure.stderr, _STDERR_BYTES))
        return None if self.stderr is None else Failure(self.exit, self.stderr)


def plan_step(kind: str, args: Args) -> Step:
    """Return how a step with this type and these arguments will be simulated."""
    if kind not in _CHECKS:
        return Step(kind, kind, refusal=f"unknown step type: {kind}")
    refusal = _CHECKS[kind](args)
    if refusal:
        is_file = kind in ("add_file", "add_dir")
        return Step(kind, _describe(kind, args), refusal if is_file else f"{kind}: {refusal}", announced=is_file)
    seconds, stderr = _simulate(args["commands"]) if kind == "run" else (0.0, None)
    return Step(kind, _describe(kind, args), seconds=seconds, stderr=stderr, line=command_line(kind, args))


def cut(text: str, size: int) -> str:
    """Return the text, or if it is longer its first `size` bytes and three dots."""
    raw = text.encode("utf-8", "replace")
    return text if len(raw) <= size else raw[:size].decode("utf-8", "replace") + "..."


def _simulate(commands: list[str]) -> tuple[float, str | None]:
    seconds = 0.0
    for command in commands:
        seconds += sum(float(number) for number in _SLEEP.findall(command))
        if "FAIL_BUILD" in command:
            return seconds, cut(f"E: simulated failure of: {command}", _STDERR_BYTES)
    return seconds, None


def _describe(kind: str, args: Args) -> str:
    return cut(_words(kind, args), _DESCRIPTION_BYTES)


def _words(kind: str, args: Args) -> str:
    path = args.get("path") if isinstance(args.get("path"), str) else ""
    if kind == "apt_install":
        return f"apt-get install {_joined(args.get('packages'), ' ')}"
    if kind == "pip_install":
        return f"pip install {_joined(args.get('packages'), ' ')}"
    if kind == "run":
        return _joined(args.get("commands"), " && ") or "run commands"
    fixed = {"env": "set environment variables", "workdir": f"set workdir {path}", "add_file": f"add file {path}"}
    return fixed.get(kind, f"add directory {path}")


def _joined(value: object, separator: str) -> str:
    return separator.join(value) if isinstance(value, list) and not _not_strings(value) else ""


def _not_strings(value: object) -> str:
    if not isinstance(value, list):
        return f"expected array, got {_kind(value)}"
    for index, item in enumerate(value):
        if not isinstance(item, str):
            return f"expected string at index {index}, got {_kind(item)}"
    return ""


def _kind(value: object) -> str:
    names = {str: "string", bool: "bool", int: "number", float: "number", list: "array", type(None): "null"}
    return names.get(type(value), "object")


def _strings_check(key: str) -> Callable[[Args], str]:
    def check(args: Args) -> str:
        return _not_strings(args[key]) if key in args else f"missing {key}"

    return check


def _check_env(args: Args) -> str:
    if "vars" not in args:
        return "missing vars"
    return "" if isinstance(args["vars"], dict) else "vars must be a map"


def _check_workdir(args: Args) -> str:
    if "path" not in args:
        return "missing path"
    return "" if isinstance(args["path"], str) else "path must be a string"


def _check_file(args: Args) -> str:
    return _check_path(args, is_file=True) or _check_content(args)


def _check_path(args: Args, *, is_file: bool = False) -> str:
    if refusal := _check_workdir(args):
        return refusal
    path = args["path"]
    if "\0" in path or not path.startswith("/"):
        return "path is invalid: must be absolute and without NUL"
    if posixpath.normpath(path).strip("/") == "" and is_file:
        return "path is invalid: is a directory"
    return "path is invalid: file name too long" if too_long(path) else ""


def _check_content(args: Args) -> str:
    content, encoding = args.get("content"), args.get("encoding", "")
    if "content" not in args:
        return "missing content"
    if not isinstance(content, str):
        return "content must be a string"
    if not isinstance(encoding, str):
        return "encoding must be a string"
    if encoding not in ("", "base64"):
        return f'unsupported encoding "{encoding}"'
    return "" if _is_base64(content) else "content must be valid base64"


def _is_base64(content: str) -> bool:
    # Like Go's decoder, skip line ends and ignore the unused bits of the last character.
    if "\n" in content or "\r" in content:
        content = content.translate({10: None, 13: None})
    return len(content) % 4 == 0 and _BASE64.fullmatch(content) is not None


def _check_dir(args: Args) -> str:
    if refusal := _check_path(args):
        return refusal
    if "files" not in args:
        return "missing files"
    if not isinstance(args["files"], list):
        return "files must be an array"
    refusals = (_check_entry(index, entry) for index, entry in enumerate(args["files"]))
    return next((refusal for refusal in refusals if refusal), "")


def _check_entry(index: int, entry: object) -> str:
    if not isinstance(entry, dict):
        return f"file {index} must be an object"
    relative = entry.get("relativePath")
    if not isinstance(relative, str):
        return f"file {index} relativePath must be a string"
    if refusal := _check_relative(relative):
        return f"file {index} relativePath is invalid: {refusal}"
    refusal = _check_content(entry)
    return f"file {index} {relative}: {refusal}" if refusal else ""


def _check_relative(path: str) -> str:
    if not path or "\0" in path or path.startswith("/"):
        return "must be relative, non-empty and without NUL"
    clean = posixpath.normpath(path)
    if clean == ".":
        return "must name a file"
    return "must not contain path traversal" if clean.startswith("..") and clean.split("/")[0] == ".." else ""


_CHECKS: dict[str, Callable[[Args], str]] = {
    "apt_install": _strings_check("packages"),
    "pip_install": _strings_check("packages"),
    "run": _strings_check("commands"),
    "env": _check_env,
    "workdir": _check_workdir,
    "add_file": _check_file,
    "add_dir": _check_dir,
}
