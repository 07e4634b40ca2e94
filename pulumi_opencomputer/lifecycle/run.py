"""What the operations of one run of a provider share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError
from .account import Account
from .build_queue import BuildQueue
from .check import HashMemory
from .image_list import ImageList
from .known import KnownRecords
from .left_versions import NamedList
from .liveness import Liveness
from .types import Clock

if TYPE_CHECKING:
    from ..api.client import Client


class Run:
    """One run of a provider: the API, time, and what is remembered between calls; thread-safe.

    Attributes:
        clock: Time, as the server has it.
        api_url: Gives the API's address.
        queue: Whose turn it is to build.
        memory: The hashes already computed.
        known: What was seen of states and of the program, and made.
        images: The list of images.
        named: The list of named records.
        account: The organisation behind the key.
        liveness: Which builds are known to be lost.
        replaced_ids: The ids of the records that this run replaced. A read replica that lags may still show such a
            record under the name that is its successor's by now.
    """

    def __init__(self, make_client: Callable[[], Client], api_url: Callable[[], str], clock: Clock) -> None:
        """Prepare it; nothing is read or sent.

        Args:
            make_client: Makes the client, or raises ConfigurationError; called when the first request is due.
            api_url: Gives the API's address alone, for which no key is needed.
            clock: Time.
        """
        self.clock = replace(clock, now=lambda: clock.now() + self._skew())
        self.api_url = api_url
        self.queue = BuildQueue()
        self.memory = HashMemory()
        self.known = KnownRecords()
        self.account = Account(self.client, api_url)
        self.images = ImageList(self.client, self.clock, self.account)
        self.named = NamedList(self.client)
        self.replaced_ids: set[str] = set()
        self.liveness = Liveness()
        self._make_client = make_client
        self._client: Client | None = None
        self._lock = threading.Lock()

    def client(self) -> Client:
        """The API.

        Raises:
            ConfigurationError: There is no key, or a setting can't be used.
        """
        with self._lock:
            if self._client is None:
                self._client = self._make_client()
            return self._client

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()

    def _skew(self) -> float:
        return self._client.clock_skew if self._client is not None else 0.0

    def require_same_api(self, state: Mapping[str, Any]) -> None:
        """Make sure that a resource lives where this run asks.

        Raises:
            ConfigurationError: It lives at another address.
        """
        recorded, configured = state.get("apiUrl"), self.api_url()
        if recorded and recorded != configured:
            raise ConfigurationError(
                f"This resource lives at {recorded}, but the provider is configured for {configured}. Nothing was "
                "changed. Set opencomputer:apiUrl (or OPENCOMPUTER_API_URL) back, or remove the resource from the "
                "state with: pulumi state delete <urn>"
            )
