"""The options of the emulator's command line."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from . import faults
from .faults.rules import NAMED, Rule, RuleError, parse_text
from .greeting import DEFAULT_KEY
from .options import EdgeOptions, Options

_HIGHEST_PORT = 65_535


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that `options_from` reads to a command line."""
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of the databases (default: memory only)")
    parser.add_argument(
        "--api-key",
        metavar="KEY",
        type=_key,
        action="append",
        help="a key to accept; may be repeated, and each has its own organisation"
        f" (default: OPENCOMPUTER_API_KEY, or {DEFAULT_KEY})",
    )
    parser.add_argument(
        "--seed",
        type=Path,
        metavar="PATH",
        help="snapshots to start with: a JSON file, or a folder of them, each a manifest named like its snapshot",
    )
    parser.add_argument("--ideal", action="store_true", help="switch off the real server's pitfalls")
    parser.add_argument("--no-workers", action="store_true", help="behave like a server without workers to build on")
    _add_times(parser)
    _add_edge(parser)
    parser.add_argument(
        "--max-body-mb", type=_amount, metavar="MB", default=512, help="largest request body (default: %(default)g)"
    )
    parser.add_argument(
        "--allowed-host",
        metavar="NAME",
        action="append",
        default=[],
        help="a host name, besides loopback, to accept for the emulator's own addresses, * for any; may be repeated",
    )
    parser.add_argument(
        "--fault",
        metavar="RULE",
        type=_fault,
        action="append",
        default=[],
        help=f"a fault to activate, as JSON or one of {', '.join(NAMED)}; may be repeated",
    )
    parser.add_argument("--help-faults", action=_HelpFaults, nargs=0, help="describe all faults, and exit")


def options_from(given: argparse.Namespace) -> Options:
    """Return the emulator's options from a parsed command line, with the key from the environment as the default."""
    lag = given.edge_lag or (0.0, 0.0)
    edge = EdgeOptions(lag, given.edge_lag_seed) if given.edge or given.edge_lag is not None else None
    if given.mirror_lag_seconds:
        edge = EdgeOptions((given.mirror_lag_seconds, given.mirror_lag_seconds), strict=False)
    return Options(
        api_keys=tuple(given.api_key or [os.environ.get("OPENCOMPUTER_API_KEY") or DEFAULT_KEY]),
        data=given.data,
        seed=given.seed,
        step_seconds=given.step_seconds,
        keepalive_seconds=given.keepalive_seconds,
        wait_seconds=given.wait_seconds,
        seconds_per_mb=given.seconds_per_mb,
        clock_skew_seconds=given.clock_skew_seconds,
        ideal=given.ideal,
        no_workers=given.no_workers,
        edge=edge,
        max_body_bytes=int(given.max_body_mb * 1024 * 1024),
        allowed_hosts=tuple(given.allowed_host) + _name_of_its_own(vars(given).get("host", "")),
        faults=tuple(given.fault),
    )


def _add_times(parser: argparse.ArgumentParser) -> None:
    for name, help_text in (
        ("step_seconds", "how long each simulated step takes"),
        ("keepalive_seconds", "time between a stream's keepalive comments"),
        ("wait_seconds", "how long a create waits for another build of its content before it fails"),
        ("seconds_per_mb", "how long the server takes for each MB of a request; a small machine takes 0.13"),
    ):
        _add_amount(parser, name, getattr(Options, name), help_text)
    parser.add_argument(
        "--clock-skew-seconds",
        type=float,
        metavar="S",
        default=0.0,
        help="how far the server's clock is ahead; negative for behind (default: %(default)g)",
    )


def _add_edge(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--edge", action="store_true", help="put the public endpoint's edge in front")
    parser.add_argument(
        "--edge-lag",
        type=_lag,
        metavar="S[..S]",
        help="how far its index lags, in seconds; with 1..8 a random time for each event; implies --edge",
    )
    parser.add_argument(
        "--edge-lag-seed", type=int, metavar="N", default=0, help="seed of the random lags (default: 0)"
    )
    _add_amount(parser, "mirror_lag_seconds", 0.0, "how far reads lag, without the edge's other effects")


def _add_amount(parser: argparse.ArgumentParser, name: str, default: float, help_text: str) -> None:
    flag = f"--{name.replace('_', '-')}"
    parser.add_argument(flag, type=_amount, metavar="S", default=default, help=f"{help_text} (default: %(default)g)")


def _name_of_its_own(host: str) -> tuple[str, ...]:
    # An address that means "any" must not be accepted as a name: a web page could use it too.
    return () if host in ("", "0.0.0.0", "::") else (host,)  # noqa: S104


def port(text: str) -> int:
    """Return a port from a command line.

    Raises:
        argparse.ArgumentTypeError: It is not a port.
    """
    if not text.isdecimal() or int(text) > _HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"must be a port from 0 to {_HIGHEST_PORT}, not {text!r}")
    return int(text)


def _key(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("must not be empty")
    return text


def _amount(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number that is not negative, not {text!r}")
    return value


def _lag(text: str) -> tuple[float, float]:
    least, _, greatest = text.partition("..")
    low, high = _amount(least), _amount(greatest or least)
    if low > high:
        raise argparse.ArgumentTypeError(f"the least lag comes first: {high:g}..{low:g}")
    return low, high


def _fault(text: str) -> Rule:
    try:
        return parse_text(text)
    except RuleError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


class _HelpFaults(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        sys.stdout.write(faults.__doc__ or "")
        parser.exit()
