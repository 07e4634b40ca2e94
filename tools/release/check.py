"""Every part of a release that needs no account. All problems are reported, not only the first one."""

from __future__ import annotations

import os
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from packaging.requirements import Requirement

from . import plugin_archives, python_package, registry, sdks
from .notes import notes
from .project import BUILD, ROOT, SCHEMA, Project, ReleaseError, run, say

# The newest version that the twine of pypa/gh-action-pypi-publish accepts.
_METADATA = "2.4"


def check(project: Project, folder: Path, *, settings_only: bool = False) -> list[str]:
    """Build everything; return the problems that prevent a release.

    Args:
        project: The settings.
        folder: The folder to write to.
        settings_only: Whether to check only the settings and texts, which is fast, and to build nothing.
    """
    problems = list(_settings(project))
    steps: list[tuple[str, Callable[[], object]]] = [
        ("the notes of the release", lambda: notes(project)),
        ("the schema", lambda: _check_schema(project)),
    ]
    if not settings_only:
        steps += [
            ("the Registry's pages", lambda: registry.write(project, folder)),
            ("the wheel and the source distribution", lambda: _check_package(project, folder)),
            ("the wheel in an empty environment", lambda: _install(project, folder)),
            *((f"the plugin for {target}", _archive(project, target, folder)) for target in plugin_archives.PLATFORMS),
            *((f"the {language} SDK", _sdk(project, language, folder)) for language in sdks.LANGUAGES),
        ]
    for what, step in steps:
        say(f"checking {what}")
        try:
            step()
        except ReleaseError as error:
            problems.append(f"{what}: {error}")
    return problems


def _settings(project: Project) -> Iterator[str]:
    if not project.is_repository_set:
        yield (
            f"the repository's address is a placeholder, {project.repository}: set it in pyproject.toml under"
            " [tool.hatch.metadata.hooks.custom], then run `make setup` and"
            " `.venv/bin/python -m pulumi_opencomputer.plugin.schema`."
        )
    elif not project.repository.startswith("https://github.com/") or project.repository.count("/") != 4:
        yield f"the repository's address, {project.repository}, is not of the form https://github.com/OWNER/NAME."
    if not project.is_final:
        yield f"version {project.version} is not of the form 1.2.3, which all package indexes write in the same way."
    for requirement in _requirements(ROOT / "provider" / "requirements.txt"):
        if requirement.name == "pulumi-opencomputer" and not requirement.specifier.contains(project.version):
            yield f"provider/requirements.txt requires {requirement}, which {project.version} does not satisfy."
    tag = os.environ.get("GITHUB_REF_NAME", "") if os.environ.get("GITHUB_REF_TYPE") == "tag" else ""
    if tag and tag != f"v{project.version}":
        yield f"the tag {tag} is not v{project.version}, the version in pyproject.toml."


def _requirements(file: Path) -> Iterator[Requirement]:
    lines = (line.partition("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines())
    return (Requirement(line) for line in lines if line)


def _check_schema(project: Project) -> None:
    """Check that the committed schema is what the installed package generates, with the URLs of the current setting."""
    text = run(sys.executable, "-c", "from pulumi_opencomputer.plugin import schema; print(schema.text(), end='')")
    if SCHEMA.read_text(encoding="utf-8") != text or f'"repository": "{project.repository}"' not in text:
        raise ReleaseError(
            "schema.json is out of date: run `make setup` and `.venv/bin/python -m pulumi_opencomputer.plugin.schema`."
        )


def _check_package(project: Project, folder: Path) -> None:
    wheel, _ = sorted(python_package.build(folder), key=lambda path: path.suffix != ".whl")
    with zipfile.ZipFile(wheel) as content:
        names = set(content.namelist())
        metadata = content.read(f"pulumi_opencomputer-{project.version}.dist-info/METADATA").decode()
    if not metadata.startswith(f"Metadata-Version: {_METADATA}\n"):
        raise ReleaseError(
            f"{wheel.name} has {metadata.partition(chr(10))[0]}, which the upload to the index may not know: set"
            f' core-metadata-version = "{_METADATA}" for both targets in pyproject.toml.'
        )
    inside = f"pulumi_opencomputer-{project.version}.dist-info"
    wanted = {"pulumi_opencomputer/py.typed", "pulumi_opencomputer/pulumi-plugin.json"}
    wanted |= {"pulumi_opencomputer/plugin/schema.json", f"{inside}/entry_points.txt", f"{inside}/licenses/LICENSE"}
    if wanted - names:
        raise ReleaseError(f"these files are missing in {wheel.name}: {', '.join(sorted(wanted - names))}")
    foreign = sorted(name for name in names if not name.startswith(("pulumi_opencomputer/", f"{inside}/")))
    if foreign:
        raise ReleaseError(f"{wheel.name} has files that are not part of the package: {', '.join(foreign)}")


def _install(project: Project, folder: Path) -> None:
    """Install the wheel with its dependencies, and ask each command for its version."""
    environment = BUILD / "environment"
    shutil.rmtree(environment, ignore_errors=True)
    uv = [sys.executable, "-m", "uv"]
    run(*uv, "venv", "--quiet", environment)
    binaries = environment / ("Scripts" if os.name == "nt" else "bin")
    (wheel,) = folder.glob(f"pulumi_opencomputer-{project.version}-*.whl")
    run(*uv, "pip", "install", "--quiet", "--python", binaries / "python", wheel)
    for command in ("pulumi-opencomputer", "pulumi-resource-opencomputer"):
        told = run(binaries / command, "--version").strip()
        if project.version not in told:
            raise ReleaseError(f"{command} --version prints {told}, not {project.version}")
    shutil.rmtree(environment)


def _archive(project: Project, target: str, folder: Path) -> Callable[[], object]:
    return lambda: plugin_archives.build(project, target, folder)


def _sdk(project: Project, language: str, folder: Path) -> Callable[[], object]:
    return lambda: sdks.pack(project, [language], folder)
