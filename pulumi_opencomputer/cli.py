"""The command ``pulumi-opencomputer``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from .about import version
from .emulator import command as emulator


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a subcommand; end with its exit code where it fails."""
    parser = argparse.ArgumentParser(
        prog="pulumi-opencomputer", description="Tools beside the Pulumi provider for OpenComputer."
    )
    parser.add_argument("--version", action="version", version=version())
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    emulate = commands.add_parser(
        "emulator", help="run a local OpenComputer API, which simulates builds", **emulator.TEXTS
    )
    emulator.add_arguments(emulate)
    emulate.set_defaults(run=lambda given: emulator.run(emulate, given))
    given = parser.parse_args(arguments)
    given.run(given)


if __name__ == "__main__":
    main()
