"""The command that runs an emulator: its texts, and what it does."""

from __future__ import annotations

import argparse
import json
import logging
import os
import socket
import sys
from collections.abc import Callable
from typing import Any

from .arguments import add_options, options_from
from .greeting import greeting

#: The default port; if it is in use, any free one.
PORT = 8700
_ABOUT = """\
A local OpenComputer API for tests and first steps. The steps of a build are SIMULATED: nothing that an image asks
for is downloaded, written or executed, and a sandbox is a record in a database. Records, cache, streams, errors and the
traps of the real server are as there; with --edge, those of the public endpoint as well.

Without arguments it listens on this machine and accepts the key "local". Once it listens, it says on standard error
what to export; on standard output, unless that is a terminal, goes one line of JSON with its "url". A page at its
address shows what happens. After that, one line a request goes to standard error.

A command that holds FAIL_BUILD fails with exit code 1; one that holds SLEEP_BUILD_<n> takes n seconds."""
_OWN = """\
Of the emulator's own; what changes anything needs the key, and so does reading from another machine:
  GET /                                          a page, for a browser
  GET /health                                    version and counts; needs no key
  POST /_emulator/reset                          back to how it was when it started, the seed's snapshots included
  GET, DELETE /_emulator/requests                the requests so far
  GET /_emulator/builds                          the builds so far
  GET /_emulator/events                          all of this as it changes, as server-sent events
  GET, PATCH, DELETE /_emulator/records          all records as the control plane has them; change some by hand,
                                                 {"where": {"name": "a"}, "set": {"status": "building", "age": 600}};
                                                 forget everything
  DELETE /_emulator/checkpoints/ID[/bytes]       delete a checkpoint; let its bytes be missing
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
    parser.add_argument("--port", type=int, help=f"port to listen on, 0 for a free one (default: {PORT} if it is free)")
    add_options(parser)


def run(parser: argparse.ArgumentParser, given: argparse.Namespace) -> None:
    """Run an emulator until SIGINT or SIGTERM, or exit with the reason why it can't."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    log = logging.getLogger("pulumi_opencomputer.emulator")
    log.setLevel(logging.INFO)
    try:
        from .app import create_app  # noqa: PLC0415 - what --help and mistakes do not need
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
        serve(create_app(options), listener, announce)
    except SeedError as error:
        parser.exit(1, f"The seed can't be used: {error}\n")
    except KeyboardInterrupt:
        pass
    log.info("The emulator has ended.")


def first_free(listen: Callable[[str, int], socket.socket], host: str, port: int | None) -> socket.socket:
    """Return a socket that listens on a port; by default on `PORT`, or on any free one if that is in use.

    Raises:
        OSError: It can't.
    """
    if port is not None:
        return listen(host, port)
    try:
        return listen(host, PORT)
    except OSError:
        return listen(host, 0)
