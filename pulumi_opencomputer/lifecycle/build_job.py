"""One build for a resource: the content, the requests for it, and its messages."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from ..api.run_lock import this_run
from ..api.spool import SpooledBody
from ..content.hashing import content_hash
from ..content.request_body import BuildRequest
from ..errors import (
    APIError,
    BuildFailedError,
    InvalidInputError,
    OpenComputerError,
    Problem,
    RunCancelledError,
    TimedOutError,
)
from ..manifest.describe import describe_steps
from ..manifest.paths import join
from ..manifest.places import Places
from ..manifest.prepared import PreparedManifest, prepare
from ..manifest.secrets import Secrets
from ..sanitize import excerpt, quoted
from .build_log import LONGEST_LINE, BuildLog
from .failure_hints import hint_for
from .names import RUN_KEY, Origin, mark
from .progress import BuildProgress
from .source import Source
from .types import DEFAULT_TIMEOUT

#: The minimum seconds for each request of a committed job, even if its time limit is over.
TO_THE_END = 120.0
# Seconds. A resource that came from the cache more quickly gets no "ready" line.
_WORTH_TELLING = 1.0
_LONGEST_CALL = 120
# Bytes.
_LARGE = 1_000_000
_WITHHELD = "The server's text is withheld, because the step holds a secret."


class Job:
    """The build of one resource's content.

    Attributes:
        urn: The resource's URN.
        manifest: The manifest in the declared form.
        content_hash: The planned content hash, 64 hex digits.
        variant: Which variant of the content is built; 0 is the content itself.
        predecessor: The id of the record in the state. The new record stores it as the one that it replaces.
        lineage: With versions, the ids of all versions in the state. The new record stores these too.
        log: The build's log.
        progress: Shows the running build.
        committed: Whether the job must be finished even if the run is cancelled or the time limit is over.
    """

    def __init__(
        self,
        urn: str,
        inputs: Mapping[str, Any],
        log: BuildLog,
        *,
        source: Source | None = None,
        places: Places | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read the inputs.

        Args:
            urn: The resource's URN.
            inputs: Its checked inputs.
            log: The build's log.
            source: The content, if the inputs name a source snapshot instead of a manifest.
            places: Where the program declares the resource and its steps.
            clock: A monotonic clock, in seconds.

        Raises:
            InvalidInputError: A local file no longer exists, or can't be read.
        """
        self.urn = urn
        self.manifest = source.manifest if source else inputs["manifest"]
        self.content_hash = source.content_hash if source else str(inputs["contentHash"])
        self.log = log
        self._places = places or Places()
        self.variant = 0
        self.predecessor: str | None = None
        self.lineage: tuple[str, ...] = ()
        self._clock = clock
        self._started = clock()
        self._timeout = float(inputs.get("timeout") or DEFAULT_TIMEOUT)
        self._source = source.name if source else ""
        self._secrets = source.secrets if source else Secrets.of_inputs(inputs)
        self._prepared: PreparedManifest | None = None
        self._image: Callable[[int], dict[str, Any]]
        self._descriptions: Sequence[str]
        whole: Sequence[str]
        if source:
            self._image, self._descriptions = source.image, source.descriptions
            whole = self._descriptions
        else:
            prepared = self._prepared = _prepare(inputs["manifest"], self.content_hash, self._secrets)
            self._image, self._descriptions = prepared.image, describe_steps(prepared, self._secrets)
            whole = describe_steps(prepared, self._secrets, LONGEST_LINE)
        self._hashes = {0: source.built_hash if source else self.content_hash}
        self._spools: dict[tuple[str, int], SpooledBody] = {}
        self._kept = ExitStack()
        # Without a lock, other runs on this machine could conclude from the id that this run has ended. So omit it.
        self._run_id = None if this_run().hold() is None else this_run().id
        self._cancelled = False
        self.committed = False
        self.progress = BuildProgress(
            log,
            self._descriptions,
            whole=whole,
            clock=clock,
            redact=self._secrets.scrub,
            withholds=lambda step: self._secrets.in_step(step - 1),
        )

    @property
    def mark(self) -> str:
        """The mark of the resource's records."""
        return mark(self.urn)

    @property
    def has_variants(self) -> bool:
        """Whether there is other content with the same effect. It needs at least one step, which gets an extra key."""
        return bool(self._descriptions)

    def hash_of(self, variant: int) -> str:
        """Return the content hash of a variant, 64 hex digits."""
        if variant not in self._hashes:
            self._hashes[variant] = content_hash(self._image(variant))
        return self._hashes[variant]

    @property
    def size(self) -> int:
        """The approximate size of a request, in bytes: the snapshot's name is left out."""
        return self._request("").size

    @property
    def is_large(self) -> bool:
        """Whether a request is so large that it is worth asking first whether its name is free."""
        return self.size >= _LARGE

    @property
    def is_cancelled(self) -> bool:
        """Whether the run was cancelled."""
        return self._cancelled

    def request(self, name: str) -> BuildRequest:
        """Return the request that creates a snapshot with this content under a name."""
        return self._request(name)

    def spooled_request(self, name: str) -> SpooledBody:
        """Return the same request with its bytes stored: once sent completely, the same bytes can be sent again."""
        key = (name, self.variant)
        if key not in self._spools:
            self._spools[key] = self._kept.enter_context(SpooledBody(self._request(name)))
        return self._spools[key]

    def close(self) -> None:
        """Stop showing the running time, and drop stored requests."""
        self.progress.close()
        self._kept.close()

    def _request(self, name: str) -> BuildRequest:
        image = self._image(self.variant)
        # The record that a source snapshot comes from may lack base or steps, and that changes the hash. Add neither.
        content: dict[str, Any] = {key: image.pop(key) for key in ("base", "steps") if key in image}
        extra = {**image, **Origin.of_urn(self.urn).keys(self.predecessor, self.lineage, self._source)}
        if self._run_id:
            extra[RUN_KEY] = self._run_id
        return BuildRequest(name, content, extra=extra, expected_hash=self.hash_of(self.variant))

    def remaining(self) -> float:
        """Return the seconds left of the resource's time limit. Called before each request and each look at a record.

        Raises:
            TimedOutError: The time limit is over, and the job is not committed.
            RunCancelledError: The run was cancelled, and the job is not committed.
        """
        left = self._timeout - (self._clock() - self._started)
        if self.committed:
            return max(left, TO_THE_END)
        if self._cancelled:
            raise RunCancelledError
        if left <= 0:
            raise TimedOutError(
                f"The build did not end within {self._timeout:g} s. If it needs longer, raise the resource's limit "
                "(timeout= in Python, customTimeouts elsewhere); what the server has built by then is in its cache, "
                "and the next run takes it from there."
            )
        return left

    def cancel(self) -> None:
        """Start no more requests. Let a running one finish: interrupting it would block its content on the server."""
        self._cancelled = True

    def say_cancelled(self) -> None:
        """Log why the job does not end immediately."""
        self.log.info(
            "cancelled: a build that has already started still finishes, because the server would never build its "
            "content again if it was interrupted"
        )

    def commit(self) -> None:
        """From now on ignore cancellation and the time limit: stopping would leave the name undefined."""
        self.committed = True

    def restart_progress(self) -> None:
        """Show the steps from the start, for another request."""
        self.progress.restart()

    def finish(self) -> None:
        """Log that the resource is ready and how long it took, unless it came from the cache almost at once."""
        self.progress.close()
        took = self._clock() - self._started
        if self.progress.has_built or took >= _WORTH_TELLING:
            self.log.info(f"ready in {max(took, 0.1):.1f} s")

    def fail(self, error: OpenComputerError) -> None:
        """End the log of a failed build with the error that the user sees."""
        self.progress.close()
        self.log.fail(str(error))

    def explain(self, error: OpenComputerError) -> None:
        """Complete an error in place: name the step and its place in the program, and redact secrets in all texts."""
        if not isinstance(error, APIError):
            error.args = tuple(self._secrets.scrub(str(part)) for part in error.args)
            return
        if isinstance(error, BuildFailedError) and error.step and error.step <= len(self._descriptions):
            self._explain_step(error, error.step)
        elif isinstance(error, BuildFailedError):
            error.place = self._places.resource
        elif isinstance(error, TimedOutError) and (step := self.progress.running_step()):
            error.add_hint(f"The step that was running: {self._numbered(step)}, at {self._place(step)}.")
        scrubbed = self._secrets.scrub(error.text)
        if scrubbed != error.text:
            error.text = scrubbed

    def _explain_step(self, error: BuildFailedError, step: int) -> None:
        code = "" if error.exit_code is None else f" with exit code {error.exit_code}"
        kind = error.step_type or "unknown type"
        error.reword(f"The build failed at step {step} ({kind}){code}: {self._numbered(step)}.")
        if self._secrets.in_step(step - 1):
            error.withhold(_WITHHELD)
        error.place = self._place(step)
        error.hint = hint_for(error.step_type, error.exit_code, error.text)
        error.last_lines = tuple(line for line in self.progress.last_lines(step) if line not in error.text)

    def _numbered(self, number: int) -> str:
        """Return the number and the description of a step, counted from 1, such as ``[2/5] pip install pandas``."""
        return f"[{number}/{len(self._descriptions)}] {self._descriptions[number - 1]}"

    def _place(self, number: int) -> str:
        """Return where the program declares a step, counted from 1."""
        if self._prepared is None:
            return f"the content of the snapshot {quoted(self._source)}"
        step = self._prepared.model.steps[number - 1]
        path = join(("manifest", "steps", number - 1, step.key))
        call = f".{step.method}(…)" if self._secrets.in_step(number - 1) else excerpt(step.call(), _LONGEST_CALL)
        return self._places.of_step(number - 1, len(self._descriptions), path, call)


def _prepare(manifest: Any, planned_hash: str, secrets: Secrets) -> PreparedManifest:
    try:
        return prepare(manifest, planned_hash)
    except InvalidInputError as error:
        reason = "a local file changed or vanished after the plan was made; run the same command again."
        problems = [Problem(path, secrets.scrub(why)) for path, why in error.problems]
        raise InvalidInputError([*problems, Problem("manifest", reason)]) from None
