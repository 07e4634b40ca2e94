"""A seed for the emulator: an account with fifty handmade snapshots."""

from __future__ import annotations

import base64
from typing import Any

from pulumi_opencomputer import Manifest

#: Binary data.
BINARY = bytes(range(256)) * 8


def _step(type_: str, **args: Any) -> dict[str, Any]:
    return {"type": type_, "args": args}


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _directory(path: str, **files: bytes) -> dict[str, Any]:
    entries = [{"relativePath": name, "content": _b64(raw)} for name, raw in files.items()]
    return _step("add_dir", path=path, files=entries)


def _form(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"base": "base", "steps": list(steps), **more}


#: Handmade snapshots with unusual manifests, by name.
ODD: dict[str, dict[str, Any]] = {
    "empty": _form(),
    "no base": {"steps": [_step("run", commands=["true"])]},
    "another-base": {"base": "other", "steps": [_step("workdir", path="/w")]},
    # The shell reads these words differently from what they look like; the manifest must be kept as recorded.
    "unquoted": _form(_step("pip_install", packages=["pandas>=2", "numpy"]), _step("workdir", path="/my work")),
    "unquoted-with-files": _form(_step("pip_install", packages=["pandas>=2"]), _directory("/app", **{"a.bin": BINARY})),
    "unquoted-with-bytes": _form(
        _step("pip_install", packages=["numpy>=2"]),
        _step("add_file", path="/b.bin", content=_b64(b"\xff\x00"), encoding="base64"),
    ),
    "memory": _form(_step("run", commands=["make"]), builderMemoryMB=4096, runtimeMemoryMB=512),
    "rebuilt": _form(_step("run", commands=["make"], rebuild="2026-08-01")),
    "stepped-aside": _form(_step("run", commands=["make all"], rebuild=2)),
    "dollars": _form(
        _step("run", commands=["echo $HOME ${PATH} $$ $${x}"]), _step("env", vars={"A": "${B}", "C": "$$"})
    ),
    "quotes": _form(_step("run", commands=["echo \"it's\" 'a \\ b'", "printf '%s\\n' é ü 🙂"])),
    "words": _form(
        _step("env", vars={"A": "yes", "B": "1e3", "C": "null", "D": "0o17", "E": " x ", "F": "2026-01-01"})
    ),
    "tab": _form(_step("run", commands=["\tcat > /tmp/Makefile <<'END'\nall:\n\techo $HOME\nEND\n:"])),
    "lines": _form(_step("add_file", path="/etc/motd", content=_b64(b"one\n  two\n\nthree: #4\n"), encoding="base64")),
    "no-line-end": _form(_step("add_file", path="/a", content=_b64(b"one\r\ntwo\ttabs  "), encoding="base64")),
    "binary": _form(_step("add_file", path="/b.bin", content=_b64(BINARY), encoding="base64")),
    "large-text": _form(_step("add_file", path="/t.txt", content=_b64(b"line\n" * 2000))),
    "empty-file": _form(_step("add_file", path="/e", content="")),
    "tree": _form(_directory("/app", **{"main.py": b"print(1)\n", "lib/z.py": b"", "lib/a.py": b"a = 1\n"})),
    "unsorted": _form(_directory("/app", **{"z": b"z", "a": b"a"})),
    "empty-directory": _form(_step("add_dir", path="/app", files=[])),
    "same-names": _form(_directory("/app", **{"README": b"1", "readme": b"2"})),
    "odd-names": _form(_directory("/", **{"a:b?.txt": b"1", "é ü.txt": b"2"})),
    "twice": _form(_directory("/a/app", x=b"1"), _directory("/b/app", x=b"2")),
    "class": _form(_step("run", commands=["echo keyword"])),
    "a-b": _form(_step("run", commands=["echo 1"])),
    "a_b": _form(_step("run", commands=["echo 2"])),
    "A-B": _form(_step("run", commands=["echo 3"])),
    "7 zwerge: ein Märchen": _form(_step("run", commands=["echo 7"])),
    "日本語": _form(_step("run", commands=["echo ja"])),
    "pulumi": _form(_step("run", commands=["echo p"])),
    'name\'s "quoted" ${x} <b>': _form(_step("run", commands=["echo q"])),
}

#: A value that looks like a secret, used in each of these.
SECRET = "hunter2-of-the-tests"
SECRETS: dict[str, dict[str, Any]] = {
    "with-token": _form(_step("env", vars={"REGION": "eu", "API_TOKEN": SECRET})),
    "with-index": _form(_step("pip_install", packages=["-i", f"https://me:{SECRET}@pypi.example/simple", "requests"])),
    "with-dotenv": _form(_directory("/app", **{".env": f"PASSWORD={SECRET}\n".encode(), "main.py": b"print(1)\n"})),
}


def fifty() -> dict[str, dict[str, Any]]:
    """Return fifty snapshots by name, in the API's form, without secrets."""
    rest = 50 - len(ODD)
    usual = {
        f"agents-{number:02}": Manifest.base()
        .apt_install(["ripgrep", "jq"])
        .pip_install([f"pandas==2.2.{number}"])
        .env({"PROJECT_ROOT": "/workspace"})
        .workdir("/workspace")
        .to_dict()
        for number in range(rest)
    }
    return {**ODD, **usual}
