"""The state that all operations of one run of a provider share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..config import LogSettings
from ..errors import ConfigurationError
from .account import Account
from .build_log import BuildLog
from .build_queue import BuildQueue
from .check import HashMemory
from .content_memory import ContentMemory
from .image_list import ImageList
from .known import KnownRecords
from .left_versions import NamedList
from .liveness import Liveness
from .log import ResourceLog
from .log_file import LogFile
from .types import Clock

if TYPE_CHECKING:
    from ..api.client import Client


class Run:
    """One run of a provider: the API's client, time, and what is remembered between calls; thread-safe.

    Attributes:
        clock: Time; `now` follows the server's clock.
        api_url: Returns the API's address.
        logs: Returns the settings for the logs of builds.
        queue: Decides which job may build.
        memory: The hashes already computed.
        known: What is known about states and the program, and the records that this run created.
        images: The list of images.
        named: The list of named records.
        account: The organisation behind the key.
        liveness: Which builds are known to be lost.
        contents: Which contents the server's cache is known to have, and which ones to avoid.
        replaced_ids: The ids of the records that this run replaced. A lagging read replica may still show such a
            record under a name that now belongs to its successor.
        asks_by_id: Whether the public endpoint answers requests that name a snapshot's record by its id.
    """

    def __init__(
        self,
        make_client: Callable[[], Client],
        api_url: Callable[[], str],
        clock: Clock,
        logs: Callable[[], LogSettings] = LogSettings,
    ) -> None:
        """Prepare the run; nothing is read or sent.

        Args:
            make_client: Makes the client, or raises ConfigurationError; called before the first request.
            api_url: Returns only the API's address, for which no key is needed.
            clock: Time, by this machine's clock.
            logs: Returns the settings for the logs of builds, or raises ConfigurationError.
        """
        self.clock = replace(clock, now=lambda: clock.now() + self._skew())
        self._now = clock.now
        self._began = clock.now()
        self.api_url = api_url
        self.logs = logs
        self.queue = BuildQueue()
        self.memory = HashMemory()
        self.known = KnownRecords()
        self.account = Account(self.client, api_url)
        self.images = ImageList(self.client, self.clock, self.account)
        self.named = NamedList(self.client)
        self.replaced_ids: set[str] = set()
        self.asks_by_id = True
        self.liveness = Liveness()
        self.contents = ContentMemory()
        self._make_client = make_client
        self._client: Client | None = None
        self._log_file: LogFile | None = None
        self._lock = threading.Lock()

    def elapsed(self) -> float:
        """Return the seconds since the run began in this process."""
        return self._now() - self._began

    def client(self) -> Client:
        """Return the API's client, made on first use.

        Raises:
            ConfigurationError: There is no key, or a setting can't be used.
        """
        with self._lock:
            if self._client is None:
                self._client = self._make_client()
            return self._client

    def build_log(self, urn: str, log: ResourceLog) -> BuildLog:
        """Return the log of a build of a resource.

        Raises:
            ConfigurationError: A setting can't be used.
        """
        settings = self.logs()
        if settings.file is None:
            return BuildLog(log, settings.lines)
        with self._lock:
            if self._log_file is None:
                self._log_file = LogFile(settings.file, self.clock.now)
            file = self._log_file
        name = urn.rpartition("::")[2]
        file.add(name, f"build of {urn}", log.warn)
        return BuildLog(log, settings.lines, lambda line: file.add(name, line, log.warn))

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()
        if self._log_file is not None:
            self._log_file.close()

    def _skew(self) -> float:
        return self._client.clock_skew if self._client is not None else 0.0

    def require_same_api(self, state: Mapping[str, Any]) -> None:
        """Check that a resource was created at the API's address that this run uses.

        Raises:
            ConfigurationError: It was created at another address.
        """
        recorded, configured = state.get("apiUrl"), self.api_url()
        if recorded and recorded != configured:
            raise ConfigurationError(
                f"This resource lives at {recorded}, but the provider is configured for {configured}. Nothing was "
                "changed. Set opencomputer:apiUrl (or OPENCOMPUTER_API_URL) back, or remove the resource from the "
                "state with: pulumi state delete <urn>"
            )
