"""Show in a preview what a create would do: on the resource's status line and in a few permanent lines.

The server's list of images is requested at most once a run, and read up to a limit of size and time. A preview needs
neither a key nor a connection: if the list is not available, one line says so. What will fail or lose something is
shown as a warning on the resource.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..config import LogSettings, is_quiet
from ..errors import OpenComputerError
from .log import ResourceLog
from .read_replica import FULL_LIST
from .which_build import unnamed

if TYPE_CHECKING:
    from ..api.client import Client

MOST_LINES = 10
"""The maximum number of permanent forecast lines in a run. Of further ones only the number is shown."""

_CACHED = "cached: ready at once"
_SHARED = "cached by then: another resource has the same content"
_IN_SHORT = {"will build": "to be built", "cached": "cached", "cached by then": "of the same content as another"}

Concerns = Callable[["Client"], "Iterable[str]"]
"""Asks the server, and returns warnings about what will fail or lose something."""


class Forecast:
    """The forecasts of one run. Thread-safe."""

    def __init__(
        self,
        client: Callable[[], Client],
        run_log: ResourceLog,
        logs: Callable[[], LogSettings] = LogSettings,
    ) -> None:
        """Prepare the forecasts; nothing is sent.

        Args:
            client: Returns the API's client, or raises ConfigurationError.
            run_log: Takes the lines that concern the whole run.
            logs: Returns the settings that say which lines are shown.
        """
        self._make_client = client
        self._run_log = run_log
        self._logs = logs
        self._lock = threading.Lock()
        self._client: Client | None = None
        self.begin()

    def begin(self) -> None:
        """Forget everything: another run begins."""
        self._close()
        with self._lock:
            self._asked = False
            self._ready: Collection[str] | None = None
            self._whole = False
            self._announced: set[str] = set()
            self._said = 0
            self._unsaid: Counter[str] = Counter()

    def tell(self, inputs: Mapping[str, Any], log: ResourceLog, urn: str, concerns: Concerns = lambda _: ()) -> None:
        """Show whether a resource's content is cached, or how many steps will be built.

        Args:
            inputs: The checked inputs; parts may be `UNKNOWN`.
            log: The resource's lines.
            urn: Its URN.
            concerns: Asks the server for further warnings.
        """
        content, manifest = inputs.get("contentHash"), inputs.get("manifest")
        if not isinstance(content, str) or not isinstance(manifest, Mapping) or is_quiet(self._logs):
            return
        with self._lock:
            if not self._asked:
                self._asked = True
                self._ask()
            if self._ready is None:
                return
            line = self._line(content, len(manifest.get("steps", ())))
            self._say(line, log, urn)
        self._warn(log, concerns)

    def say(self, line: str, log: ResourceLog, urn: str) -> None:
        """Show a forecast that needs no request to the server."""
        if not is_quiet(self._logs):
            with self._lock:
                self._say(line, log, urn)

    def end(self) -> None:
        """Show how many forecasts were left out. To be called after the last resource."""
        self._close()
        with self._lock:
            unsaid, self._unsaid = self._unsaid, Counter()
        if unsaid:
            parts = ", ".join(f"{count:,} {what}" for what, count in unsaid.most_common())
            self._run_log.info(f"and {unsaid.total():,} more: {parts}")

    def _close(self) -> None:
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _say(self, line: str, log: ResourceLog, urn: str) -> None:
        log.status(line)
        if self._said < MOST_LINES:
            self._said += 1
            self._run_log.info(f"{urn.rpartition('::')[2]}: {line}")
        else:
            self._unsaid[_in_short(line)] += 1

    def _warn(self, log: ResourceLog, concerns: Concerns) -> None:
        client = self._client
        if client is None:
            return
        try:
            for concern in concerns(client):
                log.warn(concern)
        except OpenComputerError:
            # A preview does not need this; the deployment asks again and reports the error.
            return

    def _line(self, content: str, steps: int) -> str:
        if content in (self._ready or ()):
            return _CACHED
        if content in self._announced:
            return _SHARED
        self._announced.add(content)
        count = {0: "the base alone", 1: "1 step"}.get(steps, f"{steps} steps")
        return f"will build: {count}" + ("" if self._whole else ", unless it is cached")

    def _ask(self) -> None:
        try:
            client = self._make_client()
            records = client.list_images()
        except OpenComputerError as error:
            self._run_log.info(f"no forecast of what will be built: {error}")
            return
        self._client = client
        self._whole = records.is_whole and len(records) < FULL_LIST
        self._ready = {key for key, record in unnamed(records).items() if record.is_ready}
        if not self._whole:
            self._run_log.info(
                f"the server's list of images is longer than a preview reads ({len(records):,} were read), so some "
                "content that is shown as to be built may be cached"
            )


def _in_short(line: str) -> str:
    words = line.partition(":")[0]
    return _IN_SHORT.get(words, words)
