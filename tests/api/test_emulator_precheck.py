"""Commands that the emulator rejects without running them, as the server's shell, pip and apt would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emulator_client import create, stream
from emulator_process import Emulator
from pulumi_opencomputer.emulator.precheck import command_line, failure_of, shell_failure

LONG = "/" + "d" * 256


def apt(*packages: str) -> dict[str, Any]:
    return {"type": "apt_install", "args": {"packages": list(packages)}}


def pip(*packages: str) -> dict[str, Any]:
    return {"type": "pip_install", "args": {"packages": list(packages)}}


def run(*commands: str) -> dict[str, Any]:
    return {"type": "run", "args": {"commands": list(commands)}}


def env(**variables: str) -> dict[str, Any]:
    return {"type": "env", "args": {"vars": variables}}


def workdir(path: str) -> dict[str, Any]:
    return {"type": "workdir", "args": {"path": path}}


def add_file(path: str) -> dict[str, Any]:
    return {"type": "add_file", "args": {"path": path, "content": "aGk="}}


def built(emulator: Emulator, *steps: dict[str, Any]) -> str:
    """Build the steps; return the error, or "" if there is none."""
    kind, answer = stream(emulator, "/api/snapshots", {"name": "a", "image": {"base": "base", "steps": steps}})[-1]
    return "" if kind == "result" else str(answer["error"])


@pytest.mark.parametrize(
    "step",
    [
        run("echo 'a"),
        run("if true; then echo a"),
        run("", "b"),
        run("a;", "b"),
        run("echo a &", "b"),
        run("(cd /x"),
        run("case a in"),
        run("for x in 1 2; do echo $x"),
        run("echo hi)"),
        apt("curl; ("),
        pip("'requests"),
        workdir("/a'b"),
        env(QUOTE="it's"),
        env(A="fine", B="`date"),
    ],
    ids=str,
)
def test_a_syntax_error_fails_with_the_shells_message(emulator, step):
    """The exit code is that of the shell, 2, and so is the text."""
    error = built(emulator, step)
    assert error.startswith(f"image build failed: image build failed: step 0 ({step['type']}) failed (exit 2): ")
    assert "yntax error" in error or "unexpected EOF" in error


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (pip("foo=1.0"), "(exit 1): ERROR: Invalid requirement: 'foo=1.0'"),
        (pip("requests", "'numpy >< 2'"), "(exit 1): ERROR: Invalid requirement: 'numpy >< 2'"),
        (pip("-U", "!x"), "(exit 1): ERROR: Invalid requirement: '!x'"),
        (pip(), "(exit 1): ERROR: You must give at least one requirement to install"),
        (pip("pandas<3"), "(exit 2): /bin/sh: 1: cannot open 3: No such file"),
        (apt("curl", "Ripgrep"), "(exit 100): E: Unable to locate package Ripgrep"),
        (apt("my_package"), "(exit 100): E: Unable to locate package my_package"),
        (apt("jq==1.6"), "(exit 100): E: Unable to locate package jq="),
        (apt("jq="), "(exit 100): E: Version '' for 'jq' was not found"),
        (workdir(""), "(exit 1): mkdir: missing operand"),
        (workdir(LONG), "(exit 1): mkdir: cannot create directory"),
    ],
    ids=str,
)
def test_invalid_packages_and_paths_fail_with_the_tools_message(emulator, step, words):
    """No package index is asked."""
    assert f"step 0 ({step['type']}) failed {words}" in built(emulator, step)


@pytest.mark.parametrize("path", ["/", "/a/..", LONG])
def test_an_invalid_path_of_a_file_fails(emulator, path):
    """It fails when its step is reached."""
    assert "step 1 (add_file): path is invalid" in built(emulator, run("true"), add_file(path))


@pytest.mark.parametrize(
    "step",
    [
        run("echo 'a b' > /tmp/x", 'for x in 1 2; do echo "$x"; done', "cat <<EOF\nhello (\nEOF"),
        run("# a comment"),
        run(),
        apt("g++", "libstdc++6", "python3:amd64", "jq=1.6-2.1", "vim-", "linux-*", "-t", "Stable", "./a.deb", "build^"),
        apt(),
        pip("pandas>=2", "requests[socks]", "numpy==2.*", "'x; python_version<\"3.12\"'", "-r", "/a b", "./here"),
        pip(
            "git+https://example.com/a.git",
            "a.whl",
            "--index-url",
            "https://x",
            "--no-deps",
            "flask",
            "'x @ https://y'",
        ),
        pip("numpy", "# !!"),
        pip("$PACKAGE", "`x`"),
        env(URL="postgres://u@h/d?a=b&c=d;e|f<g>", SPACE="a b", HASH="#"),
        workdir("/workspace/a b"),
    ],
    ids=str,
)
def test_words_that_the_tools_accept_are_built(emulator, step):
    """The emulator doesn't know whether a package exists."""
    assert built(emulator, step) == ""


@pytest.mark.parametrize(
    "form", ["touch {}", "$(touch {})", "`touch {}`", "; touch {}", "x\ntouch {}\n(", "a<<E\n$(touch {})\nE"]
)
def test_no_command_is_ever_run(emulator, tmp_path, form):
    """Wherever a command is hidden, the shell only parses it."""
    mark = tmp_path / "mark"
    text = form.format(mark)
    for step in (run(text), run(text, "'"), apt(text), pip(text), workdir(text), env(A=text), env(A=f'"{text}"')):
        built(emulator, step)
        emulator.clear()
    assert list(tmp_path.iterdir()) in ([], [tmp_path / "emulator-0"])
    assert not mark.exists()


def test_an_earlier_step_runs_first_and_a_plain_create_fails_too(emulator):
    """Like the server, the emulator reaches a step only after those before it."""
    image = {"base": "base", "steps": [run("SLEEP_BUILD_0"), run("echo '")]}
    events = stream(emulator, "/api/snapshots", {"name": "a", "image": image})
    assert [event["message"] for kind, event in events[1:4] if kind == "build_log"] == [
        "Step 1/2: SLEEP_BUILD_0",
        "Step 1/2 completed",
        "Step 2/2: echo '",
    ]
    assert "step 1 (run) failed (exit 2)" in events[-1][1]["error"]
    assert create(emulator, "b", image).status_code == 500


@pytest.mark.parametrize("line", ["echo a", "a && b", "python -m compileall /workspace/app", "pip --version"])
def test_a_plain_command_needs_no_shell(line, monkeypatch):
    """A thousand builds don't have to start a thousand processes."""
    monkeypatch.setattr("pulumi_opencomputer.emulator.precheck._ask_shell", pytest.fail)
    assert shell_failure(line) is None


@pytest.mark.timeout(20)
@pytest.mark.parametrize("line", ["a " * 500_000, "a && " * 300_000 + "b", "a=b" * 300_000 + "\n" + "&&" * 300_000])
def test_a_long_line_is_checked_fast(line):
    """The time is linear in its length."""
    failure = shell_failure(line + "'")
    assert failure is None or failure.exit == 2
    assert failure_of("pip_install", "sudo pip install -q " + line) == failure_of("pip_install", line)


def test_without_a_shell_no_command_fails(monkeypatch):
    """This is the case on Windows."""
    monkeypatch.setattr("pulumi_opencomputer.emulator.precheck._SHELL", str(Path("/no/such/shell")))
    assert shell_failure("echo 'no shell can tell") is None


def test_the_command_line_is_that_of_the_server():
    """These are the words that the server passes to its shell."""
    assert command_line("pip_install", {"packages": ["a", "b"]}) == "sudo pip install -q a b"
    assert command_line("workdir", {"path": "/w"}) == "sudo mkdir -p /w"
    assert command_line("run", {"commands": ["a", "b"]}) == "a && b"
    assert command_line("env", {"vars": {"K": "V"}}) == (
        "sudo sh -c \"echo 'K=V' >> /etc/environment\""
        ' && sudo sh -c "echo \'export K=\\"V\\"\' >> /etc/profile.d/osb-image.sh"'
    )
