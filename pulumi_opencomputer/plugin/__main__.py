"""The plugin's process: ``pulumi-resource-opencomputer ENGINE_ADDRESS``, as the engine starts it."""

from __future__ import annotations

import argparse

from ..about import version
from .provider import OpenComputerProvider
from .server import serve


def main() -> None:
    """Serve the provider until the engine ends this process. Never returns."""
    parser = argparse.ArgumentParser(prog="pulumi-resource-opencomputer", description="Pulumi's OpenComputer plugin.")
    parser.add_argument("--version", action="version", version=version())
    parser.add_argument("engine", help="the engine's gRPC address")
    # The engine also passes options for its own logging, which are ignored.
    arguments, _ = parser.parse_known_args()
    provider = OpenComputerProvider(arguments.engine, version())
    serve(provider, arguments.engine, version())


if __name__ == "__main__":
    main()
