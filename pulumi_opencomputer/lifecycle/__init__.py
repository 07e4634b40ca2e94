"""Every decision for both resources: check, diff, create, update, read and delete, without pulumi."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..config import Settings
from ..errors import ConfigurationError, OpenComputerError
from ..logs import Log, ResourceLog, no_log
from . import check as _check
from . import diff as _diff
from . import lookup
from .builds import Builder, Clock
from .forecast import Forecast, hasty_client
from .imports import find_image, find_snapshot, imported
from .job import Job
from .names import scratch_name
from .read import ImageList, read_snapshot, row_outputs
from .snapshots import SnapshotCreation, build_cached, clear_scratch, delete_snapshot
from .turns import Turns
from .types import UNKNOWN, Autonaming, Change, Checked, Created, Difference, Imported, Kind, Recorded, is_unknown

if TYPE_CHECKING:
    from ..answers import Row
    from ..client import Client

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


def _new_client(settings: Settings) -> Client:
    # What the client needs takes as long to load as all the rest, and a run without changes makes no request.
    from ..client import Client  # noqa: PLC0415

    return Client(settings)


class Lifecycle:
    """The lifecycle of snapshots and images against one API, for one run of a provider.

    Thread-safe: many resources are created at a time.
    """

    def __init__(
        self,
        settings: Callable[[], Settings],
        api_url: Callable[[], str],
        *,
        client: Callable[[Settings], Client] = _new_client,
        hasty_client: Callable[[Settings], Client] = hasty_client,
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
        self._clock = clock or Clock(time.sleep, time.time)
        self._memory = _check.HashMemory()
        self._recorded: dict[str, Recorded] = {}
        self._gone: set[str] = set()
        self._known_client: Client | None = None
        self._images = ImageList(self._client, self._clock)
        self._turns = Turns()
        self._forecast = Forecast(lambda: hasty_client(settings()))
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
        self._forecast.tell(inputs, ResourceLog(log))
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
        client = self._client()
        job = Job(urn, inputs, ResourceLog(log))
        try:
            with self._turns.of(job):
                made = self._create_image(client, job) if kind is Kind.IMAGE else self._snapshot(client, job, inputs)
        except OpenComputerError as error:
            job.explain(error)
            raise
        finally:
            job.progress.close()
        job.finish()
        outputs = {**inputs, **made, "builtHash": job.hash_of(job.twin), "apiUrl": self._api_url()}
        return Created(job.content_hash if kind is Kind.IMAGE else str(inputs["name"]), outputs)

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
        self._require_same_api(state)
        if kind is Kind.IMAGE:
            return self._images.read(state)
        return read_snapshot(self._client(), state, self._clock, ResourceLog(log))

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
        find = find_image if kind is Kind.IMAGE else find_snapshot
        row = find(self._client(), id_)
        if row is None:
            return None
        found = imported(kind, urn, row, self._memory)
        for warning in found.warnings:
            ResourceLog(log).warn(str(warning))
        return replace(found, outputs={**found.outputs, "apiUrl": self._api_url()})

    def get_snapshot(self, name: str) -> dict[str, Any]:
        """One named snapshot; see `lookup`."""
        return lookup.get_snapshot(self._client(), name)

    def get_snapshots(self) -> dict[str, Any]:
        """All named snapshots; see `lookup`."""
        return lookup.get_snapshots(self._client())

    def get_image(self, content_hash: str) -> dict[str, Any]:
        """One build, by its content hash; see `lookup`."""
        return lookup.get_image(self._client(), content_hash)

    def hash_manifest(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The content hash of a manifest, without the API; see `lookup`."""
        return lookup.hash_manifest(given, self._memory)

    def cancel(self) -> None:
        """Begin no further build, and stop waiting for those of others; a build that is under way is let finish."""
        self._turns.cancel()

    def settle(self, seconds: float) -> None:
        """Cancel, and wait for what would be half done otherwise: this process is about to be ended.

        Args:
            seconds: The longest wait.
        """
        self._turns.settle(seconds)

    def delete(self, kind: Kind, urn: str, state: Mapping[str, Any], log: Log) -> None:
        """Delete a snapshot's row, if it is the one that was recorded; an image just leaves the state.

        Raises:
            ConfigurationError: The row lives at another address than the configured one, or there is no key.
            APIError: The server can't be reached, or refused.
        """
        if kind is Kind.IMAGE:
            return
        self._require_same_api(state)
        delete_snapshot(self._client(), urn, state, ResourceLog(log), clock=self._clock, gone=self._gone)

    def close(self) -> None:
        """Close the connections."""
        if self._known_client is not None:
            self._known_client.close()

    def _snapshot(self, client: Client, job: Job, inputs: Mapping[str, Any]) -> dict[str, Any]:
        creation = SnapshotCreation(
            client,
            job,
            self._clock,
            recorded=self._recorded.get(job.urn),
            adopt=bool(inputs.get("adopt", False)),
            gone=self._gone,
        )
        row = creation.run(str(inputs["name"]))
        return {**row_outputs(row), "snapshotId": row.id}

    def _create_image(self, client: Client, job: Job) -> dict[str, Any]:
        """The build stays cached when its name is dropped; there is no other way to build without a sandbox."""
        scratch = scratch_name(job.urn)
        row = build_cached(client, Builder(client, job, self._clock), job, scratch)
        clear_scratch(client, scratch)
        return {**_image_outputs(row), "cached": job.progress.from_cache}

    def _client(self) -> Client:
        with self._lock:
            if self._known_client is None:
                self._known_client = self._make_client(self._settings())
            return self._known_client

    def _require_same_api(self, state: Mapping[str, Any]) -> None:
        recorded, configured = state.get("apiUrl"), self._api_url()
        if recorded and recorded != configured:
            raise ConfigurationError(
                f"This resource lives at {recorded}, but the provider is configured for {configured}. Nothing was "
                "changed. Set opencomputer:apiUrl (or OPENCOMPUTER_API_URL) back, or remove the resource from the "
                "state with: pulumi state delete <urn>"
            )


def _image_outputs(row: Row) -> dict[str, Any]:
    outputs = row_outputs(row)
    return {key: outputs[key] for key in ("status", "checkpointId") if key in outputs}
