"""The simulated builder: the cache by content hash, one build at a time for each content, and blocked content."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace

from .clock import Clock
from .faults.rules import Rule
from .history import Build, History
from .options import Options
from .records import NewRecord, Record, SaveError
from .requests import ImageRequest
from .steps import Step
from .store import Store

_LOG = logging.getLogger("pulumi_opencomputer.emulator")
_COMMAND_SECONDS = 300.0
_SANDBOX_SECONDS = 600.0

Emit = Callable[[dict[str, object]], None]


class BuildError(Exception):
    """An image could not be built; the text is the server's message."""


def ignore_event(_event: dict[str, object]) -> None:
    """Ignore a build's event."""


def no_fault(_manifest: Callable[[], bytes]) -> Rule | None:
    """Change no build."""
    return None


class Builder:
    """Returns checkpoints of images, from the cache or after a simulated build.

    Args:
        options: How long steps and waits take.
        store: The records.
        clock: The emulator's time.
        fault_of: Returns the fault that changes the build of a manifest, or None. Its argument reads the manifest.

    Attributes:
        history: The builds so far.
    """

    def __init__(
        self,
        options: Options,
        store: Store,
        clock: Clock,
        fault_of: Callable[[Callable[[], bytes]], Rule | None] = no_fault,
    ) -> None:
        self.history = History(clock)
        self._options = options
        self._store = store
        self._clock = clock
        self._fault_of = fault_of
        self._running: dict[tuple[str, str], asyncio.Future[str]] = {}
        self._tasks: set[asyncio.Task[object]] = set()
        self._runs: set[_Run] = set()
        self._gate = asyncio.Lock()

    async def resolve(self, org_id: str, image: ImageRequest, emit: Emit) -> str:
        """Return the checkpoint of an organisation's image; build it unless it is cached.

        If this is cancelled during the build, the record stays `building`, which blocks the content forever.

        Raises:
            BuildError: A step failed, or waiting for another build of the content timed out.
        """
        if image.invalid:
            raise BuildError(f"invalid image manifest: {image.invalid}")
        # Only one request at a time looks for a record and creates it, so that the next one sees that record.
        async with self._gate:
            record = await asyncio.to_thread(self._cached, org_id, image.content_hash)
            if record and record.status == "ready" and record.checkpoint_id:
                return await self._from_cache(record, record.checkpoint_id, image, emit)
            work = await self._join_or_start(org_id, record, image, emit)
        return await work

    def _cached(self, org_id: str, content_hash: str) -> Record | None:
        record = self._store.by_hash(org_id, content_hash)
        if record and record.checkpoint_id and self._store.is_lost(record.checkpoint_id):
            self._store.drop(record)
            return None
        return record

    def spawn(self, work: Coroutine[object, object, object]) -> None:
        """Run `work` independently of any request."""
        task: asyncio.Task[object] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def cancel(self) -> None:
        """End all builds, with an error for requests that wait for them, and clear the history."""
        for run in self._runs:
            run.cancelled = True
        self._clock.wake()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.history.clear()

    async def _from_cache(self, record: Record, checkpoint_id: str, image: ImageRequest, emit: Emit) -> str:
        await asyncio.to_thread(self._store.touch, record.id)
        if image.label and image.label != record.name:
            await asyncio.to_thread(self._store.label, record.id, image.label)
        emit({"step": 0, "type": "cache_hit", "message": f"Image found in cache (hash={image.content_hash[:12]})"})
        return checkpoint_id

    async def _join_or_start(
        self, org_id: str, record: Record | None, image: ImageRequest, emit: Emit
    ) -> Awaitable[str]:
        if record and record.status == "building" and not self._options.ideal:
            return self._wait_in_vain(image)
        key = (org_id, image.content_hash)
        if key in self._running:
            return asyncio.shield(self._running[key])
        fault = self._fault_of(image.sent.read)
        record_id = await self._claim(org_id, image) or (record.id if record and self._options.ideal else None)
        if fault and fault.outcome == "blocked":
            self.history.end(self.history.start(image.content_hash, image.title), "cancelled")
            return self._wait_in_vain(image)
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        future.add_done_callback(
            lambda done: done.exception()
        )  # Mark the exception as retrieved: often nobody waits for it.
        self._running[key] = future
        build = self._build(key, image, record_id, _Run(emit, fault), future)
        if not self._options.ideal:
            return build
        task = asyncio.create_task(build)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return asyncio.shield(task)

    async def _wait_in_vain(self, image: ImageRequest) -> str:
        await self._clock.sleep(self._options.wait_seconds)
        raise BuildError(f"timed out waiting for image build (hash={image.content_hash[:12]})")

    async def _claim(self, org_id: str, image: ImageRequest) -> str | None:
        new = NewRecord(org_id, image.content_hash, image.label or None, image, "building")
        try:
            return (await asyncio.to_thread(self._store.insert, new)).id
        except SaveError:
            # Like the real server, build anyway. There is no record to update at the end.
            return None

    async def _build(
        self,
        key: tuple[str, str],
        image: ImageRequest,
        record_id: str | None,
        run: _Run,
        future: asyncio.Future[str],
    ) -> str:
        run.build = build = self.history.start(image.content_hash, image.title)
        outcome = "cancelled"
        self._runs.add(run)
        try:
            checkpoint_id = await self._simulate(image.steps, run)
            if record_id:
                # Don't await here: between updating the record and setting the outcome the build must not be cancelled.
                self._store.set_ready(record_id, checkpoint_id)
            future.set_result(checkpoint_id)
            outcome = "ready"
        except BuildError as error:
            outcome = "failed"
            build.log({"step": 0, "type": "error", "message": str(error)})
            if record_id:
                await asyncio.to_thread(self._store.set_failed, record_id)
            future.set_exception(error)
            raise BuildError(f"image build failed: {error}") from None
        finally:
            del self._running[key]
            self._runs.discard(run)
            self.history.end(build, outcome)
            if not future.done():
                future.set_exception(BuildError("context canceled"))
            _LOG.info("simulated build of %s: %s", image.content_hash[:12], outcome)
        return checkpoint_id

    async def _simulate(self, steps: tuple[Step, ...], run: _Run) -> str:
        if self._options.no_workers:
            raise BuildError("no workers available: no worker in this region")
        count = len(steps)
        sandbox = f"sb-build-{uuid.uuid4().hex[:8]}"
        run.log(0, "build", f"Building image with {count} steps (sandbox={sandbox})")
        left = _SANDBOX_SECONDS
        for index, step in enumerate(steps):
            if step.announced or not step.refusal:
                run.log(index + 1, step.type, f"Step {index + 1}/{count}: {step.description}")
            if step.refusal:
                raise BuildError(f"step {index} ({step.type}): {step.refusal}")
            left -= await self._run_step(index, run.changed(step, index, count), run, left)
            run.log(index + 1, step.type, f"Step {index + 1}/{count} completed")
        if not count:
            run.raise_if_failing()
        run.log(count + 1, "checkpoint", "Creating checkpoint...")
        return str(uuid.uuid4())

    async def _run_step(self, index: int, step: Step, run: _Run, left: float) -> float:
        failure = await asyncio.to_thread(step.failure)
        refused = failure is not None and step.stderr is None
        seconds = self._options.step_seconds + (0.0 if refused else step.seconds)
        limit = min(left, _COMMAND_SECONDS)
        for line in step.output:
            run.log(index + 1, "output", line)
        await self._clock.sleep(min(seconds, limit), unless=lambda: run.cancelled)
        if run.cancelled:
            raise BuildError("context canceled")
        if seconds > limit:
            raise BuildError(f"step {index} ({step.type}) exec failed: deadline exceeded")
        if failure:
            raise BuildError(f"step {index} ({step.type}) failed (exit {failure.exit}): {failure.stderr}")
        return seconds


class _Run:
    """A running build: where its events go, and how a fault changes it."""

    def __init__(self, emit: Emit, fault: Rule | None) -> None:
        self._emit = emit
        self._fault = fault
        self.build: Build | None = None
        self.cancelled = False

    def log(self, step: int, kind: str, message: str) -> None:
        event: dict[str, object] = {"step": step, "type": kind, "message": message}
        if self.build:
            self.build.log(event)
        self._emit(event)

    def changed(self, step: Step, index: int, count: int) -> Step:
        fault = self._fault
        if fault is None:
            return step
        step = replace(step, seconds=step.seconds + fault.seconds)
        if index + 1 != (fault.step or count):
            return step
        step = replace(step, output=tuple(map(str, fault.output)))
        return replace(step, stderr=fault.stderr, exit=fault.exit) if fault.outcome == "fail" else step

    def raise_if_failing(self) -> None:
        if self._fault and self._fault.outcome == "fail":
            raise BuildError(f"failed to create checkpoint: {self._fault.stderr}")
