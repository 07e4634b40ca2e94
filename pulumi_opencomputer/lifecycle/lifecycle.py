"""Every decision about resources: check, diff, create, update, read, delete and import. Does not import pulumi."""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..config import LogSettings, Settings
from ..errors import InvalidInputError, OpenComputerError
from ..manifest.places import Places
from .check_name import name_taken
from .check_size import list_warnings
from .kind import Kind
from .kinds import IMAGE
from .located import located
from .log import Log, ResourceLog, no_log
from .preview import MOST_LINES, Forecast
from .read_replica import FULL_LIST
from .run import Run
from .types import UNKNOWN, Autonaming, Checked, Clock, Created, Difference, Imported, is_unknown
from .work import Work

if TYPE_CHECKING:
    from ..api.client import Client
    from ..api.record_list import RecordList
    from ..api.records import Record
    from .build_job import Job


class Lifecycle:
    """The lifecycle of resources against one API, for one run of a provider.

    Thread-safe: many resources are created at the same time.
    """

    def __init__(
        self,
        settings: Callable[[], Settings],
        api_url: Callable[[], str],
        *,
        client: Callable[[Settings], Client] | None = None,
        hasty_client: Callable[[Settings], Client] | None = None,
        clock: Clock | None = None,
        logs: Callable[[], LogSettings] = LogSettings,
        run_log: Log = no_log,
    ) -> None:
        """Prepare the lifecycle; nothing is read or sent.

        Args:
            settings: Returns the settings, or raises ConfigurationError; called before the first request.
            api_url: Returns only the API's address, for which no key is needed.
            client: Makes the client.
            hasty_client: Makes the client of previews, which gives up quickly.
            clock: Time; tests inject their own.
            logs: Returns the settings for the logs of builds, or raises ConfigurationError.
            run_log: Takes the lines that concern no single resource.
        """
        self._foretold = itertools.count(1)

        def new_run() -> Run:
            return Run(lambda: (client or _client)(settings()), api_url, clock or Clock(time.sleep, time.time), logs)

        self._new_run = new_run
        self._run = self._new_run()
        self._forecast = Forecast(lambda: (hasty_client or _hasty_client)(settings()), ResourceLog(run_log), logs)

    def begin_run(self) -> None:
        """Forget an earlier run: a plugin that an engine finds running may serve several runs.

        The settings may differ, records may have changed, and the earlier run may have been cancelled. Only the hashes
        of local files stay. The earlier run's connections are not closed, since it may still finish a build.
        """
        run = self._new_run()
        run.memory = self._run.memory
        self._run = run
        self._foretold = itertools.count(1)
        self._forecast.begin()

    def end_run(self) -> None:
        """Show what can be shown only after the last resource. The engine is about to end this process."""
        self._forecast.end()

    def check(
        self,
        kind: Kind,
        urn: str,
        olds: Mapping[str, Any],
        news: Mapping[str, Any],
        *,
        autonaming: Autonaming | None = None,
        places: Places | None = None,
    ) -> Checked:
        """Validate inputs; fill in the content hash and the name. Never calls the API.

        Args:
            kind: Which kind of resource.
            urn: Its URN.
            olds: The checked inputs of the last deployment.
            news: The program's inputs.
            autonaming: The user's settings for generated names, if any.
            places: Where the program declares it; shown with each problem, and with a build that fails.
        """
        self._run.known.note_places(urn, places or Places())
        checked = kind.check(urn, olds, news, self._run.memory, autonaming=autonaming)
        if not checked.problems and (other := self._run.known.declare(urn, kind.fixed_name(checked.inputs))):
            checked = Checked(dict(news), (name_taken(other),))
        if not checked.problems:
            warnings = [*checked.warnings, *kind.warnings(checked.inputs, self._run.api_url)]
            if total := self._run.known.count(urn, kind.records(checked.inputs), FULL_LIST):
                warnings += list_warnings(total, self._run.api_url)
            checked = replace(checked, warnings=tuple(warnings))
        return located(checked, places) if places and checked.problems else checked

    def hides_changes(self, urn: str) -> bool:
        """Tell whether the program hides the differences of a resource's manifest; False before its check."""
        return self._run.known.places_of(urn).hides_changes

    def diff(
        self, kind: Kind, urn: str, state: Mapping[str, Any], inputs: Mapping[str, Any], log: Log = no_log
    ) -> Difference:
        """Compare the recorded state with checked inputs; log which other records the deployment will delete."""
        self._run.known.note(urn, state)
        found = kind.diff(state, inputs)
        if found.changes and (said := kind.foretell(state, inputs)):
            self._foretell(ResourceLog(log), said)
        return found

    def _foretell(self, log: ResourceLog, said: str) -> None:
        """Log what a deployment deletes; after the first few resources of a run, only show it on the status line."""
        number = next(self._foretold)
        if number < MOST_LINES:
            log.info(said)
        elif number == MOST_LINES:
            log.info(f"{said}; for further resources this is only shown on their status lines")
        else:
            log.status(said)

    def preview(self, kind: Kind, urn: str, inputs: Mapping[str, Any], log: Log) -> dict[str, Any]:
        """Return the outputs of a create as far as a preview knows them; show what the create would do."""
        concerns = functools.partial(kind.concerns, self._run, urn, inputs)
        self._forecast.tell(inputs, ResourceLog(log), urn, concerns)
        return {**dict.fromkeys(kind.unknown_outputs(inputs), UNKNOWN), **inputs}

    def preview_update(
        self, kind: Kind, urn: str, state: Mapping[str, Any], inputs: Mapping[str, Any], log: Log
    ) -> dict[str, Any]:
        """Return the outputs of an update as far as a preview knows them; show what the update would do."""
        outputs, changes = kind.preview_update(state, inputs)
        if changes and is_unknown(outputs.get("snapshotId")):
            concerns = functools.partial(kind.concerns, self._run, urn, inputs)
            self._forecast.tell(inputs, ResourceLog(log), urn, concerns)
        elif changes:
            self._forecast.say(f"kept: goes back to {outputs['name']} at once", ResourceLog(log), urn)
        return outputs

    def create(self, kind: Kind, urn: str, inputs: Mapping[str, Any], log: Log) -> Created:
        """Build the image and, for a snapshot, give it its name.

        Raises:
            ConfigurationError: There is no key, or a setting can't be used.
            InvalidInputError: A local file no longer exists.
            ContentChangedError: A local file has changed since the check.
            APIError: The build failed, the name is taken, or the server can't be reached or refused.
            RunCancelledError: The run was cancelled first.
        """
        with self._job(kind, urn, inputs, ResourceLog(log)) as job:
            made = {**kind.create(self._run, job, inputs), "contentHash": job.content_hash}
        outputs = {**inputs, **made, "apiUrl": self._run.api_url()}
        self._run.known.note(urn, outputs)
        self._run.known.note_made(outputs)
        return Created(kind.id_of(urn, inputs), outputs)

    def update(
        self, kind: Kind, urn: str, state: Mapping[str, Any], inputs: Mapping[str, Any], log: Log = no_log
    ) -> dict[str, Any]:
        """Carry out a change that does not replace the resource. Most updates only rewrite the state.

        Raises:
            ConfigurationError: It lives at a different address from the configured one, or there is no key.
            APIError: The build failed, the name is taken, or the server can't be reached or refused.
            RunCancelledError: The run was cancelled first.
        """
        self._run.known.note(urn, state)
        lines, limit = ResourceLog(log), inputs.get("updateTimeout") or inputs.get("timeout")
        work = Work(lines, limit, lambda: self._job(kind, urn, {**inputs, "timeout": limit}, lines))
        outputs = kind.update(self._run, urn, state, inputs, work)
        self._run.known.note(urn, outputs)
        if outputs.get("snapshotId") != state.get("snapshotId"):
            self._run.known.note_made(outputs)
        return outputs

    @contextmanager
    def _job(self, kind: Kind, urn: str, inputs: Mapping[str, Any], log: ResourceLog) -> Iterator[Job]:
        """Wait for the turn to build the inputs, then run the block with the build's job."""
        from .build_job import Job

        self._run.client()
        source, places = kind.source(self._run, inputs, log), self._run.known.places_of(urn)
        job = Job(urn, inputs, self._run.build_log(urn, log), source=source, places=places)
        try:
            with self._run.queue.acquire(job):
                yield job
        except OpenComputerError as error:
            job.explain(error)
            job.fail(error)
            raise
        finally:
            job.close()
        job.finish()

    def read(self, kind: Kind, urn: str, state: Mapping[str, Any], log: Log = no_log) -> dict[str, Any] | None:
        """Read the outputs as the server has them now; None if the record is gone.

        Raises:
            ConfigurationError: The resource lives at a different address from the configured one, or there is no key.
            APIError: The server can't be reached, or refused. The state stays as it is.
        """
        self._run.known.note(urn, state)
        self._run.require_same_api(state)
        return kind.read(self._run, state, ResourceLog(log))

    def import_(self, kind: Kind, urn: str, id_: str, log: Log) -> Imported | None:
        """Make a resource from its record alone; return None if there is no such record.

        Args:
            kind: Which kind of resource.
            urn: Its URN.
            id_: A snapshot's name or an image's content hash, alone or with the paths of secrets; see `importing`.
            log: Shows its lines.

        Raises:
            InvalidInputError: The record can't be declared, is not ready, or is too large for a state.
            ConfigurationError: There is no key, or a setting can't be used.
            APIError: The server can't be reached, or refused.
        """
        from .importing import parse_id, require_paths

        wanted, secrets = parse_id(id_)
        record = self.look(kind, wanted)
        if record is None:
            return None
        found = self.import_record(kind, urn, record)
        require_paths(found.inputs["manifest"], secrets)
        for warning in found.warnings:
            ResourceLog(log).warn(str(warning))
        return replace(found, id=wanted, secrets=secrets)

    def look(self, kind: Kind, id_: str) -> Record | None:
        """Find the record for an id in Pulumi, with its manifest; None if there is none.

        Raises:
            InvalidInputError: It is not an id of this kind.
            ConfigurationError: There is no key, or a setting can't be used.
            APIError: The server can't be reached, or refused.
        """
        return kind.find(self._run, id_)

    def import_record(self, kind: Kind, urn: str, record: Record) -> Imported:
        """Make a resource from a record that was looked up.

        Raises:
            InvalidInputError: The record can't be declared, is not ready, or is too large for a state.
        """
        found = kind.import_(self._run, urn, record)
        return replace(
            found, outputs={**found.outputs, "apiUrl": self._run.api_url()}, id=kind.id_of(urn, found.inputs)
        )

    def delete(self, kind: Kind, urn: str, state: Mapping[str, Any], log: Log) -> None:
        """Delete a resource's record, if it is the one that the state names.

        Raises:
            ConfigurationError: The resource lives at a different address from the configured one, or there is no key.
            APIError: The server can't be reached, or refused.
        """
        kind.delete(self._run, urn, state, ResourceLog(log))
        self._run.known.forget(urn, state)

    def get_snapshot(self, name: str) -> dict[str, Any]:
        """Look up one named snapshot; see `functions`."""
        from . import functions

        return functions.get_snapshot(self._run.client(), name, self._run.api_url())

    def get_snapshots(self) -> dict[str, Any]:
        """List all named snapshots; see `functions`."""
        from . import functions

        return functions.get_snapshots(self._run.client())

    def get_image(self, content_hash: str) -> dict[str, Any]:
        """Look up one build by its content hash; see `functions`."""
        from . import functions

        return functions.get_image(self._run.client(), content_hash, self._run.api_url())

    def list_records(self, *, images: bool = False) -> RecordList:
        """List the records of named snapshots, or of images; see `functions`."""
        from . import functions

        return functions.list_records(self._run.client(), images=images)

    def hash_manifest(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Compute the content hash of a manifest in the declared form; `UNKNOWN` as long as a part is not known.

        Args:
            given: The ``manifest``, and in ``secretPaths`` the paths of secrets in it.

        Raises:
            InvalidInputError: Every mistake, with its path.
        """
        inputs = {key: given.get(key) for key in ("manifest", "secretPaths")}
        checked = self.check(IMAGE, "", {}, inputs)
        if checked.problems:
            raise InvalidInputError(checked.problems)
        return {"contentHash": checked.inputs["contentHash"]}

    def cancel(self) -> None:
        """Start no more builds, and stop waiting for those of other resources. Let running builds finish."""
        self._run.queue.cancel()

    def drain(self, seconds: float) -> None:
        """Cancel, and wait for what must not be left half done, before this process ends.

        Args:
            seconds: The longest wait.
        """
        self._run.queue.drain(seconds)

    def close(self) -> None:
        """Close the connections."""
        self._run.close()


def _client(settings: Settings) -> Client:
    from ..api.client import Client

    return Client(settings)


def _hasty_client(settings: Settings) -> Client:
    """Make a client with short timeouts and no retries: a preview must not wait for a server that is down."""
    from ..api.client import Client, Timing

    return Client(settings, timing=Timing(connect=3, silence=10, call=20, attempts=1))
