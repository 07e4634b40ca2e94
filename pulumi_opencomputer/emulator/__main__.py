"""``python -m pulumi_opencomputer.emulator``: the same as ``pulumi-opencomputer emulator``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ..about import version
from . import command


def main(arguments: Sequence[str] | None = None) -> None:
    """Run an emulator until it is stopped."""
    parser = argparse.ArgumentParser(prog="python -m pulumi_opencomputer.emulator", **command.TEXTS)
    parser.add_argument("--version", action="version", version=version())
    command.add_arguments(parser)
    command.run(parser, parser.parse_args(arguments))


if __name__ == "__main__":
    main()
