"""Run a task in a separate process: ``python -m benchmarks.tasks TASK …`` prints its time and memory as JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from .work import content, events, imports, log_lines, secrets

#: Each function prepares a task, and returns the function to measure.
TASKS: dict[str, Callable[..., Callable[[], object]]] = {
    "hash-ours": content.hash_ours,
    "hash-sdk": content.hash_sdk,
    "checks-ours": content.checks_ours,
    "body-ours": content.body_ours,
    "body-plain": content.body_plain,
    "event-ours": events.event_ours,
    "event-plain": events.event_plain,
    "secrets-ours": secrets.secrets_ours,
    "secrets-plain": secrets.secrets_plain,
    "lines-ours": log_lines.lines_ours,
    "lines-bare": log_lines.lines_bare,
    "paced-ours": log_lines.paced_ours,
    "paced-bare": log_lines.paced_bare,
    "import-ours": imports.import_ours,
    "import-others": imports.import_others,
}


def main(arguments: Sequence[str]) -> None:
    """Run a task; print its seconds, how many bytes its peak memory exceeds the memory before it, and its result."""
    task, *rest = arguments
    measured = TASKS[task](*rest)
    before, started = peak(), time.perf_counter()
    result = measured()
    taken = time.perf_counter() - started
    returned = result if isinstance(result, list) else None
    print(json.dumps({"seconds": taken, "extra_bytes": peak() - before, "times": returned or []}))


def peak() -> int:
    """Return this process's peak memory in bytes."""
    # Prefer /proc: the figure of getrusage may be the parent's at the fork.
    status = Path("/proc/self/status")
    if not status.exists():
        import resource  # noqa: PLC0415

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main(sys.argv[1:])
