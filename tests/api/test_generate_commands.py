"""The commands that `pulumi-opencomputer generate` prints, and `pulumi-opencomputer value`, which they use."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from emulator_process import Emulator
from generated import Run
from pulumi_opencomputer import Manifest

pytestmark = pytest.mark.long

# Stands for `pulumi config set`: stores its input as that does, which removes one line end.
FAKE_PULUMI = """\
#!/bin/sh
test "$1 $2 $3" = "config set --secret" && cat > "$4"
"""


def stored(line: str, emulator: Emulator, folder: Path, shell: str, **variables: str) -> tuple[int, bytes | None, str]:
    """Run a printed command in a shell; return its exit code, what it stores, and what it says."""
    fake = folder / "bin" / "pulumi"
    fake.parent.mkdir(exist_ok=True)
    fake.write_text(FAKE_PULUMI)
    fake.chmod(0o755)
    path = os.pathsep.join([str(fake.parent), str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, **emulator.environment, "PATH": path, **variables}
    done = subprocess.run(
        [shell, "-c", line], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == ""
    kept = folder / "oddToken"
    return done.returncode, kept.read_bytes() if kept.exists() else None, done.stderr


def secret_line(run: Run, emulator: Emulator, value: str) -> str:
    """The line that stores a secret of a snapshot with an odd name."""
    emulator.create("o'dd $x", Manifest.base().add_file("/a/.env", value).to_dict())
    said = run("generate", "--quiet", "--out", "program")
    assert said.code == 0
    (line,) = [line.strip() for line in said.out.splitlines() if "config set" in line]
    return line.replace("oDdXAddfile1", "oddToken")


@pytest.mark.parametrize("shell", ["sh", "bash", "dash"])
@pytest.mark.parametrize("value", ["plain", "one\n", "two\n\n", "a\r\n", " ${x} 'q' \"é\" .", "."])
def test_the_printed_line_stores_the_whole_value(
    run: Run, emulator: Emulator, tmp_path: Path, shell: str, value: str
) -> None:
    """A shell drops line ends at the end of a command's output; the line keeps them."""
    if not shutil.which(shell):
        pytest.skip(f"there is no {shell}")
    line = secret_line(run, emulator, value)
    assert stored(line, emulator, tmp_path, shell) == (0, f"{value}\n".encode(), "")


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_the_printed_line_stores_nothing_if_the_value_cannot_be_had(
    run: Run, emulator: Emulator, tmp_path: Path, shell: str
) -> None:
    """An empty secret in the configuration would only be noticed in the next image."""
    line = secret_line(run, emulator, "hunter2")
    code, kept, said = stored(line, emulator, tmp_path, shell, OPENCOMPUTER_API_KEY="wrong")
    assert (code, kept) == (1, None)
    assert "The server does not accept the API key." in said


@pytest.mark.parametrize("command", [("generate",), ("value", "base", "manifest.base")])
@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("OPENCOMPUTER_API_KEY", "", "Set it with: export OPENCOMPUTER_API_KEY=<your key>."),
        ("OPENCOMPUTER_API_KEY", "a b", "The API key (OPENCOMPUTER_API_KEY) holds a character"),
        ("OPENCOMPUTER_API_KEY", "wrong", "Set a valid one: export OPENCOMPUTER_API_KEY=<your key>."),
        ("OPENCOMPUTER_API_URL", "ftp://x", "The API's address (OPENCOMPUTER_API_URL) can't be used"),
        (
            "OPENCOMPUTER_API_URL",
            "<server>/x",
            "the API's address: export OPENCOMPUTER_API_URL=https://<host>.",
        ),
        ("OPENCOMPUTER_API_URL", "http://192.0.2.1", "in a network that you trust, --allow-http."),
    ],
)
def test_errors_name_environment_variables(
    run: Run,
    emulator: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    variable: str,
    value: str,
    told: str,
) -> None:
    """The commands read no stack's configuration."""
    monkeypatch.setenv(variable, value.replace("<server>", emulator.url))
    said = run(*command)
    assert (said.code, said.out) == (1, "")
    assert told in said.err
    assert "pulumi config" not in said.err
    assert "opencomputer:" not in said.err


def test_the_key_is_sent_unencrypted_only_if_allowed(
    run: Run, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The emulator stands in as a proxy here; it answers, but not as one."""
    monkeypatch.setenv("OPENCOMPUTER_API_URL", "http://server.invalid")
    monkeypatch.setenv("HTTP_PROXY", emulator.url)
    for command in (("generate",), ("value", "base", "manifest.base")):
        assert "The API key would go unencrypted to http://server.invalid." in run(*command).err
        assert "http://server.invalid has no such API path." in run(*command, "--allow-http").err


def test_the_printed_commands_allow_what_was_allowed(run: Run, emulator: Emulator) -> None:
    """They reach the same server."""
    emulator.create("agents", Manifest.base().env({"TOKEN": "hunter2"}).to_dict())
    assert "pulumi-opencomputer value --allow-http -- agents" in run("generate", "--allow-http").out


@pytest.mark.parametrize("is_active", [True, False])
def test_an_environment_is_made_if_the_commands_own_is_not_active(
    run: Run, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, is_active: bool
) -> None:
    """After `pipx install` Pulumi would run the program in an environment without the package."""
    emulator.create("base", Manifest.base().to_dict())
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    if is_active:
        monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    line = "  python3 -m venv .venv && . .venv/bin/activate && pip install -r requirements.txt\n"
    assert (line in run("generate", "--out", "python").out) is not is_active
    assert "venv" not in run("generate", "--language", "yaml", "--out", "yaml").out
