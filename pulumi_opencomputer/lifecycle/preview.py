"""What a create would do, told on the resource's status line in a preview.

The server's list of images is asked for at most once for all resources of a run, and read up to a limit. Where it
can't be had, nothing is said: a preview needs neither a key nor a connection.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import OpenComputerError
from .log import ResourceLog
from .read_replica import FULL_LIST
from .types import is_unknown
from .which_build import unnamed

if TYPE_CHECKING:
    from ..api.client import Client

_LIST_LIMIT = 16 * 1024 * 1024


class Forecast:
    """The forecasts of one run."""

    def __init__(self, client: Callable[[], Client]) -> None:
        """Prepare it; nothing is sent.

        Args:
            client: Gives the API, or raises ConfigurationError.
        """
        self._client = client
        self._lock = threading.Lock()
        self._asked = False
        self._ready: Collection[str] | None = None
        self._whole = False
        self._announced: set[str] = set()

    def tell(self, inputs: Mapping[str, Any], log: ResourceLog) -> None:
        """Say on a resource's status line whether its content is cached, or how many steps will be built.

        Args:
            inputs: The checked inputs; parts may be `UNKNOWN`.
            log: The status line.
        """
        content = inputs.get("contentHash")
        if is_unknown(content) or "manifest" not in inputs:
            return
        with self._lock:
            if not self._asked:
                self._asked = True
                self._ask()
            if self._ready is not None:
                log.status(self._line(str(content), len(inputs["manifest"].get("steps", ()))))

    def _line(self, content: str, steps: int) -> str:
        if content in (self._ready or ()):
            return "cached: ready at once"
        if content in self._announced:
            return "cached by then: another resource has the same content"
        self._announced.add(content)
        count = {0: "the base alone", 1: "1 step"}.get(steps, f"{steps} steps")
        return f"will build: {count}" + ("" if self._whole else ", unless it is cached")

    def _ask(self) -> None:
        try:
            with self._client() as client:
                records = client.list_images(limit=_LIST_LIMIT)
        except OpenComputerError:
            return
        self._whole = records.is_whole and len(records) < FULL_LIST
        self._ready = {key for key, record in unnamed(records).items() if record.is_ready}
