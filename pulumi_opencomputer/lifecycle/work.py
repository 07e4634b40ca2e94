"""The arguments of an update of a resource, besides its state and inputs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .log import ResourceLog

if TYPE_CHECKING:
    from .build_job import Job


@dataclass(frozen=True)
class Work:
    """What an update needs besides the resource's state and inputs.

    Attributes:
        log: The resource's lines.
        timeout: The update's time limit in seconds, or None.
        start: Starts a build of the inputs' content, once it is its turn.
    """

    log: ResourceLog
    timeout: float | None
    start: Callable[[], AbstractContextManager[Job]]
