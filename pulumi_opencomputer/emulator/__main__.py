"""The command line: ``python -m pulumi_opencomputer.emulator``."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from .options import Options

_ABOUT = """\
A local OpenComputer API for tests and first steps. The steps of a build are SIMULATED: nothing that an image asks
for is downloaded, written or executed, and a sandbox is a row in a database. Rows, cache, streams, errors and the
traps of the real server are as there.

A command that holds FAIL_BUILD fails with exit code 1; one that holds SLEEP_BUILD_<n> takes n seconds.

Once it listens, one line of JSON with its "url" is printed on standard output; one line a request goes to standard
error. Of the emulator's own, without a key: GET and DELETE /_emulator/requests (the requests so far),
GET /_emulator/builds (the builds so far), DELETE /_emulator/rows (forget everything)."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run an emulator until it is stopped."""
    parser = _parser()
    given = parser.parse_args(arguments)
    api_key = given.api_key or os.environ.get("OPENCOMPUTER_API_KEY", "")
    if not api_key:
        parser.error("an API key is needed: --api-key KEY, or OPENCOMPUTER_API_KEY; any text will do")
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    log = logging.getLogger("pulumi_opencomputer.emulator")
    log.setLevel(logging.INFO)
    options = options_from(given, api_key)
    from .app import create_app  # noqa: PLC0415 - what --help and mistakes don't need
    from .server import serve  # noqa: PLC0415

    log.info("OpenComputer emulator: the steps of a build are simulated, nothing is executed.")
    if options.data is None:
        log.info("Without --data, all rows are gone when it ends.")
    try:
        serve(create_app(options), given.host, given.port, {"simulated": True, "pid": os.getpid()})
    except OSError as error:
        parser.exit(1, f"The emulator can't listen on {given.host}, port {given.port}: {error.strerror}\n")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add to a command line what `options_from` reads."""
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of the database (default: memory only)")
    parser.add_argument("--api-key", metavar="KEY", help="the key to accept (default: OPENCOMPUTER_API_KEY)")
    parser.add_argument("--ideal", action="store_true", help="switch the real server's traps off")
    parser.add_argument("--no-workers", action="store_true", help="behave as a server without a worker to build on")
    for name, help_text in (
        ("step", "how long each simulated step takes"),
        ("keepalive", "time between a stream's keepalive comments"),
        ("wait", "how long a create waits for another build of its content before it fails"),
        ("mirror-lag", "how far lists and GETs are behind, as at the public endpoint"),
    ):
        default = getattr(Options, f"{name.replace('-', '_')}_seconds")
        parser.add_argument(
            f"--{name}-seconds", type=_seconds, metavar="S", default=default, help=f"{help_text} (default: %(default)g)"
        )


def options_from(given: argparse.Namespace, api_key: str) -> Options:
    """Return the options that a command line with `add_options` gave."""
    return Options(
        api_key=api_key,
        data=given.data,
        step_seconds=given.step_seconds,
        keepalive_seconds=given.keepalive_seconds,
        wait_seconds=given.wait_seconds,
        mirror_lag_seconds=given.mirror_lag_seconds,
        ideal=given.ideal,
        no_workers=given.no_workers,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pulumi_opencomputer.emulator",
        description=_ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: a free one)")
    add_options(parser)
    return parser


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise ValueError("not a duration")
    return value


if __name__ == "__main__":
    main()
