"""Raising the number of threads of the host that serves the provider's calls."""

import threading
from concurrent.futures import ThreadPoolExecutor

from pulumi_opencomputer.engine.threadpool import THREADS, calling_pool, raise_worker_limit


def raise_own_limit():
    pool = calling_pool()
    assert pool is not None
    raise_worker_limit(pool)


def test_a_call_enlarges_the_pool_that_serves_it():
    """Afterwards more calls run at the same time than the pool was created for."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(raise_own_limit).result(20)
        meeting = threading.Barrier(8)
        calls = [pool.submit(meeting.wait, 20) for _ in range(8)]
        assert sorted(call.result(20) for call in calls) == list(range(8))


def test_a_pool_is_never_made_smaller():
    """Someone may have enlarged it further."""
    with ThreadPoolExecutor(THREADS + 1) as pool:
        pool.submit(raise_own_limit).result(20)
        assert pool._max_workers == THREADS + 1


def test_outside_of_a_pool_none_is_found():
    """Everything then works with the existing threads."""
    assert calling_pool() is None
