"""More threads for Pulumi's dynamic provider host.

The host serves every call with four worker threads, so while four builds run, even the checks of other
resources wait. Its pool is private: where it can't be found, all works with four.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from types import FrameType

#: Far above any ``--parallel`` that makes sense, so that the engine's own setting is the limit.
THREADS = 512


def widen(threads: int = THREADS) -> bool:
    """Raise the limit of the pool whose worker this call runs in.

    Must be called from a call that the pool serves. A worker's own frame holds a weak reference to its
    pool, under the name ``executor_reference`` or, in later versions of Python, in a context.

    Returns:
        Whether the pool was found.
    """
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        reference = frame.f_locals.get("executor_reference")
        pool = reference() if callable(reference) else None
        if isinstance(pool, ThreadPoolExecutor):
            pool._max_workers = max(threads, pool._max_workers)
            return True
        frame = frame.f_back
    return False
