"""What an update of a resource works with."""

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
    """What an update works with.

    Attributes:
        log: The resource's status line.
        timeout: The seconds that it may take, or None.
        start: Begins a build of the inputs' content.
    """

    log: ResourceLog
    timeout: float | None
    start: Callable[[], AbstractContextManager[Job]]
