"""The command ``python -m tools.release WHAT``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from . import plugin_archives, project, python_package, sdks
from .check import check
from .notes import notes
from .project import DIST, Project, ReleaseError, say


def main() -> int:
    """Build what the command line requests."""
    given = _parser().parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    try:
        return int(given.run(project.read(), given) or 0)
    except ReleaseError as error:
        say(str(error))
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.release", description="Build what a release publishes.")
    parser.add_argument("--out", type=Path, default=DIST, help="the folder to write to (default: dist)")
    commands = parser.add_subparsers(metavar="WHAT", required=True)
    commands.add_parser("package", help="the wheel and the source distribution").set_defaults(run=_package)
    plugin = commands.add_parser("plugin", help="archives of the plugin")
    platforms = f"{', '.join(plugin_archives.PLATFORMS)}, or all (default: this machine's)"
    plugin.add_argument("platforms", nargs="*", metavar="PLATFORM", help=platforms)
    plugin.set_defaults(run=_plugin)
    generate = commands.add_parser("generate", help="the sources of three SDKs; prints the problems of the schema")
    generate.set_defaults(run=_generate)
    packed = commands.add_parser("sdks", help="the SDKs, compiled and packed")
    packed.add_argument("languages", nargs="*", metavar="LANGUAGE", help=f"default: all of {', '.join(sdks.LANGUAGES)}")
    packed.set_defaults(run=_sdks)
    commands.add_parser("notes", help="print the version's section of CHANGELOG.md").set_defaults(run=_notes)
    checks = commands.add_parser("check", help="build everything, and list the problems that prevent a release")
    checks.add_argument("--settings-only", action="store_true", help="build nothing, only check settings and texts")
    checks.set_defaults(run=_check)
    return parser


def _package(_project: Project, given: argparse.Namespace) -> None:
    for built in python_package.build(given.out):
        say(f"made {built.name}")


def _plugin(settings: Project, given: argparse.Namespace) -> None:
    wanted = given.platforms or [plugin_archives.here()]
    wanted = list(plugin_archives.PLATFORMS) if wanted == ["all"] else wanted
    _require_known(wanted, plugin_archives.PLATFORMS)
    for target in wanted:
        built = plugin_archives.build(settings, target, given.out)
        say(f"made {built.name}, {built.stat().st_size / 1e6:.0f} MB")


def _generate(settings: Project, given: argparse.Namespace) -> None:
    print(sdks.generate(settings, given.out), end="")


def _sdks(settings: Project, given: argparse.Namespace) -> None:
    languages = given.languages or list(sdks.LANGUAGES)
    _require_known(languages, sdks.LANGUAGES)
    for built in sdks.pack(settings, languages, given.out):
        say(f"made {built.name}")


def _require_known(wanted: Iterable[str], known: Iterable[str]) -> None:
    unknown = set(wanted) - set(known)
    if unknown:
        raise ReleaseError(f"unknown: {', '.join(sorted(unknown))}; choose from {', '.join(known)}")


def _notes(settings: Project, _given: argparse.Namespace) -> None:
    print(notes(settings), end="")


def _check(settings: Project, given: argparse.Namespace) -> int:
    problems = check(settings, given.out, settings_only=given.settings_only)
    for problem in problems:
        say(f"NOT READY: {problem}")
    say(f"{len(problems)} problems" if problems else "everything that needs no account is ready")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
