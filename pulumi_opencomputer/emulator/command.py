"""The command that runs an emulator: help texts, arguments and implementation."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import socket
import sys
from collections.abc import Callable
from typing import Any

from .arguments import add_options, options_from
from .arguments import port as port_number
from .greeting import greeting

#: The default port; if it is in use, any free one.
PORT = 8700
_ABOUT = """\
A local OpenComputer API for tests and first steps. The steps of a build are SIMULATED: nothing that an image asks
for is downloaded, written or executed, and a sandbox is a record in a database. Records, cache, streams, errors and
pitfalls are those of the real server; with --edge, also those of the public endpoint.

Without arguments it listens on this machine and accepts the key "local". Once it is ready, it prints on standard error
which variables to export and, unless standard output is a terminal, one line of JSON with its "url" there. A page at
its address shows what happens. Each request is logged in one line on standard error.

A command that contains FAIL_BUILD fails with exit code 1; one that contains SLEEP_BUILD_<n> takes n seconds."""
_OWN = """\
The emulator's own addresses. Requests that change something need the key, as do reads from another machine:
  GET /                                          a page, for a browser
  GET /health                                    version and counts; needs no key
  POST /_emulator/reset                          back to the initial state, including the seed's snapshots
  GET, DELETE /_emulator/requests                the requests so far
  GET /_emulator/builds                          the builds so far
  GET /_emulator/events                          all of this as it changes, as server-sent events
  GET, PATCH, DELETE /_emulator/records          show all records of the control plane; change some:
                                                 {"where": {"name": "a"}, "set": {"status": "building", "age": 600}};
                                                 remove everything
  DELETE /_emulator/checkpoints/ID[/bytes]       delete a checkpoint; lose only its bytes
  GET, POST /_emulator/clock                     {"advance": 90} lets time pass, {"skew": -60} sets the clock wrong
  GET, POST /_emulator/edge                      {"lag": [0, 8], "hasCell": false}
  GET, POST, PUT, DELETE /_emulator/faults       see --help-faults"""

#: Arguments for the command's parser.
TEXTS: dict[str, Any] = {
    "description": _ABOUT,
    "epilog": _OWN,
    "formatter_class": argparse.RawDescriptionHelpFormatter,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=port_number, help=f"port to listen on, 0 for a free one (default: {PORT} if it is free)"
    )
    add_options(parser)


def run(parser: argparse.ArgumentParser, given: argparse.Namespace) -> None:
    """Run an emulator until SIGINT or SIGTERM. Exit with a message if it can't start."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    log = logging.getLogger("pulumi_opencomputer.emulator")
    log.setLevel(logging.INFO)
    try:
        from .app import create_app  # noqa: PLC0415 - not needed for --help and mistakes
        from .seed import SeedError  # noqa: PLC0415
        from .server import allow_many_connections, listen, serve  # noqa: PLC0415
    except ModuleNotFoundError as error:
        parser.exit(1, f"The emulator needs {error.name}: pip install 'pulumi-opencomputer[emulator]'\n")
    options = options_from(given)
    allow_many_connections()
    try:
        listener = first_free(listen, given.host, given.port)
    except OSError as error:
        parser.exit(1, f"The emulator can't listen on {given.host}, port {given.port}: {error.strerror}\n")

    def announce(url: str) -> None:
        log.info("%s", greeting(url, options))
        if not sys.stdout.isatty():
            sys.stdout.write(json.dumps({"url": url, "simulated": True, "pid": os.getpid()}) + "\n")
            sys.stdout.flush()

    try:
        app = create_app(options)
    except SeedError as error:
        parser.exit(1, f"The seed can't be used: {error}\n")
    except OSError as error:
        parser.exit(1, f"The folder {given.data} can't be used for --data: {error.strerror}\n")
    with contextlib.suppress(KeyboardInterrupt):
        serve(app, listener, announce)
    log.info("The emulator has ended.")


def first_free(listen: Callable[[str, int], socket.socket], host: str, port: int | None) -> socket.socket:
    """Return a socket that listens on a port; by default on `PORT`, or on any free one if that is in use.

    Args:
        listen: Returns a socket that listens on a host and port.
        host: The address to listen on.
        port: The port, or None for the default.

    Raises:
        OSError: The address can't be used.
    """
    if port is not None:
        return listen(host, port)
    try:
        return listen(host, PORT)
    except OSError:
        return listen(host, 0)
