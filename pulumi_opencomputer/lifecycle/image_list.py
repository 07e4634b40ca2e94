"""Read images: one list for the whole run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .account import Account
from .log import ResourceLog
from .outputs import IMAGE, refreshed
from .read_replica import FULL_LIST, SECOND_LOOK, age
from .status import MISSING, NO_RECORDS, status_of
from .types import Clock
from .waiting import YOUNG
from .which_build import unnamed

if TYPE_CHECKING:
    from ..api.client import Client
    from ..api.records import Record


class ImageList:
    """The list of images, requested once a run for all images together; a second time if one of them is missing."""

    def __init__(self, client: Callable[[], Client], clock: Clock, account: Account) -> None:
        """Prepare the list; nothing is sent.

        Args:
            client: Returns the API's client.
            clock: Time.
            account: The organisation behind the key.
        """
        self._client = client
        self._clock = clock
        self._account = account
        self._looked_again = False
        self._lock = threading.Lock()
        self._records: Mapping[str, Record] | None = None
        self._whole = False
        self._newest: Record | None = None

    def read(self, state: Mapping[str, Any], log: ResourceLog) -> dict[str, Any] | None:
        """Return the outputs of an image as the server has it now; None if its record no longer exists.

        Args:
            state: Its recorded outputs.
            log: Its lines.

        Raises:
            ConfigurationError: The key belongs to another organisation.
            APIError: The server can't be reached, or refused.
        """
        record = self._find(str(state.get("builtHash") or state.get("contentHash")))
        self._account.require(self._newest, state)
        if record is not None:
            return {**state, **refreshed(IMAGE, record, state), "status": status_of(record)}
        if not self._whole:
            return dict(state)
        if self._newest is None:
            log.warn(NO_RECORDS)
            return {**state, "status": MISSING}
        return dict(state) if age(state, self._clock.now()) < YOUNG and self._newest.cell_id is not None else None

    def _find(self, wanted: str) -> Record | None:
        with self._lock:
            if self._records is None:
                self._fetch()
            if self._whole and wanted not in (self._records or {}) and not self._looked_again:
                self._looked_again = True
                self._clock.sleep(SECOND_LOOK)
                self._fetch()
            return (self._records or {}).get(wanted)

    def _fetch(self) -> None:
        records = self._client().list_images()
        self._whole = records.is_whole and len(records) < FULL_LIST
        self._newest = next(iter(records), None)
        self._records = unnamed(records)
