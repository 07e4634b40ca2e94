"""The settings of an emulator, from the command line or a test."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from .faults.rules import Rule


@dataclass(frozen=True)
class EdgeOptions:
    """The public edge in front of the control plane.

    Attributes:
        lag_seconds: The shortest and longest time that an event takes to reach the index. Each event has its own.
        lag_seed: The seed of these times; the same seed gives the same times.
        strict: Whether DELETE is refused for a record that the index does not show, as the service does.
    """

    lag_seconds: tuple[float, float] = (0.0, 0.0)
    lag_seed: int = 0
    strict: bool = True


@dataclass(frozen=True)
class Options:
    """The settings of one emulator.

    Attributes:
        api_keys: The accepted keys. Each has its own organisation.
        data: The folder of the databases, created if missing; None keeps the records in memory.
        seed: A JSON file, or a folder of them, with snapshots to start with.
        step_seconds: How long each simulated step takes, in seconds.
        keepalive_seconds: The time between two keepalive comments of a stream, in seconds.
        wait_seconds: How long a create waits for another build of its content before it fails, in seconds.
        seconds_per_mb: How long the server takes to process each MB of a request's body, in seconds.
        clock_skew_seconds: How far the server's clock is ahead, in seconds.
        ideal: Whether the real server's pitfalls are switched off.
        no_workers: Whether to behave like a server without workers to build or run on.
        edge: The settings of the public edge, or None for the control plane alone.
        max_body_bytes: The largest request body. A larger one is answered with 413.
        allowed_hosts: Host names, besides loopback, that are accepted for the emulator's own addresses.
        faults: The faults that are active at the start.
    """

    api_keys: tuple[str, ...] = field(repr=False)
    data: Path | None = None
    seed: Path | None = None
    step_seconds: float = 0.5
    keepalive_seconds: float = 15.0
    wait_seconds: float = 120.0
    seconds_per_mb: float = 0.0
    clock_skew_seconds: float = 0.0
    ideal: bool = False
    no_workers: bool = False
    edge: EdgeOptions | None = None
    max_body_bytes: int = 512 * 1024 * 1024
    allowed_hosts: tuple[str, ...] = ()
    faults: tuple[Rule, ...] = ()
