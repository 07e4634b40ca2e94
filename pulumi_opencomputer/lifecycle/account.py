"""What the records of an API key reveal: the key's organisation, and whether the public endpoint answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..config import DEFAULT_API_URL
from ..errors import ConfigurationError, NotFoundError
from .types import Recorded

if TYPE_CHECKING:
    from ..api.client import Client
    from ..api.records import Record


class Account:
    """The organisation of an API key, as far as its records reveal it; thread-safe."""

    def __init__(self, client: Callable[[], Client], api_url: Callable[[], str]) -> None:
        """Store the arguments; nothing is sent.

        Args:
            client: Returns the API's client.
            api_url: Returns the API's address.
        """
        self._client = client
        self._api_url = api_url
        self._newest: Record | None = None
        self._proved: set[str] = set()
        self._lock = threading.Lock()
        self._proving = threading.Lock()

    def is_public(self) -> bool:
        """Tell whether the public endpoint answers, whose index lags behind the records.

        Raises:
            APIError: The server can't be reached, or refused.
        """
        if self._api_url() == DEFAULT_API_URL:
            return True
        newest = self.newest()
        return newest is not None and newest.cell_id is not None

    def is_known_as_public(self) -> bool:
        """Tell whether it is known already, without a request, that the public endpoint answers."""
        if self._api_url() == DEFAULT_API_URL:
            return True
        with self._lock:
            return self._newest is not None and self._newest.cell_id is not None

    def newest(self) -> Record | None:
        """Return the newest record of any kind; None if the key has none at all.

        Raises:
            APIError: The server can't be reached, or refused.
        """
        with self._lock:
            if self._newest is None:
                self._newest = next(iter(self._client().list_images(until=lambda _: True)), None)
            return self._newest

    def require(self, record: Record | None, state: Mapping[str, Any]) -> None:
        """Check that a record belongs to the organisation in a state.

        Args:
            record: A record that the key shows, or None.
            state: A resource's outputs.

        Raises:
            ConfigurationError: It belongs to another organisation.
        """
        recorded, shown = state.get("orgId"), record and record.org_id
        if recorded and shown and recorded != shown:
            raise ConfigurationError(
                f"The API key belongs to another organisation ({shown}) than this resource ({recorded}). Nothing was "
                "changed. Set the key of that organisation (opencomputer:apiKey or OPENCOMPUTER_API_KEY), or remove "
                "the resource from the state with: pulumi state delete <urn>"
            )

    def require_for_build(self, recorded: Recorded | None, shown_id: str | None = None) -> None:
        """Check, before a build, that the key belongs to the organisation of the record in the state.

        A key without records is accepted: then they were all deleted, and the resource is made again. At most one look
        a run is needed, and none if the record was seen already.

        Args:
            recorded: What the state says about the resource's record; None if no state is known.
            shown_id: The id of the record that the key shows under the recorded name, empty if there is none; None if
                that was not looked up.

        Raises:
            ConfigurationError: The key belongs to another organisation.
            APIError: The server can't be reached, or refused.
        """
        if recorded is None or not recorded.org_id:
            return
        with self._proving:
            if recorded.org_id not in self._proved:
                if not self._shows(recorded, shown_id):
                    self.require(self.newest(), {"orgId": recorded.org_id})
                self._proved.add(recorded.org_id)

    def _shows(self, recorded: Recorded, shown_id: str | None) -> bool:
        """Tell whether the key shows the recorded record. Ids are unique, so no other organisation's key does."""
        if not recorded.snapshot_id or shown_id is not None:
            return recorded.snapshot_id == shown_id
        try:
            head = self._client().get_head(recorded.name)
        except NotFoundError:
            return False
        return head is not None and head.id == recorded.snapshot_id

    def has_any(self, state: Mapping[str, Any]) -> bool:
        """Tell whether the key has any record, and check that it belongs to the organisation in a state.

        Raises:
            ConfigurationError: The records belong to another organisation.
            APIError: The server can't be reached, or refused.
        """
        newest = self.newest()
        self.require(newest, state)
        return newest is not None
