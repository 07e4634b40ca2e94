"""Find or install a Pulumi CLI with its Python language host, and put links to it into `.tools/bin`.

It is taken from the first of these that works:

1. an engine on PATH that is new enough and has its Python host;
2. the official release, which the `pulumi` package downloads, if the network allows it;
3. Go, which compiles the modules next to this file. The first time takes minutes.

The linter of GitHub workflows, actionlint, is added if it can be found or compiled: only tests use it. The YAML
language host takes half as long to compile as an engine, so it is only compiled on request. So is the Java one, which
also generates the Java SDK.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

# The oldest engine that the tests were run with. It is also the lower bound of the `pulumi` package in pyproject.toml.
MINIMUM = (3, 259, 0)
BUILT = "v3.259.0"

ENGINE = "pulumi"
# The host is an executable with two scripts: one runs programs, the other dynamic providers.
PYTHON_HOST = ("pulumi-language-python", "pulumi-language-python-exec", "pulumi-resource-pulumi-python")
REQUIRED = (ENGINE, *PYTHON_HOST)
YAML_HOST = "pulumi-language-yaml"
JAVA_HOST = "pulumi-language-java"
ACTIONLINT = "actionlint"

VERSION_SECONDS = 30.0
RELEASE_SECONDS = 300.0
# The download requests its script without a time limit.
RELEASE_SCRIPT = """
import socket, sys
socket.setdefaulttimeout(10)
from pulumi.automation import PulumiCommand
PulumiCommand.install(root=sys.argv[1])
"""


class InstallError(Exception):
    """An attempt to get an engine failed. The message is one line with the reason."""


@dataclass(frozen=True)
class GoModule:
    """A Go module of this project with one `tool` line.

    Attributes:
        name: The executable that it builds.
        folder: The folder of its go.mod.
        ldflags: Linker flags, in addition to those that omit debugging symbols.
    """

    name: str
    folder: Path
    ldflags: str = ""


# Each has its own module, because no set of versions satisfies all of them. The engine's version must be set at build
# time, because the Automation API reads it.
GO_ENGINE = GoModule(ENGINE, HERE / "engine", f"-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={BUILT}")
GO_PYTHON = GoModule(PYTHON_HOST[0], HERE / "language-python")
GO_YAML = GoModule(YAML_HOST, HERE / "language-yaml")
GO_JAVA = GoModule(JAVA_HOST, HERE / "language-java")
GO_ACTIONLINT = GoModule(ACTIONLINT, ROOT / "tools" / "actionlint")
SCRIPTS_MODULE = "github.com/pulumi/pulumi/sdk/v3"
SCRIPTS = (f"python/cmd/{PYTHON_HOST[1]}", f"python/dist/{PYTHON_HOST[2]}")


@dataclass(frozen=True)
class Tools:
    """The folders that this script writes to; all are in one folder."""

    folder: Path

    @property
    def bin(self) -> Path:
        """The folder of links, which belongs on PATH."""
        return self.folder / "bin"

    @property
    def release(self) -> Path:
        """The folder of the official release."""
        return self.folder / "release"

    @property
    def go(self) -> Path:
        """The folder of executables compiled with Go, each with a file that identifies its sources."""
        return self.folder / "go"


def say(text: str) -> None:
    """Print a line immediately, so that it appears before a long wait."""
    print(f"tools: {text}", flush=True)


def engine_version(path: Path) -> tuple[int, int, int] | None:
    """Ask an engine for its version.

    Returns:
        Major, minor and patch number, or None if the file does not run or prints something else.
    """
    environ = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "1"}
    try:
        answer = subprocess.run(
            [path, "version"], env=environ, capture_output=True, text=True, timeout=VERSION_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.match(r"v?(\d+)\.(\d+)\.(\d+)", answer.stdout.strip())
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def written(version: Iterable[int]) -> str:
    """Format a version with dots."""
    return ".".join(map(str, version))


def find(names: Iterable[str], folders: Iterable[Path]) -> dict[str, Path]:
    """Find each executable in the first folder that has it. Those that no folder has are left out."""
    path = os.pathsep.join(map(str, folders))
    found = {name: shutil.which(name, path=path) for name in names}
    return {name: Path(place) for name, place in found.items() if place}


def path_folders(environ: Mapping[str, str], tools: Tools) -> list[Path]:
    """Return the folders on PATH without our own, whose links must not point to themselves."""
    folders = [Path(entry) for entry in environ.get("PATH", "").split(os.pathsep) if entry]
    return [folder for folder in folders if folder.resolve() != tools.bin.resolve()]


def from_folders(folders: Sequence[Path]) -> dict[str, Path]:
    """Use the first engine in the folders, with its hosts.

    Returns:
        The path of each of REQUIRED, and of the YAML host if there is one.

    Raises:
        InstallError: There is no engine, it is too old, or it has no Python host.
    """
    engine = find([ENGINE], folders).get(ENGINE)
    if engine is None:
        raise InstallError("there is none")
    version = engine_version(engine)
    if version is None:
        raise InstallError(f"{engine} does not print its version")
    if version < MINIMUM:
        raise InstallError(f"{engine} is {written(version)}, older than {written(MINIMUM)}")
    # A package manager may link only `pulumi` onto PATH: the other files are then next to the link's target.
    places = find([*REQUIRED, YAML_HOST], [engine.parent, engine.resolve().parent, *folders])
    missing = [name for name in PYTHON_HOST if name not in places]
    if missing:
        raise InstallError(f"{engine} has no {missing[0]} with it")
    return places


def from_release(tools: Tools, python: str, seconds: float = RELEASE_SECONDS) -> dict[str, Path]:
    """Download the release for an interpreter's `pulumi` package.

    Args:
        tools: The folders to install into.
        python: An interpreter that has the `pulumi` package.
        seconds: The time limit.

    Returns:
        The same as `from_folders`.

    Raises:
        InstallError: The download failed.
    """
    with subprocess.Popen(
        [python, "-c", RELEASE_SCRIPT, tools.release],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            _, errors = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise InstallError(f"not complete after {seconds:.0f} s") from None
        finally:
            # This also happens on Ctrl-C. Kill the whole group: what hangs is a downloader that a script started.
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode:
        raise InstallError(last_line(errors))
    return from_folders([tools.release / "bin"])


def from_go(tools: Tools, go: Path) -> dict[str, Path]:
    """Compile the engine and the Python host.

    Returns:
        The path of each of REQUIRED.

    Raises:
        InstallError: Go failed.
    """
    # The scripts have no stamp of their own. They are copied first, so that the engine's stamp vouches for them too.
    copy_scripts(tools, go)
    compile_module(GO_ENGINE, tools, go)
    compile_module(GO_PYTHON, tools, go)
    return from_folders([tools.go])


def find_go(folders: Sequence[Path]) -> Path:
    """Find Go.

    Raises:
        InstallError: Go is not installed.
    """
    go = find(["go"], folders).get("go")
    if go is None:
        raise InstallError("there is no `go`")
    return go


def fingerprint(module: GoModule) -> str:
    """Return a hash that is equal for equal sources and settings."""
    digest = hashlib.sha256(module.ldflags.encode())
    for name in ("go.mod", "go.sum"):
        digest.update((module.folder / name).read_bytes())
    return digest.hexdigest()


def is_compiled(module: GoModule, tools: Tools) -> bool:
    """Return whether the executable exists, and was compiled from the current go.mod and go.sum."""
    stamp = tools.go / f".{module.name}"
    return (tools.go / module.name).exists() and stamp.exists() and stamp.read_text() == fingerprint(module)


def compile_module(module: GoModule, tools: Tools, go: Path) -> Path:
    """Compile a module's tool, unless it is already compiled.

    Raises:
        InstallError: Go failed.
    """
    if not is_compiled(module, tools):
        say(f"compiling {module.name} with Go" + (" (some minutes)" if module is GO_ENGINE else ""))
        flags = ["-trimpath", "-buildvcs=false", "-ldflags", f"-s -w {module.ldflags}".strip()]
        run_go(go, ["install", *flags, "tool"], module.folder, tools)
        (tools.go / f".{module.name}").write_text(fingerprint(module))
    return tools.go / module.name


def copy_scripts(tools: Tools, go: Path) -> None:
    """Copy the Python host's scripts from the module that the engine was compiled from.

    Raises:
        InstallError: Go failed.
    """
    answer = run_go(go, ["mod", "download", "-json", SCRIPTS_MODULE], GO_ENGINE.folder, tools)
    module = Path(json.loads(answer)["Dir"])
    for script in SCRIPTS:
        target = tools.go / Path(script).name
        # The module cache is read-only, so a copy of the file's mode would be too.
        target.unlink(missing_ok=True)
        shutil.copyfile(module / script, target)
        target.chmod(0o755)


def run_go(go: Path, arguments: Sequence[str], folder: Path, tools: Tools) -> str:
    """Run Go in a module's folder; return its output.

    Raises:
        InstallError: Go failed.
    """
    tools.go.mkdir(parents=True, exist_ok=True)
    # If another target is set, Go refuses GOBIN.
    environ = {name: value for name, value in os.environ.items() if name not in ("GOOS", "GOARCH")}
    environ |= {"GOBIN": str(tools.go), "GOWORK": "off"}
    done = subprocess.run([go, *arguments], cwd=folder, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InstallError(f"`go {arguments[0]}` in {folder.name}: {last_line(done.stderr)}")
    return done.stdout


def last_line(text: str) -> str:
    """Return the last line of a program's error output, which has the reason."""
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else "no reason given"


def link(places: Mapping[str, Path], tools: Tools) -> None:
    """Replace the links in the tools' bin folder without a moment in which one is missing."""
    tools.bin.mkdir(parents=True, exist_ok=True)
    for name, place in places.items():
        fresh = tools.bin / f".{name}.new"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(place.absolute())
        fresh.replace(tools.bin / name)


def is_complete(tools: Tools) -> bool:
    """Return whether the existing links lead to a working engine, which must be current if it was compiled here."""
    places = find(REQUIRED, [tools.bin])
    if len(places) < len(REQUIRED):
        return False
    compiled = places[ENGINE].resolve().parent == tools.go.resolve()
    if compiled and not (is_compiled(GO_ENGINE, tools) and is_compiled(GO_PYTHON, tools)):
        return False
    return (engine_version(places[ENGINE]) or (0, 0, 0)) >= MINIMUM


def install_engine(tools: Tools, folders: Sequence[Path]) -> None:
    """Link an engine, from the first source that has one.

    Args:
        tools: The folders to install into.
        folders: The folders on PATH, to search for an engine and Go.

    Raises:
        InstallError: No source has an engine. The message has the reason of each, and says what to do.
    """
    ways: dict[str, Callable[[], dict[str, Path]]] = {
        "on PATH": lambda: from_folders(folders),
        "official release": lambda: from_release(tools, sys.executable),
        "with Go": lambda: from_go(tools, find_go(folders)),
    }
    reasons = []
    for way, attempt in ways.items():
        try:
            places = attempt()
        except InstallError as error:
            reasons.append(f"  {way}: {error}")
            continue
        link(places, tools)
        say(f"pulumi {written(engine_version(places[ENGINE]) or ())} ({way})")
        return
    raise InstallError(
        "\n".join(
            [
                "no Pulumi engine could be found or installed:",
                *reasons,
                f"Put Pulumi {written(MINIMUM)} or later on PATH (https://www.pulumi.com/docs/install/), "
                "or the version of Go that tools/pulumi/engine/go.mod requires.",
            ]
        )
    )


def install_optional(modules: Iterable[GoModule], tools: Tools, folders: Sequence[Path]) -> None:
    """Link tools that only tests need, from PATH or compiled with Go. Missing ones are reported and left out."""
    for module in modules:
        current = find([module.name], [tools.bin]).get(module.name)
        if current and (current.resolve().parent != tools.go.resolve() or is_compiled(module, tools)):
            continue
        try:
            place = find([module.name], folders).get(module.name)
            if place is None:
                place = compile_module(module, tools, find_go(folders))
        except InstallError as error:
            say(f"no {module.name}, the tests that need it will be skipped: {error}")
            continue
        link({module.name: place}, tools)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the script.

    Returns:
        0, or 1 if no engine was found.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tools", type=Path, default=ROOT / ".tools", help="where to install (default: .tools)")
    parser.add_argument("--engine-only", action="store_true", help="don't install actionlint")
    parser.add_argument("--yaml", action="store_true", help="add the YAML language host, compiled if necessary")
    parser.add_argument("--java", action="store_true", help="add the Java language host, compiled if necessary")
    options = parser.parse_args(arguments)
    tools = Tools(options.tools.absolute())
    folders = path_folders(os.environ, tools)
    try:
        if not is_complete(tools):
            install_engine(tools, folders)
    except InstallError as error:
        say(str(error))
        return 1
    wanted = {GO_ACTIONLINT: not options.engine_only, GO_YAML: options.yaml, GO_JAVA: options.java}
    install_optional([module for module, is_wanted in wanted.items() if is_wanted], tools, folders)
    return 0


if __name__ == "__main__":
    sys.exit(main())
