"""The archives of the plugin that Pulumi installs by itself; they need only a Python.

An archive has the package with all that it imports. It has compiled modules for each version of Python; their file
names contain the version, so all of them can be in one folder.
"""

from __future__ import annotations

import gzip
import io
import platform
import re
import shutil
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

from .project import BUILD, Project, ReleaseError, run, say
from .python_package import wheel

#: Each platform's name in Pulumi, and its name in uv.
PLATFORMS = {
    "linux-amd64": "x86_64-manylinux_2_28",
    "linux-arm64": "aarch64-manylinux_2_28",
    "darwin-amd64": "x86_64-apple-darwin",
    "darwin-arm64": "aarch64-apple-darwin",
    "windows-amd64": "x86_64-pc-windows-msvc",
}

_LAUNCHER = Path(__file__).with_name("launcher")
_ROOT_PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"
# pulumi requires both, but only programs use them, not a plugin.
_NOT_NEEDED = {"debugpy", "pip"}
# Files that an installer writes about its installation.
_INSTALLERS = {"RECORD", "INSTALLER", "REQUESTED", "WHEEL", "direct_url.json", "uv_cache.json"}


def here() -> str:
    """Return Pulumi's name of this machine's platform."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine().lower(), platform.machine().lower())
    return f"{platform.system().lower()}-{machine}"


def name(project: Project, target: str) -> str:
    """Return the archive's name, as Pulumi requests it."""
    return f"pulumi-resource-opencomputer-v{project.version}-{target}.tar.gz"


def build(project: Project, target: str, folder: Path) -> Path:
    """Build the archive of one platform.

    Raises:
        ReleaseError: The platform is not supported, or a package has no wheel for it.
    """
    if target not in PLATFORMS:
        raise ReleaseError(f"there are no archives for the platform {target}, only for {', '.join(PLATFORMS)}.")
    work = BUILD / "plugin"
    shutil.rmtree(work, ignore_errors=True)
    content = work / target
    content.mkdir(parents=True)
    own = wheel(work)
    pins = _pins(project, work)
    for python in project.pythons:
        say(f"plugin for {target}: packages for Python {python}")
        _join(_installed(work / f"for-{python}", python, PLATFORMS[target], pins, own), content / "lib")
    shutil.copyfile(pins, content / "requirements.txt")
    _write_launcher(project, target, content)
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / name(project, target)
    _pack(content, archive)
    return archive


def _pins(project: Project, work: Path) -> Path:
    """Write the versions of the dependencies, which are the same for every Python and platform; return the file."""
    uv = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-header", "--no-annotate"]
    text = run(*uv, "--universal", "--python-version", project.pythons[0], _ROOT_PROJECT)
    lines = [line for line in text.splitlines() if re.split(r"[=\s\[]", line)[0] not in _NOT_NEEDED]
    pins = work / "requirements.txt"
    pins.write_text("\n".join(lines) + "\n")
    return pins


def _installed(folder: Path, python: str, target: str, pins: Path, own: Path) -> Path:
    only_wheels = ["--only-binary", ":all:", "--no-deps", "--quiet", "--link-mode", "copy"]
    place: list[str | Path] = ["--target", folder, "--python-version", python, "--python-platform", target]
    run(sys.executable, "-m", "uv", "pip", "install", *only_wheels, *place, "--requirement", pins, own)
    return folder


def _join(installed: Path, lib: Path) -> None:
    """Add the packages installed for one Python to the folder for all of them.

    Raises:
        ReleaseError: Two Pythons need different files with the same name.
    """
    for file in sorted(path for path in installed.rglob("*") if path.is_file()):
        relative = file.relative_to(installed)
        if relative.parts[0] == "bin" or file.name in _INSTALLERS or file.name == ".lock":
            continue
        target = lib / relative
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
        # A package's metadata may differ, such as the list of files that it was compiled from.
        elif not relative.parts[0].endswith(".dist-info") and target.read_bytes() != file.read_bytes():
            raise ReleaseError(f"{relative} is not the same for every Python: one folder can't serve them all.")


def _write_launcher(project: Project, target: str, content: Path) -> None:
    oldest, newest = project.pythons[0], project.pythons[-1]
    words = {
        "@PYTHONS@": " ".join(f"python{version}" for version in reversed(project.pythons)),
        "@OLDEST@": oldest,
        "@NEWEST@": newest,
    }
    left_out = "pulumi-resource-opencomputer" + ("" if target.startswith("windows") else ".cmd")
    for file in sorted(_LAUNCHER.iterdir()):
        if file.name in (left_out, "__pycache__"):
            continue
        text = file.read_text(encoding="utf-8")
        for word, value in words.items():
            text = text.replace(word, value)
        (content / file.name).write_text(text, encoding="utf-8", newline="\r\n" if file.suffix == ".cmd" else "\n")


def _pack(content: Path, archive: Path) -> None:
    """Pack a folder; equal files always give equal bytes."""
    with (
        archive.open("wb") as raw,
        gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar,
    ):
        for entry, data in _entries(content):
            tar.addfile(entry, io.BytesIO(data))


def _entries(content: Path) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    for file in sorted(path for path in content.rglob("*") if path.is_file()):
        data = file.read_bytes()
        entry = tarfile.TarInfo(file.relative_to(content).as_posix())
        entry.size = len(data)
        entry.mode = 0o755 if file.parent == content and not file.suffix else 0o644
        yield entry, data
