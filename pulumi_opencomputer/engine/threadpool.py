"""The worker threads of Pulumi's dynamic provider host.

The host serves every call with four worker threads, so while four builds run, even the checks of other resources
wait. Its pool is private. If it can't be found, everything works with four threads.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from types import FrameType

#: Far above any sensible ``--parallel``, so that the engine's own setting is the limit.
THREADS = 512


def calling_pool() -> ThreadPoolExecutor | None:
    """Return the pool whose worker runs this call, or None.

    A worker's own frame holds a weak reference to its pool under the name ``executor_reference``. Later versions of
    Python keep it in a context instead.
    """
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        reference = frame.f_locals.get("executor_reference")
        pool = reference() if callable(reference) else None
        if isinstance(pool, ThreadPoolExecutor):
            return pool
        frame = frame.f_back
    return None


def raise_worker_limit(pool: ThreadPoolExecutor, threads: int = THREADS) -> None:
    """Raise the number of threads that a pool may have; never lower it."""
    pool._max_workers = max(threads, pool._max_workers)
