"""The simulated builder: the cache by content, one build at a time for each content, and its blockages."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Coroutine

from .options import Options
from .requests import ImageRequest
from .steps import Step
from .store import NewRecord, Record, SaveError, Store

_LOG = logging.getLogger("pulumi_opencomputer.emulator")
_COMMAND_SECONDS = 300.0
_SANDBOX_SECONDS = 600.0

Emit = Callable[[dict[str, object]], None]


class BuildError(Exception):
    """An image could not be built; the text is what the server answers."""


def ignore_event(_event: dict[str, object]) -> None:
    """Take a build's event where nobody listens."""


class Builder:
    """Gives the checkpoints of images: from the cache, or by a simulated build.

    Attributes:
        history: One entry a build, oldest first: its ``contentHash`` and its ``outcome`` so far.
    """

    def __init__(self, options: Options, store: Store) -> None:
        self.history: list[dict[str, str]] = []
        self._options = options
        self._store = store
        self._running: dict[str, asyncio.Future[str]] = {}
        self._tasks: set[asyncio.Task[object]] = set()
        self._gate = asyncio.Lock()

    async def resolve(self, image: ImageRequest, emit: Emit) -> str:
        """Return the checkpoint of an image, built unless it is cached.

        Cancelled in mid-build, it leaves the build's row `building`, which blocks the content for good.

        Raises:
            BuildError: A step failed, or another build of the content was waited for in vain.
        """
        if image.invalid:
            raise BuildError(f"invalid image manifest: {image.invalid}")
        # One look and claim at a time: who comes second must see the first one's row.
        async with self._gate:
            row = await asyncio.to_thread(self._store.by_hash, image.content_hash)
            if row and row.status == "ready" and row.checkpoint_id:
                return await self._from_cache(row, row.checkpoint_id, image, emit)
            work = await self._join_or_start(row, image, emit)
        return await work

    def spawn(self, work: Coroutine[object, object, object]) -> None:
        """Run `work` apart from any request."""
        task: asyncio.Task[object] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def cancel(self) -> None:
        """Cancel the builds that no request holds, and forget the history."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.history.clear()

    async def _from_cache(self, row: Record, checkpoint_id: str, image: ImageRequest, emit: Emit) -> str:
        await asyncio.to_thread(self._store.touch, row.id)
        if image.label and image.label != row.name:
            await asyncio.to_thread(self._store.label, row.id, image.label)
        _log_to(emit, 0, "cache_hit", f"Image found in cache (hash={image.content_hash[:12]})")
        return checkpoint_id

    async def _join_or_start(self, row: Record | None, image: ImageRequest, emit: Emit) -> Awaitable[str]:
        if row and row.status == "building" and not self._options.ideal:
            return self._wait_in_vain(image)
        if image.content_hash in self._running:
            return asyncio.shield(self._running[image.content_hash])
        row_id = await self._claim(image) or (row.id if row and self._options.ideal else None)
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        future.add_done_callback(lambda done: done.exception())  # Marked as seen: often nobody shares the build.
        self._running[image.content_hash] = future
        build = self._build(image, row_id, emit, future)
        if not self._options.ideal:
            return build
        task = asyncio.create_task(build)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return asyncio.shield(task)

    async def _wait_in_vain(self, image: ImageRequest) -> str:
        await asyncio.sleep(self._options.wait_seconds)
        raise BuildError(f"timed out waiting for image build (hash={image.content_hash[:12]})")

    async def _claim(self, image: ImageRequest) -> str | None:
        new = NewRecord(image.content_hash, image.label or None, image, "building")
        try:
            return (await asyncio.to_thread(self._store.insert, new)).id
        except SaveError:
            # The real server builds all the same, and has no row to mark in the end.
            return None

    async def _build(self, image: ImageRequest, row_id: str | None, emit: Emit, future: asyncio.Future[str]) -> str:
        entry = {"contentHash": image.content_hash, "outcome": "running"}
        self.history.append(entry)
        try:
            checkpoint_id = await self._simulate(image.steps, emit)
            if row_id:
                # In this thread: between the row and the outcome the build must not be cancelled.
                self._store.set_ready(row_id, checkpoint_id)
            future.set_result(checkpoint_id)
            entry["outcome"] = "ready"
        except BuildError as error:
            entry["outcome"] = "failed"
            if row_id:
                await asyncio.to_thread(self._store.set_failed, row_id)
            future.set_exception(error)
            raise BuildError(f"image build failed: {error}") from None
        finally:
            del self._running[image.content_hash]
            if not future.done():
                entry["outcome"] = "cancelled"
                future.set_exception(BuildError("context canceled"))
            _LOG.info("simulated build of %s: %s", image.content_hash[:12], entry["outcome"])
        return checkpoint_id

    async def _simulate(self, steps: tuple[Step, ...], emit: Emit) -> str:
        if self._options.no_workers:
            raise BuildError("no workers available: no worker in this region")
        count = len(steps)
        sandbox = f"sb-build-{uuid.uuid4().hex[:8]}"
        _log_to(emit, 0, "build", f"Building image with {count} steps (sandbox={sandbox})")
        left = _SANDBOX_SECONDS
        for index, step in enumerate(steps):
            if step.announced or not step.refusal:
                _log_to(emit, index + 1, step.type, f"Step {index + 1}/{count}: {step.description}")
            if step.refusal:
                raise BuildError(f"step {index} ({step.type}): {step.refusal}")
            left -= await self._run(index, step, left)
            _log_to(emit, index + 1, step.type, f"Step {index + 1}/{count} completed")
        _log_to(emit, count + 1, "checkpoint", "Creating checkpoint...")
        return str(uuid.uuid4())

    async def _run(self, index: int, step: Step, left: float) -> float:
        seconds = self._options.step_seconds + step.seconds
        limit = min(left, _COMMAND_SECONDS)
        await asyncio.sleep(min(seconds, limit))
        if seconds > limit:
            raise BuildError(f"step {index} ({step.type}) exec failed: deadline exceeded")
        if step.stderr is not None:
            raise BuildError(f"step {index} ({step.type}) failed (exit 1): {step.stderr}")
        return seconds


def _log_to(emit: Emit, step: int, kind: str, message: str) -> None:
    emit({"step": step, "type": kind, "message": message})
