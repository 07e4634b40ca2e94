"""The command line: ``python -m pulumi_opencomputer.emulator``."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from .arguments import add_options, options_from

_ABOUT = """\
A local OpenComputer API for tests and first steps. The steps of a build are SIMULATED: nothing that an image asks
for is downloaded, written or executed, and a sandbox is a row in a database. Records, cache, streams, errors and the
traps of the real server are as there; with --edge, those of the public endpoint as well.

A command that holds FAIL_BUILD fails with exit code 1; one that holds SLEEP_BUILD_<n> takes n seconds.

Once it listens, one line of JSON with its "url" is printed on standard output; one line a request goes to standard
error."""
_OWN = """\
Of the emulator's own; what changes anything needs the key:
  GET /health                                    version and counts
  GET, DELETE /_emulator/requests                the requests so far
  GET /_emulator/builds                          the builds so far
  GET, PATCH, DELETE /_emulator/records          all records as the control plane has them; change some by hand,
                                                 {"where": {"name": "a"}, "set": {"status": "building", "age": 600}};
                                                 forget everything
  DELETE /_emulator/checkpoints/ID[/bytes]       delete a checkpoint; let its bytes be missing
  GET, POST /_emulator/clock                     {"advance": 90} lets time pass, {"skew": -60} sets the clock wrong
  GET, POST /_emulator/edge                      {"lag": [0, 8], "hasCell": false}
  GET, POST, PUT, DELETE /_emulator/faults       see --help-faults"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run an emulator until it is stopped."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if not (given.api_key or os.environ.get("OPENCOMPUTER_API_KEY")):
        parser.error("an API key is needed: --api-key KEY, or OPENCOMPUTER_API_KEY; any text will do")
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    log = logging.getLogger("pulumi_opencomputer.emulator")
    log.setLevel(logging.INFO)
    options = options_from(given)
    from .app import create_app  # noqa: PLC0415 - what --help and mistakes do not need
    from .server import serve  # noqa: PLC0415

    log.info("OpenComputer emulator: the steps of a build are simulated, nothing is executed.")
    if options.data is None:
        log.info("Without --data, all records are gone when it ends.")
    try:
        serve(create_app(options), given.host, given.port, {"simulated": True, "pid": os.getpid()})
    except OSError as error:
        parser.exit(1, f"The emulator can't listen on {given.host}, port {given.port}: {error.strerror}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pulumi_opencomputer.emulator",
        description=_ABOUT,
        epilog=_OWN,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: a free one)")
    add_options(parser)
    return parser


if __name__ == "__main__":
    main()
