"""The command line: ``python -m benchmarks [--check] [NAME …]``."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from .content import big_files, small_files
from .deployments import parallel, state, unchanged
from .imports import imports
from .log_lines import log_lines
from .measure import Outcome
from .swap import swap
from .table import render, write

_BENCHMARKS: dict[str, Callable[[Path], Iterator[Outcome]]] = {
    "big-files": big_files,
    "small-files": small_files,
    "state": state,
    "unchanged": unchanged,
    "parallel": parallel,
    "swap": swap,
    "log-lines": log_lines,
    "imports": imports,
}


def main() -> int:
    """Measure, print the table, and keep it in the README if all of it was measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"what to measure; all of {', '.join(_BENCHMARKS)}")
    parser.add_argument("--check", action="store_true", help="fail where a goal is missed by more than the noise")
    given = parser.parse_args()
    if unknown := set(given.names) - set(_BENCHMARKS):
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    started, outcomes = time.monotonic(), []
    for name in given.names or _BENCHMARKS:
        outcomes += _measured(name)
    table = render(outcomes)
    print(table)
    if not given.names and not given.check:
        write(table, time.monotonic() - started)
    return int(given.check and any(outcome.clearly_missed for outcome in outcomes))


def _measured(name: str) -> list[Outcome]:
    started = time.monotonic()
    print(f"{name} …", end=" ", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="opencomputer-bench-", ignore_cleanup_errors=True) as scratch:
        outcomes = list(_BENCHMARKS[name](Path(scratch)))
    print(f"{time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    return outcomes


if __name__ == "__main__":
    sys.exit(main())
