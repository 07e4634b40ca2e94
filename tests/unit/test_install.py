"""The installer of development tools: which engine it chooses, and what it reports if there is none.

All executables are fakes.
"""

from __future__ import annotations

import importlib.util
import os
import select
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "tools" / "pulumi" / "install.py"
PARENT_PATH = os.environ["PATH"]


def load() -> ModuleType:
    """Import the script, which is not on the import path."""
    spec = importlib.util.spec_from_file_location("install_tools", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


install = load()


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """An empty tools folder, on a machine with an empty PATH that can't download the release."""
    refuse = fake(tmp_path / "python", 'echo "Traceback" >&2; echo "URLError: no network" >&2; exit 1')
    monkeypatch.setattr(sys, "executable", str(refuse))
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    return install.Tools(tmp_path / "tools")


def fake(path: Path, script: str) -> Path:
    """Write an executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def fake_engine(folder: Path, version: str = "v3.259.0", host: tuple[str, ...] = install.PYTHON_HOST) -> Path:
    """Write an engine that prints a version, with the files of a Python host next to it."""
    for name in host:
        fake(folder / name, "exit 0")
    return fake(folder / "pulumi", f"echo {version}")


def fake_go(folder: Path, journal: Path) -> Path:
    """Write a fake Go that records its calls and builds fake tools: an engine of its version, and the hosts."""
    module = folder / "module"
    for script in install.SCRIPTS:
        fake(module / script, "exit 0").chmod(0o444)
    return fake(
        folder / "go",
        f"""
echo "${{PWD##*/}} $1" >> {journal}
PATH={PARENT_PATH}
case "$1 ${{PWD##*/}}" in
  "install engine") name=pulumi ;;
  "install actionlint") name=actionlint ;;
  "install "*) name=pulumi-${{PWD##*/}} ;;
  *) echo '{{"Dir": "{module}"}}'; exit ;;
esac
printf '#!/bin/sh\\necho {install.BUILT}\\n' > "$GOBIN/$name"
chmod +x "$GOBIN/$name"
""",
    )


def run(tools, *folders: Path, arguments: tuple[str, ...] = ("--engine-only",)) -> int:
    """Run the installer with these folders as PATH."""
    os.environ["PATH"] = os.pathsep.join(map(str, folders))
    return install.main(["--tools", str(tools.folder), *arguments])


@pytest.mark.parametrize(
    ("answer", "version"),
    [
        ("v3.259.0", (3, 259, 0)),
        ("3.260.1", (3, 260, 1)),
        ("v3.300.0-dev.7+abc", (3, 300, 0)),
        ("", None),
        ("zsh", None),
    ],
)
def test_version_is_read_from_an_engines_output(tmp_path, answer, version):
    """Release and development versions are read; any other output gives no version."""
    assert install.engine_version(fake(tmp_path / "pulumi", f"echo {answer}")) == version


def test_a_file_that_does_not_run_has_no_version(tmp_path):
    """Neither a failing program nor a missing file has a version."""
    assert install.engine_version(fake(tmp_path / "pulumi", "exit 3")) is None
    assert install.engine_version(tmp_path / "absent") is None


def test_engine_on_path_is_linked(tools, tmp_path, capsys):
    """An engine that is new enough and has its host is used in place."""
    engine = fake_engine(tmp_path / "here", "v3.300.0")
    assert run(tools, tmp_path / "here") == 0
    assert (tools.bin / "pulumi").readlink() == engine
    assert sorted(path.name for path in tools.bin.iterdir()) == sorted(install.REQUIRED)
    assert capsys.readouterr().out == "tools: pulumi 3.300.0 (on PATH)\n"


def test_host_next_to_the_real_file_is_found(tools, tmp_path):
    """A package manager may link only `pulumi` onto PATH; the host is then next to the link's target."""
    engine = fake_engine(tmp_path / "cellar")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pulumi").symlink_to(engine)
    assert run(tools, tmp_path / "bin") == 0
    assert (tools.bin / "pulumi-language-python").readlink() == tmp_path / "cellar" / "pulumi-language-python"


def test_host_elsewhere_on_path_is_found(tools, tmp_path):
    """The host may be in another folder of PATH than the engine."""
    fake_engine(tmp_path / "one", host=())
    fake_engine(tmp_path / "two", version="v1.0.0")
    assert run(tools, tmp_path / "one", tmp_path / "two") == 0


@pytest.mark.parametrize(
    ("version", "host", "reason"),
    [
        ("v3.258.9", install.PYTHON_HOST, "is 3.258.9, older than 3.259.0"),
        ("", install.PYTHON_HOST, "does not print its version"),
        ("v3.300.0", install.PYTHON_HOST[:1], "has no pulumi-language-python-exec with it"),
    ],
)
def test_unsuitable_engine_is_refused(tools, tmp_path, capsys, version, host, reason):
    """If the engine is too old, prints no version or lacks its host, the reason of each attempt is reported."""
    fake_engine(tmp_path / "here", version, host)
    assert run(tools, tmp_path / "here") == 1
    told = capsys.readouterr().out
    assert f"on PATH: {tmp_path / 'here' / 'pulumi'} {reason}" in told
    assert "official release: URLError: no network" in told
    assert "with Go: there is no `go`" in told
    assert not tools.bin.exists()


def test_release_comes_before_go(tools, tmp_path, monkeypatch):
    """If the official release can be downloaded, nothing is compiled."""
    fake_engine(tmp_path / "released", "v3.272.0")
    copy = f'PATH={PARENT_PATH}; mkdir -p "$3"; cp -r {tmp_path / "released"} "$3/bin"'
    monkeypatch.setattr(sys, "executable", str(fake(tmp_path / "python", copy)))
    fake_go(tmp_path / "go", tmp_path / "journal")
    assert run(tools, tmp_path / "go") == 0
    assert (tools.bin / "pulumi").readlink() == tools.release / "bin" / "pulumi"
    assert not (tmp_path / "journal").exists()


def test_release_that_hangs_is_stopped(tools, tmp_path):
    """A download that does not end is stopped with all its processes, and counts as failed."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    slow = fake(tmp_path / "slow", f"PATH={PARENT_PATH}; {{ echo begun; sleep 60; }} > {pipe} & wait")
    with pytest.raises(install.InstallError, match="not complete after 1 s"):
        install.from_release(tools, str(slow), seconds=1)
    with os.fdopen(reader, "rb", buffering=0) as stream:
        os.set_blocking(reader, True)
        assert stream.read(100) == b"begun\n"
        ended = select.select([reader], [], [], 20)[0]
        assert ended
        assert stream.read(100) == b"", "a process still holds the pipe open"


def test_go_compiles_once(tools, tmp_path, capsys):
    """Go builds the engine, the host and its scripts; a second run only asks for the engine's version, silently."""
    journal = tmp_path / "journal"
    fake_go(tmp_path / "go", journal)
    assert run(tools, tmp_path / "go") == 0
    assert journal.read_text().splitlines() == ["engine mod", "engine install", "language-python install"]
    assert all(os.access(tools.bin / name, os.X_OK) for name in install.REQUIRED)
    assert capsys.readouterr().out.splitlines()[-1] == "tools: pulumi 3.259.0 (with Go)"
    assert run(tools, tmp_path / "go") == 0
    assert len(journal.read_text().splitlines()) == 3
    assert capsys.readouterr().out == ""


def test_changed_module_is_compiled_again(tools, tmp_path, monkeypatch):
    """If go.mod or go.sum changes, only that module is compiled again."""
    journal = tmp_path / "journal"
    fake_go(tmp_path / "go", journal)
    changed = shutil.copytree(install.GO_ENGINE.folder, tmp_path / "engine")
    monkeypatch.setattr(install, "GO_ENGINE", install.GoModule("pulumi", changed))
    assert run(tools, tmp_path / "go") == 0
    journal.unlink()
    with (changed / "go.sum").open("a") as sums:
        sums.write("\n")
    assert run(tools, tmp_path / "go") == 0
    assert journal.read_text().splitlines() == ["engine mod", "engine install"]


def test_failing_go_is_reported_in_one_line(tools, tmp_path, capsys):
    """The last line of Go's output is reported."""
    fake(tmp_path / "go" / "go", 'echo "go: downloading x" >&2; echo "go: no room on disk" >&2; exit 1')
    assert run(tools, tmp_path / "go") == 1
    assert "with Go: `go mod` in engine: go: no room on disk" in capsys.readouterr().out


def test_broken_links_are_replaced(tools, tmp_path):
    """If the engine was removed, or doesn't run any more, the installer looks for another one."""
    fake_engine(tmp_path / "first")
    fake_engine(tmp_path / "second", "v3.280.0")
    assert run(tools, tmp_path / "first") == 0
    (tmp_path / "first" / "pulumi-language-python").unlink()
    assert run(tools, tmp_path / "second") == 0
    assert (tools.bin / "pulumi").readlink() == tmp_path / "second" / "pulumi"
    fake(tmp_path / "second" / "pulumi", "exit 1")
    assert run(tools, tmp_path / "second") == 1


def test_own_links_are_not_taken_for_an_engine_on_path(tools, tmp_path):
    """If the folder of links is itself on PATH, no link ever points to itself."""
    fake_engine(tmp_path / "real", "v3.300.0")
    fake_engine(tools.bin, "v3.200.0")
    assert run(tools, tools.bin, tmp_path / "real") == 0
    assert (tools.bin / "pulumi").readlink() == tmp_path / "real" / "pulumi"


def test_extras_are_compiled_if_go_is_installed(tools, tmp_path):
    """Requested YAML and Java hosts, and actionlint, are built with Go unless they are on PATH."""
    fake_go(tmp_path / "go", tmp_path / "journal")
    fake(tmp_path / "own" / "actionlint", "exit 0")
    assert run(tools, tmp_path / "go", tmp_path / "own", arguments=()) == 0
    assert not (tools.bin / "pulumi-language-yaml").exists()
    assert run(tools, tmp_path / "go", tmp_path / "own", arguments=("--yaml",)) == 0
    assert (tools.bin / "pulumi-language-yaml").readlink() == tools.go / "pulumi-language-yaml"
    assert not (tools.bin / "pulumi-language-java").exists()
    assert run(tools, tmp_path / "go", tmp_path / "own", arguments=("--java",)) == 0
    assert (tools.bin / "pulumi-language-java").readlink() == tools.go / "pulumi-language-java"
    assert (tools.bin / "actionlint").readlink() == tmp_path / "own" / "actionlint"


def test_missing_extras_are_not_an_error(tools, tmp_path, capsys):
    """Without Go, a tool that only tests use is left out, and reported."""
    fake_engine(tmp_path / "here")
    assert run(tools, tmp_path / "here", arguments=()) == 0
    assert "tools: no actionlint, the tests that need it will be skipped" in capsys.readouterr().out
