"""The command line: ``python -m benchmarks [--check] [NAME …]``."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from .content import big_files, small_files
from .deployments import parallel, state
from .emulator import emulator
from .imports import imports
from .log_lines import log_lines
from .long_list import long_list
from .measure import Outcome
from .provider import provider_start
from .result_event import result_event
from .secrets import secrets
from .side_by_side import side_by_side
from .swap import replacement, swap
from .table import render, write
from .unchanged import refreshed, unchanged
from .versions import versions

_BENCHMARKS: dict[str, Callable[[Path], Iterator[Outcome]]] = {
    "big-files": big_files,
    "small-files": small_files,
    "state": state,
    "unchanged": unchanged,
    "refreshed": refreshed,
    "versions": versions,
    "parallel": parallel,
    "side-by-side": side_by_side,
    "swap": swap,
    "replacement": replacement,
    "long-list": long_list,
    "log-lines": log_lines,
    "result-event": result_event,
    "secrets": secrets,
    "imports": imports,
    "provider-start": provider_start,
    "emulator": emulator,
}


def main() -> int:
    """Run the benchmarks and print the table; if all of them ran, also write it to the README."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default: all of {', '.join(_BENCHMARKS)}")
    parser.add_argument("--check", action="store_true", help="fail if a goal is missed by more than the noise")
    given = parser.parse_args()
    if unknown := set(given.names) - set(_BENCHMARKS):
        parser.error(f"unknown benchmarks: {', '.join(sorted(unknown))}")
    # Users who install the package have its modules compiled.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    started = time.monotonic()
    outcomes: list[Outcome] = []
    failed: list[str] = []
    for name in given.names or _BENCHMARKS:
        outcomes += _measured(name, failed)
    took = time.monotonic() - started
    table = render(outcomes, failed)
    print(table)
    print(f"in all {took:.0f} s", file=sys.stderr)
    if not given.names and not given.check:
        write(table, took)
    missed = [outcome.work for outcome in outcomes if outcome.clearly_missed]
    if given.check and missed:
        print(f"goals missed by more than the noise: {'; '.join(missed)}", file=sys.stderr)
    return int(bool(failed or (given.check and missed)))


def _measured(name: str, failed: list[str]) -> list[Outcome]:
    """Return one benchmark's rows. After an error, return those before it, and add the name to `failed`."""
    started = time.monotonic()
    print(f"{name} …", end=" ", file=sys.stderr, flush=True)
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="opencomputer-bench-", ignore_cleanup_errors=True) as scratch:
        try:
            outcomes.extend(_BENCHMARKS[name](Path(scratch)))
        except Exception:  # keep the other rows, which take minutes to measure
            failed.append(name)
            traceback.print_exc()
    print(f"{time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    return outcomes


if __name__ == "__main__":
    sys.exit(main())
