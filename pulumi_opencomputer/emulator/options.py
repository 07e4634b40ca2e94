"""How an emulator behaves: one value, made by the command line or by a test."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """The settings of one emulator.

    Attributes:
        api_key: The only key that is accepted.
        data: The folder of the database, made if missing; None keeps the rows in memory.
        step_seconds: How long each simulated step takes, in seconds.
        keepalive_seconds: The time between two keepalive comments of a stream.
        wait_seconds: How long a create waits for another build of its content before it fails.
        mirror_lag_seconds: How far lists and GETs are behind, as they are at the public endpoint; 0 for not at all.
        ideal: Whether the real server's traps are switched off.
        no_workers: Whether to behave as a server that has no worker to build or run on.
    """

    api_key: str = field(repr=False)
    data: Path | None = None
    step_seconds: float = 0.5
    keepalive_seconds: float = 15.0
    wait_seconds: float = 120.0
    mirror_lag_seconds: float = 0.0
    ideal: bool = False
    no_workers: bool = False
