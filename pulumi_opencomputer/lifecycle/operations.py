"""What asks the server: create, read, delete, import, and a program's own questions.

`Lifecycle` says what each does, and what it raises.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..api.client import Client
from ..config import Settings
from ..errors import ConfigurationError, OpenComputerError
from . import functions
from .build_job import Job
from .build_queue import Turns
from .build_with_recovery import Builder, Clock
from .check import HashMemory
from .create_snapshot import SnapshotCreation, build_over, clear_scratch, delete_snapshot
from .importing import find_image, find_snapshot, imported
from .names import scratch_name
from .preview import Forecast
from .preview import hasty_client as _hasty_client
from .progress import Log, ResourceLog
from .read import ImageList, read_snapshot, row_outputs
from .types import Created, Imported, Kind, Recorded


class Operations:
    """What one run of a provider asks the server; thread-safe."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        api_url: Callable[[], str],
        turns: Turns,
        memory: HashMemory,
        *,
        client: Callable[[Settings], Client] | None = None,
        hasty_client: Callable[[Settings], Client] | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Prepare it; nothing is read or sent.

        Args:
            settings: As `Lifecycle` has it.
            api_url: As `Lifecycle` has it.
            turns: Whose turn it is to build.
            memory: The hashes already computed in this process.
            client: As `Lifecycle` has it.
            hasty_client: As `Lifecycle` has it.
            clock: As `Lifecycle` has it.
        """
        self._settings = settings
        self._api_url = api_url
        self._turns = turns
        self._memory = memory
        self._make_client = client or Client
        self._clock = clock or Clock(time.sleep, time.time)
        self._gone: set[str] = set()
        self._known_client: Client | None = None
        self._images = ImageList(self._client, self._clock)
        self._forecast = Forecast(lambda: (hasty_client or _hasty_client)(settings()))
        self._lock = threading.Lock()

    def forecast(self, inputs: Mapping[str, Any], log: Log) -> None:
        """Say on a resource's row what a create would do."""
        self._forecast.tell(inputs, ResourceLog(log))

    def create(
        self, kind: Kind, urn: str, inputs: Mapping[str, Any], log: Log, *, recorded: Recorded | None
    ) -> Created:
        """Build an image and, for a snapshot, put it under its name."""
        client = self._client()
        job = Job(urn, inputs, ResourceLog(log))
        try:
            with self._turns.of(job):
                if kind is Kind.IMAGE:
                    made = self._create_image(client, job)
                else:
                    made = self._create_snapshot(client, job, inputs, recorded)
        except OpenComputerError as error:
            job.explain(error)
            raise
        finally:
            job.progress.close()
        job.finish()
        outputs = {**inputs, **made, "builtHash": job.hash_of(job.twin), "apiUrl": self._api_url()}
        return Created(job.content_hash if kind is Kind.IMAGE else str(inputs["name"]), outputs)

    def read(self, kind: Kind, state: Mapping[str, Any], log: Log) -> dict[str, Any] | None:
        """A resource's outputs as the server has them now; None if the row is gone."""
        self._require_same_api(state)
        if kind is Kind.IMAGE:
            return self._images.read(state)
        return read_snapshot(self._client(), state, self._clock, ResourceLog(log))

    def import_(self, kind: Kind, urn: str, id_: str, log: Log) -> Imported | None:
        """A resource out of its row alone; None if there is none."""
        find = find_image if kind is Kind.IMAGE else find_snapshot
        row = find(self._client(), id_)
        if row is None:
            return None
        found = imported(kind, urn, row, self._memory)
        for warning in found.warnings:
            ResourceLog(log).warn(str(warning))
        return replace(found, outputs={**found.outputs, "apiUrl": self._api_url()})

    def delete(self, urn: str, state: Mapping[str, Any], log: Log) -> None:
        """Delete a snapshot's row, if it is the one that was recorded."""
        self._require_same_api(state)
        delete_snapshot(self._client(), urn, state, ResourceLog(log), clock=self._clock, gone=self._gone)

    def get_snapshot(self, name: str) -> dict[str, Any]:
        """One named snapshot."""
        return functions.get_snapshot(self._client(), name)

    def get_snapshots(self) -> dict[str, Any]:
        """All named snapshots."""
        return functions.get_snapshots(self._client())

    def get_image(self, content_hash: str) -> dict[str, Any]:
        """One build, by its content hash."""
        return functions.get_image(self._client(), content_hash)

    def close(self) -> None:
        """Close the connections."""
        if self._known_client is not None:
            self._known_client.close()

    def _create_snapshot(
        self, client: Client, job: Job, inputs: Mapping[str, Any], recorded: Recorded | None
    ) -> dict[str, Any]:
        creation = SnapshotCreation(
            client,
            job,
            self._clock,
            recorded=recorded,
            adopt=bool(inputs.get("adopt", False)),
            gone=self._gone,
        )
        row = creation.run(str(inputs["name"]))
        return {**row_outputs(row), "snapshotId": row.id}

    def _create_image(self, client: Client, job: Job) -> dict[str, Any]:
        """The build stays cached when its name is dropped; there is no other way to build without a sandbox."""
        scratch = scratch_name(job.urn)
        row = build_over(client, Builder(client, job, self._clock), job, scratch)
        clear_scratch(client, scratch)
        outputs = row_outputs(row)
        kept: dict[str, Any] = {key: outputs[key] for key in ("status", "checkpointId") if key in outputs}
        return {**kept, "cached": job.progress.from_cache}

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
