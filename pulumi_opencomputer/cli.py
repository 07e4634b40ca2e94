"""The command ``pulumi-opencomputer``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from .about import version
from .emulator import command as emulator
from .generate import command as generate


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a subcommand.

    Args:
        arguments: The command line without the program's name; by default that of this process.

    Raises:
        SystemExit: The subcommand ends with an exit code, or the command line has a mistake.
    """
    parser = argparse.ArgumentParser(
        prog="pulumi-opencomputer", description="Tools for users of the Pulumi provider for OpenComputer."
    )
    parser.add_argument("--version", action="version", version=version())
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    emulate = commands.add_parser(
        "emulator", help="run a local OpenComputer API, which simulates builds", **emulator.TEXTS
    )
    emulator.add_arguments(emulate)
    emulate.set_defaults(run=lambda given: emulator.run(emulate, given))
    moving_in = commands.add_parser(
        "generate", help="write a program that declares the snapshots of an account", **generate.TEXTS
    )
    generate.add_arguments(moving_in)
    moving_in.set_defaults(run=lambda given: generate.run(moving_in, given))
    value = commands.add_parser("value", help="print one value of a snapshot's manifest", **generate.VALUE_TEXTS)
    generate.add_value_arguments(value)
    value.set_defaults(run=lambda given: generate.run_value(value, given))
    given = parser.parse_args(arguments)
    given.run(given)


if __name__ == "__main__":
    main()
