"""Fixtures for tests of the client: clients of a scripted server, and a clock that only sleeping advances."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from pulumi_opencomputer.api.client import Client
from wire import Clock, connecting


@pytest.fixture
def clock() -> Clock:
    """A clock that only sleeping advances."""
    return Clock()


@pytest.fixture
def connect(clock: Clock) -> Iterator[Callable[..., Client]]:
    """A function that creates clients of a server; all are closed at the end."""
    with connecting(clock) as make:
        yield make
