"""The kinds of resources: one class each, with everything that a resource of the kind does.

Most runs change nothing and send no request, so methods import modules that send requests only when they need them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..errors import Problem
from . import check, check_image, check_name, check_source, check_versions, diff, outputs
from .check_size import size_warnings
from .history import Version, history_of, kept_version, planned_deletes
from .kind import Kind
from .names import resource_of
from .types import UNKNOWN, Autonaming, Difference, Imported

if TYPE_CHECKING:
    from ..api.client import Client
    from ..api.records import Record
    from .build_job import Job
    from .log import ResourceLog
    from .run import Run
    from .source import Source
    from .work import Work


class Image(Kind):
    """A build, cached by the server under its content hash. The API can't delete one."""

    name = "Image"
    outputs = outputs.IMAGE

    def id_of(self, _urn: str, inputs: Mapping[str, Any]) -> str:
        """Return the content hash."""
        return str(inputs["contentHash"])

    def create(self, run: Run, job: Job, _inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Build under a scratch name, then delete the name; the build stays cached.

        The API has no other way to build without starting a sandbox.
        """
        from .build_with_recovery import Builder
        from .scratch import Scratch

        run.account.require_for_build(run.known.of(job.urn))
        scratch = Scratch(run, Builder(run, job), job)
        built = scratch.build_over()
        scratch.clear()
        return {**outputs.created(self.outputs, built.record), "cached": built.from_cache}

    def read(self, run: Run, state: Mapping[str, Any], log: ResourceLog) -> dict[str, Any] | None:
        """Look up the build in the list of images."""
        return run.images.read(state, log)

    def delete(self, run: Run, urn: str, state: Mapping[str, Any], log: ResourceLog) -> None:
        """Delete only what an interrupted run may have left. The image leaves the state; the build stays cached."""
        from .scratch import clear_for_good

        run.require_same_api(state)
        clear_for_good(run, urn, state, log)

    def find(self, run: Run, id_: str) -> Record | None:
        """Return the build with a content hash; None if there is none."""
        from . import importing

        return importing.find_image(run.client(), id_)

    def import_(self, run: Run, urn: str, record: Record) -> Imported:
        """Make an image from its build."""
        from . import importing

        what = f"the image {record.content_hash[:12]}"
        found = importing.declare(record, what)
        checked = importing.checked(check.check(self, urn, {}, found, run.memory, from_record=True), record, what)
        made = {**outputs.created(self.outputs, record), "cached": True}
        return Imported(checked.inputs, {**checked.inputs, **made}, checked.warnings)


class Snapshot(Kind):
    """A name that sandboxes start from."""

    name = "Snapshot"
    outputs = outputs.SNAPSHOT
    own_inputs = (
        *("name", "adopt", "nameGenerated", "imageHash", "keep", "updateTimeout", "deleteTimeout"),
        *("sourceSnapshot", "sourceHash"),
    )

    def unknown_outputs(self, inputs: Mapping[str, Any], /) -> Sequence[str]:
        """The same as for every kind, except that there are `versions` only with `keep`."""
        keeps = inputs.get("keep") is not None
        return [key for key in super().unknown_outputs(inputs) if keeps or key != outputs.VERSIONS.name]

    def diff(self, state: Mapping[str, Any], inputs: Mapping[str, Any]) -> Difference:
        """Compare the recorded state with checked inputs. With `keep`, no change replaces the resource."""
        found = self._compare(state, inputs)
        if planned_deletes(state, inputs, changes=False) and "keep" not in found.updates:
            # An earlier update could not delete some versions, so try again.
            found = replace(found, updates=(*found.updates, "versions"))
        return found if inputs.get("keep") is None else found.as_update()

    def _compare(self, state: Mapping[str, Any], inputs: Mapping[str, Any]) -> Difference:
        """Return what differs; `replaces` has everything that needs another record, even with `keep`."""
        # A generated name follows the content, so it is not compared, even if the URN has changed since.
        generated = state.get("nameGenerated") and inputs.get("nameGenerated")
        # The content of a source snapshot is known only if the program gives its hash. If not, compare the source's
        # name: the content of a version never changes.
        content = "sourceSnapshot" if inputs.get("contentHash") is None else "contentHash"
        decisive = (content,) if generated else (content, "name")
        settings = [key for key in ("keep", "sourceSnapshot", "sourceHash") if key != content]
        return diff.diff(decisive, state, inputs, settings)

    def problems(self, inputs: Mapping[str, Any], autonaming: Autonaming | None, /) -> list[Problem]:
        """Every mistake in the name and the options of a snapshot."""
        found = [
            *check_name.snapshot_problems(inputs),
            *check_versions.keep_problems(inputs),
            *check_source.source_problems(inputs),
        ]
        if inputs.get("name") is None and autonaming is not None:
            found += check_name.autonaming_problems(autonaming)
        return found

    def fill_in(
        self, urn: str, olds: Mapping[str, Any], inputs: dict[str, Any], autonaming: Autonaming | None, /
    ) -> list[Problem]:
        """Generate a name if the program gives none, and compare the content with that of the Image in the inputs."""
        image_hash = inputs.pop("imageHash", None)
        problems = [] if "sourceSnapshot" in inputs else check_image.image_problems(olds, inputs, image_hash)
        check_name.fill_name(urn, olds, inputs, autonaming)
        check_versions.fill_keep(inputs)
        return problems

    def records(self, inputs: Mapping[str, Any], /) -> int:
        """Its own record, and those of the versions that it keeps."""
        keep = inputs.get("keep")
        return 1 + (keep if isinstance(keep, int) else 0)

    def fixed_name(self, inputs: Mapping[str, Any], /) -> str | None:
        """The name, if the program gives one."""
        name = inputs.get("name")
        return name if isinstance(name, str) and not inputs.get("nameGenerated") else None

    def warnings(self, inputs: Mapping[str, Any], api_url: Callable[[], str], /) -> Iterable[Problem]:
        """Warnings about a large manifest."""
        return size_warnings(inputs.get("manifest"), self.fixed_name(inputs), api_url)

    def concerns(self, run: Run, urn: str, inputs: Mapping[str, Any], client: Client, /) -> Iterable[str]:
        """Yield a warning if the name is taken, and one if patches will be lost."""
        from .concerns import concerns_of

        return concerns_of(run, urn, inputs, client)

    def id_of(self, urn: str, inputs: Mapping[str, Any]) -> str:
        """Return the snapshot's name. With `keep`, where the name changes, return an id that no snapshot can have."""
        return str(inputs["name"]) if inputs.get("keep") is None else f"{resource_of(urn)}/versions"

    def source(self, run: Run, inputs: Mapping[str, Any], log: ResourceLog, /) -> Source | None:
        """The content of the snapshot that `sourceSnapshot` names, if it is given."""
        if inputs.get("sourceSnapshot") is None:
            return None
        from .find_source import fetch

        return fetch(run, inputs, log)

    def create(self, run: Run, job: Job, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Build the image, and give it the name."""
        from .concerns import tell_of_lost_patches
        from .create_snapshot import SnapshotCreation
        from .ownership import Ownership

        ownership = Ownership(job.urn, run.known, adopt=bool(inputs.get("adopt", False)))
        tell_of_lost_patches(job, ownership.recorded, str(inputs["name"]), run.client())
        record = SnapshotCreation(run, job, ownership).run(str(inputs["name"]))
        return self.outputs_of(record, inputs, job.content_hash)

    def outputs_of(self, record: Record, inputs: Mapping[str, Any], content_hash: str) -> dict[str, Any]:
        """The outputs that come from a new record; with `keep` it is the first of `versions`."""
        made = super().outputs_of(record, inputs, content_hash)
        if inputs.get("keep") is not None:
            made["versions"] = [Version.of_record(record, content_hash).values]
        return made

    def update(
        self, run: Run, urn: str, state: Mapping[str, Any], inputs: Mapping[str, Any], work: Work
    ) -> dict[str, Any]:
        """Switch to another version if the content changed, and delete the versions that are no longer kept."""
        kept = {key: state[key] for key in (*self.computed, "name", "contentHash") if key in state}
        if "versions" not in state and inputs.get("keep") is None:
            return {**inputs, **kept}
        from .versions import VersionUpdate

        changes = bool(self._compare(state, inputs).replaces)
        if changes or planned_deletes(state, inputs, changes=False):
            run.require_same_api(state)
        update, versions = VersionUpdate(run, urn, state, inputs, work), history_of(state)
        if changes:
            record, versions = update.change()
            # A version's recorded time wins over the record's: the public endpoint gives only whole seconds.
            kept = {**outputs.created(self.outputs, record), **versions[0].values, "apiUrl": run.api_url()}
        if changes or planned_deletes(state, inputs, changes=False):
            versions = update.trim(versions)
        kept["versions"] = [each.values for each in versions]
        if inputs.get("keep") is None and len(versions) == 1:
            del kept["versions"]
        return {**inputs, **kept}

    def preview_update(self, state: Mapping[str, Any], inputs: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
        """The outputs as far as they are known; those of a kept version that is used again are in the state."""
        if inputs.get("keep") is None or not self._compare(state, inputs).replaces:
            known = {key: state[key] for key in (*self.computed, "name", "contentHash") if key in state}
            return {**inputs, **known}, False
        version = kept_version(state, inputs)
        known = version.values if version else {}
        same = {key: state[key] for key in ("apiUrl", "orgId") if key in state}
        return {**dict.fromkeys(self.unknown_outputs(inputs), UNKNOWN), **inputs, **same, **known}, True

    def foretell(self, state: Mapping[str, Any], inputs: Mapping[str, Any], /) -> str | None:
        """Name the versions that will be deleted."""
        replaces = bool(self._compare(state, inputs).replaces)
        keeps = inputs.get("keep") is not None
        going = planned_deletes(state, inputs, changes=replaces and keeps)
        if not going:
            return None
        names = ", ".join(each.name for each in going)
        when = "once the new one is there" if replaces else "with this update"
        return f"{'the version' if len(going) == 1 else 'the versions'} {names} will be deleted, {when}"

    def read(self, run: Run, state: Mapping[str, Any], log: ResourceLog) -> dict[str, Any] | None:
        """Look up the name, and the kept versions if there are any."""
        from .read import read_snapshot

        found = read_snapshot(run, state, log)
        if "versions" not in state:
            return found
        from .versions import read_versions

        return read_versions(run, state, found, log)

    def delete(self, run: Run, urn: str, state: Mapping[str, Any], log: ResourceLog) -> None:
        """Delete the record if it is the one in the state. Someone else's record under the name stays."""
        from .delete import delete_snapshot
        from .read_replica import age
        from .scratch import clear_left
        from .waiting import YOUNG

        run.require_same_api(state)
        # Delete the record last: while the index lags, a later run can't tell a deleted record from one that is not
        # shown yet.
        is_clear = clear_left(run, urn)
        if "versions" in state:
            from .versions import delete_versions

            delete_versions(run, urn, state, log)
        delete_snapshot(run, urn, state, log)
        if not is_clear and age(state, run.clock.now()) < YOUNG:
            # That may have waited until the index showed the record, so by now it shows what else was left then.
            clear_left(run, urn)

    def find(self, run: Run, id_: str) -> Record | None:
        """Return the record under a name; None if there is none."""
        from . import importing

        return importing.find_snapshot(run.client(), id_)

    def import_(self, run: Run, urn: str, record: Record) -> Imported:
        """Make a snapshot from its record."""
        from . import importing

        what = f"the snapshot {record.name!r}"
        found = {**importing.declare(record, what), "name": record.name}
        checked = importing.checked(check.check(self, urn, {}, found, run.memory, from_record=True), record, what)
        made = outputs.created(self.outputs, record)
        return Imported(checked.inputs, {**checked.inputs, **made}, checked.warnings)


IMAGE = Image()
SNAPSHOT = Snapshot()

#: Every kind, by its name.
KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (IMAGE, SNAPSHOT)}
