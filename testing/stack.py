"""A small model of Pulumi's engine that deploys programs of snapshots and images through the lifecycle.

It models only what determines the calls to the lifecycle: check and diff, create before delete, a state that is
written after each step, and deletes left over from an interrupted run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from emulator_client import call, create
from emulator_process import Emulator
from faulty_process import FaultyEmulator
from pulumi_opencomputer.api.client import Client, Timing
from pulumi_opencomputer.config import Settings
from pulumi_opencomputer.content.hashing import content_hash as api_hash
from pulumi_opencomputer.errors import InvalidInputError
from pulumi_opencomputer.lifecycle import Kind, Lifecycle
from pulumi_opencomputer.lifecycle.kinds import IMAGE, SNAPSHOT
from pulumi_opencomputer.lifecycle.log import Severity
from pulumi_opencomputer.lifecycle.types import Clock
from pulumi_opencomputer.manifest.prepared import prepare

#: Short enough for faults that run into a time limit, long enough for a busy machine.
TIMING = Timing(connect=5, silence=0.6, call=1.2, attempts=3, quiet=0.2, first_wait=0.001, longest_wait=0.002)

_LONGEST_WAIT = 24 * 3600

# Shorter waits are not recorded. They are the client's pauses between attempts.
_WORTH_TELLING = 0.1


class FakeTime:
    """Real time, plus time that passes at once whenever something waits.

    Attributes:
        waits: The seconds of each wait.
    """

    def __init__(self, *, pace: float = 1.0) -> None:
        """Start the clock; `pace` seconds pass for each second of waiting."""
        self.waits: list[float] = []
        self._pace = pace

    def sleep(self, seconds: float) -> None:
        """Record a wait, and return at once."""
        self.waits.append(seconds)
        assert sum(self.waits) < _LONGEST_WAIT, "this waits for ever"

    def now(self) -> float:
        """Return the seconds since the epoch."""
        return time.time() + self._pace * sum(self.waits)

    @property
    def clock(self) -> Clock:
        """A clock for the lifecycle."""
        return Clock(self.sleep, self.now, look_every=0.2)


class SharedTime(FakeTime):
    """Time that waiting advances at the emulator too, so that the server's clock is ahead of this machine's."""

    def __init__(self, emulator: Emulator, *, pace: float = 1.0) -> None:
        super().__init__(pace=pace)
        self._emulator = emulator

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if seconds >= _WORTH_TELLING:
            self._emulator.advance(seconds * self._pace)

    def now(self) -> float:
        return time.time()


#: A clock with short real waits, for tests in which one deployment waits for another.
HURRIED = Clock(lambda seconds: time.sleep(min(seconds, 0.05)), time.time, look_every=0.1)


@dataclass
class Lines:
    """A recorder of a resource's log."""

    said: list[tuple[Severity, str]] = field(default_factory=list)

    def __call__(self, severity: Severity, message: str, *, ephemeral: bool = False) -> None:
        self.said.append((severity, message))

    @property
    def text(self) -> str:
        """All lines, as one text."""
        return "\n".join(message for _, message in self.said)

    @property
    def warnings(self) -> list[str]:
        """Only the warnings."""
        return [message for severity, message in self.said if severity is Severity.WARNING]


@dataclass(frozen=True)
class Resource:
    """A resource as a program declares it."""

    urn: str
    command: str = "make"
    name: str | None = None
    adopt: bool = False
    kind: Kind = SNAPSHOT
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def news(self) -> dict[str, Any]:
        """The inputs that the program gives."""
        steps = [{"aptInstall": ["jq"]}, {"run": [self.command]}]
        given = {"urn": self.urn, "manifest": {"base": "base", "steps": steps}, "name": self.name, **self.more}
        return {**given, "adopt": True} if self.adopt else given


def snapshot(
    command: str = "make", *, urn: str = "daily", name: str | None = "fixed", stack: str = "dev", **more: Any
) -> Resource:
    """Return a snapshot, with a fixed name by default."""
    adopt = more.pop("adopt", False)
    return Resource(_urn("Snapshot", urn, stack), command, name, adopt, SNAPSHOT, more)


@dataclass(frozen=True)
class _Promoted(Resource):
    """A snapshot with the content of another one."""

    @property
    def news(self) -> dict[str, Any]:
        """The inputs that the program gives."""
        given = {"urn": self.urn, "name": self.name, **self.more}
        return {**given, "adopt": True} if self.adopt else given


def promoted(
    source: str, *, urn: str = "prod", name: str | None = "stable", stack: str = "dev", **more: Any
) -> Resource:
    """Return a snapshot that copies the content of the snapshot with the name `source`."""
    return _Promoted(
        _urn("Snapshot", urn, stack), "", name, more.pop("adopt", False), more={"sourceSnapshot": source, **more}
    )


def image(command: str = "make", *, urn: str = "toolchain", **more: Any) -> Resource:
    """Return an image."""
    return Resource(_urn("Image", urn), command, kind=IMAGE, more=more)


@dataclass
class Entry:
    """A resource's entry in the state."""

    kind: Kind
    inputs: dict[str, Any]
    outputs: dict[str, Any]


class Stack:
    """A stack's state, and Pulumi's commands for it.

    Attributes:
        state: The resources by URN.
        leftover: Replaced resources that still have to be deleted.
        lines: The log of the last command.
        time: The stack's clock, or None if it uses `HURRIED`.
    """

    def __init__(self, emulator: FaultyEmulator, *, time: FakeTime | None = None, hurried: bool = False) -> None:
        self.emulator = emulator
        self.state: dict[str, Entry] = {}
        self.leftover: list[tuple[str, Entry]] = []
        self.lines = Lines()
        self.time = time or FakeTime()
        self.clock = HURRIED if hurried else self.time.clock
        self.make_client: Callable[[Settings], Client] = self.client
        self.url = emulator.url
        self.api_key = emulator.api_key

    def client(self, settings: Settings, kind: type[Client] = Client, **more: Any) -> Client:
        """Return a client that doesn't really wait."""
        return kind(settings, sleep=self.time.sleep, timing=TIMING, **more)

    @contextmanager
    def process(self) -> Iterator[Lifecycle]:
        """Yield a new lifecycle, as each provider process has one."""
        self.lines = Lines()
        settings = Settings(self.url, self.api_key, "1.1.0", allow_http=False)
        lifecycle = Lifecycle(lambda: settings, lambda: self.url, client=self.make_client, clock=self.clock)
        try:
            yield lifecycle
        finally:
            lifecycle.close()

    def up(self, *program: Resource, replace: Sequence[Resource] = (), refresh: bool = False) -> None:
        """Do what `pulumi up` does, optionally with ``--replace`` or ``--refresh``; stop at the first error."""
        with self.process() as lifecycle:
            if refresh:
                self._refresh(lifecycle)
            for resource in program:
                self._bring_up(lifecycle, resource, forced=resource in replace)
            # The engine also does what an earlier run left only now, when the program has ended.
            self._delete_leftover(lifecycle)
            self._delete(lifecycle, set(self.state) - {resource.urn for resource in program})

    def refresh(self) -> None:
        """Do what `pulumi refresh` does."""
        with self.process() as lifecycle:
            self._refresh(lifecycle)

    def destroy(self) -> None:
        """Do what `pulumi destroy` does."""
        with self.process() as lifecycle:
            self._delete_leftover(lifecycle)
            self._delete(lifecycle, set(self.state))

    def outputs(self, resource: Resource) -> dict[str, Any]:
        """Return a resource's recorded outputs."""
        return self.state[resource.urn].outputs

    def _refresh(self, lifecycle: Lifecycle) -> None:
        for urn, entry in list(self.state.items()):
            outputs = lifecycle.read(entry.kind, urn, entry.outputs, self.lines)
            if outputs is None:
                del self.state[urn]
            else:
                entry.outputs = outputs

    def _bring_up(self, lifecycle: Lifecycle, resource: Resource, *, forced: bool) -> None:
        old = self.state.get(resource.urn)
        # For a replacement that the engine forces, the provider only gets the new inputs.
        olds = old.inputs if old and not forced else {}
        checked = lifecycle.check(resource.kind, resource.urn, olds, resource.news)
        if checked.problems:
            raise InvalidInputError(checked.problems)
        if old and not forced:
            difference = lifecycle.diff(resource.kind, resource.urn, old.outputs, checked.inputs, self.lines)
            if not difference.replaces:
                if difference.changes:
                    old.outputs = lifecycle.update(resource.kind, resource.urn, old.outputs, checked.inputs, self.lines)
                old.inputs = checked.inputs
                return
        created = lifecycle.create(resource.kind, resource.urn, checked.inputs, self.lines)
        if old:
            self.leftover.append((resource.urn, old))
        self.state[resource.urn] = Entry(resource.kind, checked.inputs, created.outputs)

    def _delete_leftover(self, lifecycle: Lifecycle) -> None:
        while self.leftover:
            urn, entry = self.leftover[0]
            lifecycle.delete(entry.kind, urn, entry.outputs, self.lines)
            del self.leftover[0]

    def _delete(self, lifecycle: Lifecycle, urns: set[str]) -> None:
        for urn in sorted(urns):
            lifecycle.delete(self.state[urn].kind, urn, self.state[urn].outputs, self.lines)
            del self.state[urn]


#: Starts an emulator behind the edge with a lag in seconds, or a range of lags; returns a stack that shares its time.
StartEdge = Callable[..., Stack]

#: A manifest that the edge's index can't hold.
LARGE = {"base": "base", "steps": [{"run": ["make large"]}, {"addFile": {"path": "/f", "content": "x" * 2_100_000}}]}


def leave_build(
    emulator: Any, resource: Resource, status: str, *, age: float = 0.0, variant: int = 0, more: Any = None
) -> str:
    """Create an unnamed record of a resource's content with this status and age; return its content hash.

    `variant` is the number of the content's variant.
    """
    manifest = prepare(resource.news["manifest"]).image(variant)
    content_hash = api_hash(manifest)
    create(emulator, "other", {**manifest, **(more or {})}).raise_for_status()
    call(emulator, "DELETE", "/api/snapshots/other").raise_for_status()
    if status != "ready":
        emulator.change_build(content_hash, status, age=age)
    return content_hash


def named(emulator: Emulator) -> dict[str, dict[str, Any]]:
    """Return the named records by name."""
    return {record["name"]: record for record in emulator.snapshots()}


def calls(emulator: Emulator) -> Sequence[str]:
    """Return the requests so far, such as ``GET fixed``; ``images`` stands for a list, ``POST`` for a create."""
    return [f"{entry['method']} {entry['path'].rpartition('/')[2]}" for entry in emulator.requests()]


def _urn(kind: str, name: str, stack: str = "dev") -> str:
    return f"urn:pulumi:{stack}::pytest::opencomputer:index:{kind}::{name}"
