"""Check that Pulumi will find this package's plugin, before Pulumi fails with an error that misleads."""

from __future__ import annotations

import os
import re
import shutil
import sysconfig
import weakref
from collections.abc import Mapping
from pathlib import Path

import pulumi
from packaging.version import InvalidVersion, Version
from pulumi.runtime import get_root_resource
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.settings import get_monitor, get_root_directory

from ..about import version

_PLUGIN = "pulumi-resource-opencomputer"
_NAMED = re.compile(r"\bname:\s*[\"']?opencomputer\b")

# The stacks of programs that were warned already.
_told: weakref.WeakSet[pulumi.Resource] = weakref.WeakSet()


def warn_of_plugin() -> None:
    """Warn, once in a run, if Pulumi finds no plugin or one older than this package, and say how to fix it."""
    stack = get_root_resource()
    if stack is None or stack in _told or isinstance(get_monitor(), MockMonitor):
        return
    _told.add(stack)
    # Older language hosts and the Automation API don't say where the project is.
    project = Path(get_root_directory() or Path.cwd())
    advice = plugin_advice(os.environ, project, Path(sysconfig.get_path("scripts")))
    if advice:
        pulumi.log.warn(advice)


def plugin_advice(environ: Mapping[str, str], project: Path, scripts: Path) -> str | None:
    """Return what the user should do so that Pulumi finds a suitable plugin, or None if it seems to find one.

    No process is started: versions are read from the folders where Python and Pulumi install packages and plugins.

    Args:
        environ: The environment, with PATH and Pulumi's settings.
        project: The program's folder.
        scripts: The folder of the plugin that came with this package.
    """
    if "opencomputer:" in environ.get("PULUMI_DEBUG_PROVIDERS", "") or _is_named(project):
        return None
    found = shutil.which(_PLUGIN, path=environ.get("PATH", ""))
    ours = _parsed(version())
    own = (
        f'export PATH="{scripts}:$PATH", or in Pulumi.yaml '
        f"plugins: {{providers: [{{name: opencomputer, path: {scripts}}}]}}"
    )
    if found is not None:
        theirs = _version_of(Path(found))
        if ours is None or theirs is None or theirs >= ours:
            return None
        return (
            f"The OpenComputer plugin at {found} is version {theirs}, older than this program's package ({ours}), and "
            f"refuses what is new in the package. Upgrade it (pipx upgrade pulumi-opencomputer), or use the plugin in "
            f"the package: {own}."
        )
    installed = _installed(environ)
    if any(ours is None or each >= ours for each in installed):
        return None
    what = f"only an older one, {max(installed)}" if installed else "none"
    return (
        f"Pulumi needs the OpenComputer plugin ({_PLUGIN}), but finds {what} on PATH and among its plugins. "
        f"This package contains it: {own}."
    )


def _is_named(project: Path) -> bool:
    """Tell whether Pulumi.yaml says where the plugin is."""
    for folder in (project, *project.parents):
        for name in ("Pulumi.yaml", "Pulumi.yml"):
            if (folder / name).is_file():
                text = (folder / name).read_text("utf-8", "replace")
                return "plugins" in text and bool(_NAMED.search(text))
    return False


def _version_of(plugin: Path) -> Version | None:
    """Return the version of a plugin installed in a Python environment, or None if it can't be found.

    The environment is found from the interpreter in the script's first line.
    """
    try:
        with plugin.open("rb") as file:
            first = file.readline(1000).decode("utf-8", "replace").strip()
    except OSError:
        return None
    environment = Path(first.removeprefix("#!").strip("\"' ")).parent.parent if first.startswith("#!/") else None
    for found in environment.glob("lib/python*/site-packages/pulumi_opencomputer-*.dist-info") if environment else ():
        return _parsed(found.name.removeprefix("pulumi_opencomputer-").removesuffix(".dist-info"))
    return None


def _installed(environ: Mapping[str, str]) -> list[Version]:
    """Return the versions of the plugin that Pulumi itself has installed."""
    home = Path(environ.get("PULUMI_HOME") or Path(environ.get("HOME") or "~").expanduser() / ".pulumi")
    names = [found.name.partition("-v")[2] for found in home.glob("plugins/resource-opencomputer-v*") if found.is_dir()]
    return [parsed for name in names if (parsed := _parsed(name))]


def _parsed(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None
