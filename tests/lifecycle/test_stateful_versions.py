"""Random programs with a snapshot that keeps versions: changes, kills at any call, others who delete or take names.

After each step the same program is deployed again. Then the server must have exactly the recorded versions of ours,
all of them ready and no more than `keep` allows, and others' records must be untouched.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from amounts import ALL, GROUPS_OF_PROGRAMS, PROGRAMS_IN_A_GROUP
from emulator_client import call, create, manifest
from emulator_process import wait_until
from faulty_process import FaultyEmulator
from mortal import KilledError, Killer, MortalClient, try_programs
from pulumi_opencomputer.api.client import Client
from pulumi_opencomputer.errors import BuildFailedError
from stack import FakeTime, Resource, SharedTime, Stack, named, snapshot

pytestmark = pytest.mark.long

COMMANDS = ("make one", "make two", "make three", "make four")
CALLS = st.integers(1, 16) | st.none()
WHERE = st.sampled_from(["before", "after", "event"])


class Histories(RuleBasedStateMachine):
    """A stack with one snapshot, and another user of the same server."""

    faulty: FaultyEmulator
    is_edge = False

    @initialize()
    def begin(self) -> None:
        self.faulty.fail()
        self.faulty.clear()
        self.killer = Killer()
        self.stack = Stack(self.faulty, time=SharedTime(self.faulty, pace=30) if self.is_edge else FakeTime(pace=30))
        self.stack.make_client = self._client
        self.command = COMMANDS[0]
        self.keep: int | None = 1
        self.urn = "history"
        create(self.faulty, "stranger", manifest("theirs")).raise_for_status()
        self.strangers = self._named()
        self._settle()

    @rule(command=st.sampled_from(COMMANDS), calls=CALLS, where=WHERE)
    def change(self, command: str, calls: int | None, where: str) -> None:
        """Change the content back and forth; the provider may be killed."""
        self.command = command
        self._up_mortally(calls, where)

    @rule(keep=st.sampled_from([1, 2, 3, None]), command=st.sampled_from(COMMANDS), calls=CALLS, where=WHERE)
    def change_keep(self, keep: int | None, command: str, calls: int | None, where: str) -> None:
        """Keep more or fewer versions, or none; the content may change too."""
        self.keep, self.command = keep, command
        self._up_mortally(calls, where)

    @rule(first=st.sampled_from(COMMANDS[:2]), second=st.sampled_from(COMMANDS[2:]), calls=CALLS, where=WHERE)
    def change_twice(self, first: str, second: str, calls: int | None, where: str) -> None:
        """Deploy other content after a kill: the killed update's record is deleted, unless it was recorded."""
        self.command, self.keep = "make none", self.keep or 1
        self._settle()
        self.command = first
        self._mortally(calls, where, lambda: self.stack.up(self._history))
        self._named()
        self.command = second
        self._settle()

    @rule()
    def rename(self) -> None:
        """An alias gives the snapshot another URN; nothing else changes."""
        before = self._named()
        entry = self.stack.state.pop(self._history.urn)
        self.urn = "history" if self.urn == "renamed" else "renamed"
        self.stack.state[self._history.urn] = entry
        self._settle()
        assert self._named() == before

    @rule(calls=CALLS, where=WHERE)
    def forced_replacement(self, calls: int | None, where: str) -> None:
        """The engine forces a replacement, in two runs if one is killed: a new history begins."""
        self._mortally(calls, where, self._force)
        self._force()
        assert len(self.stack.outputs(self._history).get("versions", [None])) == 1
        self._settle()

    @rule(nth=st.integers(0, 3))
    def version_deleted_outside(self, nth: int) -> None:
        """Someone deletes a version: a refresh drops it, and the other versions stay."""
        if self.is_edge:
            self.faulty.advance(700)
        names = [each["name"] for each in self._versions]
        gone = names.pop(nth % len(names))
        call(self.faulty, "DELETE", f"/api/snapshots/{gone}")
        self._named()
        self.stack.refresh()
        if names:
            assert [each["name"] for each in self._versions] == names
        self._settle()

    @rule(calls=CALLS, where=WHERE)
    def stranger_takes_a_name(self, calls: int | None, where: str) -> None:
        """Someone else's record under a kept version's name is never touched."""
        if len(self._versions) == 1:
            return
        name = self._versions[-1]["name"]
        call(self.faulty, "DELETE", f"/api/snapshots/{name}")
        create(self.faulty, name, manifest("theirs")).raise_for_status()
        self._named()
        self.strangers[name] = self._named()[name]
        self._mortally(calls, where, self.stack.refresh)
        self.stack.refresh()
        assert name not in [each["name"] for each in self._versions]
        self._settle()
        call(self.faulty, "DELETE", f"/api/snapshots/{name}")
        del self.strangers[name]
        self._named()

    @rule()
    def fail_build(self) -> None:
        """Content that can't be built changes nothing on the server."""
        before = self._named()
        good, self.command = self.command, "echo FAIL_BUILD"
        with pytest.raises(BuildFailedError):
            self.stack.up(self._history)
        self.command = good
        assert self._named() == before
        self._settle()

    @rule(calls=CALLS, where=WHERE)
    def refresh(self, calls: int | None, where: str) -> None:
        """Nothing has drifted, so a refresh changes only times, and a killed one nothing at all."""
        before = self._versions
        self._mortally(calls, where, self.stack.refresh)
        self.stack.refresh()
        assert self._versions == before
        self._settle()

    @rule(calls=CALLS, where=WHERE)
    def destroy(self, calls: int | None, where: str) -> None:
        """Destroy everything, in two runs if the first one is killed."""
        self._mortally(calls, where, self.stack.destroy)
        self.stack.destroy()
        assert self._named() == self.strangers
        self._settle()

    @rule(command=st.sampled_from(COMMANDS), calls=CALLS, where=WHERE)
    def interrupted_before_a_destroy(self, command: str, calls: int | None, where: str) -> None:
        """The record of a killed update is deleted with the resource."""
        self.keep = self.keep or 1
        self._settle()
        self.command = command
        self._mortally(calls, where, lambda: self.stack.up(self._history))
        self._named()
        self.stack.destroy()
        assert self._named() == self.strangers
        self._settle()

    def _force(self) -> None:
        self.stack.up(self._history, replace=[self._history])

    def _up_mortally(self, calls: int | None, where: str) -> None:
        ready = self._ready()
        self._mortally(calls, where, lambda: self.stack.up(self._history))
        assert self.stack.outputs(self._history)["name"] in self._ready() or not ready, "the version in use is lost"
        self._settle()

    def _mortally(self, calls: int | None, where: str, work: Callable[[], None]) -> None:
        self.killer.left, self.killer.where = calls, where
        try:
            work()
        except KilledError:
            # The guard process keeps the killed process's connections open, so the server finishes its builds.
            wait_until(lambda: "running" not in {build["outcome"] for build in self.faulty.builds()})
            # Wait for the index: if it caught up with the killed run during a swap, the swap would fail and ask for
            # another run.
            self._named()
        self.killer.left = None

    def _settle(self) -> None:
        if self.is_edge:
            self.stack.up(self._history)
            # The index can't show yet whether a young record was deleted; until then the state still has it.
            self.faulty.advance(700)
        for _ in range(2):
            self.stack.up(self._history)
            self._assert_invariants()

    def _assert_invariants(self) -> None:
        assert set(self.stack.state) == {self._history.urn}
        assert self.stack.leftover == []
        records, outputs = self._named(), self.stack.outputs(self._history)
        ours = {each["name"]: each["snapshotId"] for each in self._versions}
        assert {name: record["id"] for name, record in records.items() if name not in self.strangers} == ours
        assert {records[name]["status"] for name in ours} == {"ready"}
        assert len(ours) == len(self._versions) <= 1 + (self.keep or 0)
        assert outputs["manifest"]["steps"][-1] == {"run": [self.command]}
        assert outputs["name"] == self._versions[0]["name"]
        assert records[outputs["name"]]["contentHash"].startswith(outputs["builtHash"])
        assert {name: records.get(name) for name in self.strangers} == self.strangers

    @property
    def _versions(self) -> list[dict[str, Any]]:
        outputs = self.stack.outputs(self._history)
        found: list[dict[str, Any]] = outputs.get("versions", [outputs])
        return found

    @property
    def _history(self) -> Resource:
        more: dict[str, Any] = {} if self.keep is None else {"keep": self.keep}
        return snapshot(self.command, urn=self.urn, name=None, **more)

    def _ready(self) -> set[str]:
        return {
            name for name, record in self._named().items() if record["status"] == "ready" and name not in self.strangers
        }

    def _named(self) -> dict[str, dict[str, Any]]:
        """Return the named records; if there is an edge, wait until its index has caught up."""
        if self.is_edge:
            self.faulty.advance(1)
        return named(self.faulty)

    def _client(self, settings_: Any) -> Client:
        client = cast("MortalClient", self.stack.client(settings_, MortalClient))
        client.killer = self.killer
        return client


@pytest.mark.parametrize("_group", range(GROUPS_OF_PROGRAMS))
def test_random_histories_end_as_if_nothing_had_happened(shared_faulty: FaultyEmulator, _group: int) -> None:
    """After any sequence of operations, one more up has the same result as if it had been the only one."""
    machine = type("Histories", (Histories,), {"faulty": shared_faulty})
    try_programs(machine, PROGRAMS_IN_A_GROUP if ALL else PROGRAMS_IN_A_GROUP // 6)


def test_random_histories_end_as_if_nothing_had_happened_behind_the_edge(shared_edge: FaultyEmulator) -> None:
    """The same behind the edge, where an index that lags answers every read and delete."""
    machine = type("Histories", (Histories,), {"faulty": shared_edge, "is_edge": True})
    try_programs(machine, PROGRAMS_IN_A_GROUP if ALL else PROGRAMS_IN_A_GROUP // 8)
