"""The command: ``python -m tools.release WHAT``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import plugin_archives, project, python_package, sdks
from .project import DIST, ReleaseError, say


def main() -> int:
    """Make what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tools.release", description="Make what a release publishes.")
    parser.add_argument("--out", type=Path, default=DIST, help="the folder that it is written to (default: dist)")
    commands = parser.add_subparsers(dest="what", required=True)
    commands.add_parser("package", help="the wheel and the source distribution")
    plugin = commands.add_parser("plugin", help="archives of the plugin")
    plugin.add_argument(
        "platforms",
        nargs="*",
        metavar="PLATFORM",
        help=f"this machine's unless given: {', '.join(plugin_archives.PLATFORMS)}, or all",
    )
    commands.add_parser("generate", help="the sources of the SDKs of Node.js, Python and Go; prints what is wrong")
    languages = commands.add_parser("sdks", help="the SDKs, compiled and packed")
    languages.add_argument("languages", nargs="*", metavar="LANGUAGE", help=f"all: {', '.join(sdks.LANGUAGES)}")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    try:
        return _make(given)
    except ReleaseError as error:
        say(str(error))
        return 1


def _make(given: argparse.Namespace) -> int:
    settings = project.read()
    if given.what == "package":
        for built in python_package.build(given.out):
            say(f"made {built.name}")
    if given.what == "plugin":
        wanted = given.platforms or [plugin_archives.here()]
        for target in plugin_archives.PLATFORMS if wanted == ["all"] else wanted:
            built = plugin_archives.build(settings, target, given.out)
            say(f"made {built.name}, {built.stat().st_size / 1e6:.0f} MB")
    if given.what == "generate":
        print(sdks.generate(settings, given.out), end="")
    if given.what == "sdks":
        for built in sdks.pack(settings, given.languages or list(sdks.LANGUAGES), given.out):
            say(f"made {built.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
