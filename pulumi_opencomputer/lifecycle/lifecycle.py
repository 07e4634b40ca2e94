"""Every decision for both resources: check, diff, create, update, read and delete, without pulumi.

What asks the server is in `operations`, which takes as long to load as all the rest: most runs change nothing, and
ask nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..config import Settings
from ..errors import InvalidInputError
from . import check as _check
from . import diff as _diff
from .build_queue import Turns
from .progress import Log, no_log
from .types import UNKNOWN, Autonaming, Change, Checked, Created, Difference, Imported, Kind, Recorded, is_unknown

if TYPE_CHECKING:
    from ..api.client import Client
    from .build_with_recovery import Clock
    from .operations import Operations

__all__ = [
    "UNKNOWN",
    "Autonaming",
    "Change",
    "Checked",
    "Created",
    "Difference",
    "Imported",
    "Kind",
    "Lifecycle",
    "is_unknown",
]


class Lifecycle:
    """The lifecycle of snapshots and images against one API, for one run of a provider.

    Thread-safe: many resources are created at a time.
    """

    def __init__(
        self,
        settings: Callable[[], Settings],
        api_url: Callable[[], str],
        *,
        client: Callable[[Settings], Client] | None = None,
        hasty_client: Callable[[Settings], Client] | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Prepare it; nothing is read or sent.

        Args:
            settings: Gives the settings, or raises ConfigurationError; called when a request is due.
            api_url: Gives the API's address alone, for which no key is needed.
            client: Makes the client.
            hasty_client: Makes the client of previews, which gives up soon.
            clock: Time; the real one unless a test says otherwise.
        """
        self._settings = settings
        self._api_url = api_url
        self._make_client = client
        self._make_hasty_client = hasty_client
        self._clock = clock
        self._memory = _check.HashMemory()
        self._recorded: dict[str, Recorded] = {}
        self._turns = Turns()
        self._known_operations: Operations | None = None
        self._lock = threading.Lock()

    def check(
        self,
        kind: Kind,
        urn: str,
        olds: Mapping[str, Any],
        news: Mapping[str, Any],
        *,
        autonaming: Autonaming | None = None,
    ) -> Checked:
        """Validate inputs; fill in the content hash and the name. Never calls the API."""
        return _check.check(kind, urn, olds, news, self._memory, autonaming=autonaming)

    def diff(self, kind: Kind, urn: str, state: Mapping[str, Any], inputs: Mapping[str, Any]) -> Difference:
        """Compare the recorded state with checked inputs; remembers the row, so that `create` knows its own."""
        if kind is Kind.SNAPSHOT and urn:
            with self._lock:
                self._recorded[urn] = Recorded.of(state)
        return _diff.diff(kind, state, inputs)

    def preview(self, kind: Kind, inputs: Mapping[str, Any], log: Log) -> dict[str, Any]:
        """The outputs of a create as far as they are known before; says on the row what it would do."""
        self._operations().forecast(inputs, log)
        return {**dict.fromkeys(kind.computed, UNKNOWN), **inputs}

    def create(self, kind: Kind, urn: str, inputs: Mapping[str, Any], log: Log) -> Created:
        """Build the image and, for a snapshot, put it under its name.

        Raises:
            ConfigurationError: There is no key, or a setting can't be used.
            InvalidInputError: A local file is gone.
            ContentChangedError: A local file changed since the plan.
            APIError: The build failed, the name is another's, or the server can't be reached or refused.
            RunCancelledError: The run was cancelled first.
        """
        with self._lock:
            recorded = self._recorded.get(urn)
        return self._operations().create(kind, urn, inputs, log, recorded=recorded)

    def update(self, kind: Kind, state: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The outputs after a change that only rewrites the state."""
        # An input that the program gives no more leaves the state too.
        return {**{key: state[key] for key in kind.computed if key in state}, **inputs}

    def read(self, kind: Kind, state: Mapping[str, Any], log: Log = no_log) -> dict[str, Any] | None:
        """The outputs as the server has them now; None if the row is gone.

        Raises:
            ConfigurationError: The row lives at another address than the configured one, or there is no key.
            APIError: The server can't be reached, or refused: the state stays as it is.
        """
        return self._operations().read(kind, state, log)

    def import_(self, kind: Kind, urn: str, id_: str, log: Log) -> Imported | None:
        """A resource out of its row alone; None if there is none.

        Args:
            kind: Which resource.
            urn: Its URN.
            id_: A snapshot's name, or an image's content hash.
            log: Its row.

        Raises:
            InvalidInputError: The row can't be declared, is not ready, or holds more than fits into a state.
            ConfigurationError: There is no key, or a setting can't be used.
            APIError: The server can't be reached, or refused.
        """
        return self._operations().import_(kind, urn, id_, log)

    def delete(self, kind: Kind, urn: str, state: Mapping[str, Any], log: Log) -> None:
        """Delete a snapshot's row, if it is the one that was recorded; an image just leaves the state.

        Raises:
            ConfigurationError: The row lives at another address than the configured one, or there is no key.
            APIError: The server can't be reached, or refused.
        """
        if kind is not Kind.IMAGE:
            self._operations().delete(urn, state, log)

    def get_snapshot(self, name: str) -> dict[str, Any]:
        """One named snapshot; see `lookup`."""
        return self._operations().get_snapshot(name)

    def get_snapshots(self) -> dict[str, Any]:
        """All named snapshots; see `lookup`."""
        return self._operations().get_snapshots()

    def get_image(self, content_hash: str) -> dict[str, Any]:
        """One build, by its content hash; see `lookup`."""
        return self._operations().get_image(content_hash)

    def hash_manifest(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The content hash of a manifest in the declared form, `UNKNOWN` as long as a part of it is not known.

        Args:
            given: The ``manifest``, and in ``secretPaths`` where secrets stand in it.

        Raises:
            InvalidInputError: Every mistake, with its path.
        """
        inputs = {key: given.get(key) for key in ("manifest", "secretPaths")}
        checked = self.check(Kind.IMAGE, "", {}, inputs)
        if checked.problems:
            raise InvalidInputError(checked.problems)
        return {"contentHash": checked.inputs["contentHash"]}

    def cancel(self) -> None:
        """Begin no further build, and stop waiting for those of others; a build that is under way is let finish."""
        self._turns.cancel()

    def settle(self, seconds: float) -> None:
        """Cancel, and wait for what would be half done otherwise: this process is about to be ended.

        Args:
            seconds: The longest wait.
        """
        self._turns.settle(seconds)

    def close(self) -> None:
        """Close the connections."""
        if self._known_operations is not None:
            self._known_operations.close()

    def _operations(self) -> Operations:
        with self._lock:
            if self._known_operations is None:
                from .operations import Operations  # noqa: PLC0415 - see above

                self._known_operations = Operations(
                    self._settings,
                    self._api_url,
                    self._turns,
                    self._memory,
                    client=self._make_client,
                    hasty_client=self._make_hasty_client,
                    clock=self._clock,
                )
            return self._known_operations
