"""What the client's tests share: clients of a scripted server, and time that passes only where somebody sleeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from pulumi_opencomputer.api.client import Client
from wire import Clock, connecting


@pytest.fixture
def clock() -> Clock:
    """Time that passes only where somebody sleeps."""
    return Clock()


@pytest.fixture
def connect(clock: Clock) -> Iterator[Callable[..., Client]]:
    """Makes clients of a server; all are closed at the end."""
    with connecting(clock) as make:
        yield make
