"""Random programs: ups, changes, kills at any call, refreshes, destroys, and other users who take names.

After each step that could leave something half done, the same program is deployed again, and the invariants are
checked: one record per resource, no other records of ours, others' records untouched, and no working snapshot lost in
between.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from amounts import ALL, GROUPS_OF_PROGRAMS, PROGRAMS_IN_A_GROUP
from emulator_client import call, create, manifest
from emulator_process import wait_until
from faulty_process import FaultyEmulator
from mortal import KilledError, Killer, MortalClient, try_programs
from pulumi_opencomputer.api.client import Client
from pulumi_opencomputer.errors import BuildFailedError, ConflictError
from stack import FakeTime, Resource, SharedTime, Stack, image, named, snapshot

pytestmark = pytest.mark.long

NAMES = ("fixed", "weekly", None)
COMMANDS = ("make one", "make two", "make three")
BROKEN = "echo FAIL_BUILD"


class Programs(RuleBasedStateMachine):
    """A stack of two snapshots and an image, and another user of the same server."""

    faulty: FaultyEmulator
    is_edge = False

    @initialize()
    def begin(self) -> None:
        self.faulty.fail()
        self.faulty.clear()
        self.killer = Killer()
        self.stack = Stack(self.faulty, time=SharedTime(self.faulty, pace=30) if self.is_edge else FakeTime(pace=30))
        self.stack.make_client = self._client
        self.commands = {"daily": COMMANDS[0], "trial": COMMANDS[0], "toolchain": COMMANDS[0]}
        self.names: dict[str, str | None] = {"daily": "fixed", "trial": None}
        self.strangers: dict[str, dict[str, Any]] = {}
        create(self.faulty, "stranger", manifest("theirs")).raise_for_status()
        self._remember("stranger")

    @rule()
    def up(self) -> None:
        """Deploy the program without faults."""
        self._settle()

    @rule(
        which=st.sampled_from(["daily", "trial", "toolchain"]),
        command=st.sampled_from(COMMANDS),
        calls=st.integers(1, 14) | st.none(),
        where=st.sampled_from(["before", "after", "event"]),
    )
    def change_content(self, which: str, command: str, calls: int | None, where: str) -> None:
        """Change a resource's content and deploy; the provider may be killed."""
        self.commands[which] = command
        self._up_mortally(calls, where)

    @rule(
        which=st.sampled_from(["daily", "trial"]),
        name=st.sampled_from(NAMES),
        calls=st.integers(1, 14) | st.none(),
        where=st.sampled_from(["before", "after", "event"]),
    )
    def change_name(self, which: str, name: str | None, calls: int | None, where: str) -> None:
        """Give a snapshot another free name, or a generated one."""
        if name is None or (name not in self.names.values() and name not in self._named()):
            self.names[which] = name
        self._up_mortally(calls, where)

    @rule(which=st.sampled_from(["daily", "trial", "toolchain"]))
    def fail_build(self, which: str) -> None:
        """Content that can't be built changes nothing on the server."""
        self._settle()
        before = self._named()
        good, self.commands[which] = self.commands[which], BROKEN
        with pytest.raises(BuildFailedError):
            self.stack.up(*self._program())
        self.commands[which] = good
        assert self._named() == before
        self._settle()

    @rule(calls=st.integers(1, 4), where=st.sampled_from(["before", "after"]))
    def killed_refresh(self, calls: int, where: str) -> None:
        """A killed refresh changes nothing."""
        self._mortally(calls, where, self.stack.refresh)
        self._settle()

    @rule()
    def refresh(self) -> None:
        """Nothing has drifted after an up, so a refresh changes only times."""
        self._settle()
        recorded = {urn: entry.outputs.get("snapshotId") for urn, entry in self.stack.state.items()}
        self.stack.refresh()
        assert {urn: entry.outputs.get("snapshotId") for urn, entry in self.stack.state.items()} == recorded
        assert {entry.outputs["status"] for entry in self.stack.state.values()} == {"ready"}

    @rule(calls=st.integers(1, 8) | st.none(), where=st.sampled_from(["before", "after"]))
    def destroy(self, calls: int | None, where: str) -> None:
        """Destroy everything, in two runs if the first one is killed."""
        self._settle()
        self._mortally(calls, where, self.stack.destroy)
        self.stack.destroy()
        assert self._named() == self.strangers

    @precondition(lambda self: self.names["daily"] is not None)
    @rule()
    def deleted_outside(self) -> None:
        """Someone deletes one of our snapshots: a refresh notices, and the next up creates it again."""
        self._settle()
        if self.is_edge:
            # Age the record: behind the edge, a younger one may just not be visible yet.
            self.faulty.advance(700)
        call(self.faulty, "DELETE", f"/api/snapshots/{self.names['daily']}")
        self._named()
        self.stack.refresh()
        assert self._daily.urn not in self.stack.state
        self._settle()

    @precondition(lambda self: self.names["daily"] is not None)
    @rule(command=st.sampled_from(COMMANDS))
    def stranger_takes_the_name(self, command: str) -> None:
        """Someone else's record under our name is a conflict, and stays until its owner deletes it."""
        self._settle()
        name = str(self.names["daily"])
        call(self.faulty, "DELETE", f"/api/snapshots/{name}")
        create(self.faulty, name, manifest("theirs")).raise_for_status()
        self._remember(name)
        self.stack.refresh()
        self.commands["daily"] = command
        with pytest.raises(ConflictError):
            self.stack.up(*self._program())
        self._assert_strangers_untouched()
        call(self.faulty, "DELETE", f"/api/snapshots/{name}")
        del self.strangers[name]
        self._settle()

    @rule(calls=st.integers(1, 12), event=st.integers(1, 7), unseen=st.booleans(), command=st.sampled_from(COMMANDS))
    def lose_a_stream(self, calls: int, event: int, unseen: bool, command: str) -> None:
        """A build's connection breaks, and its build may end too."""
        self.commands["daily"] = command
        lost = {"method": "POST", "path": "/api/snapshots", "nth": 1 + calls % 3, "kind": "drop", "event": event}
        self.faulty.fail({**lost, "unseen": unseen})
        self.stack.up(*self._program())
        self.faulty.fail()
        self._assert_invariants()

    def _up_mortally(self, calls: int | None, where: str) -> None:
        working = self._working()
        self._mortally(calls, where, lambda: self.stack.up(*self._program()))
        self._assert_none_lost(working)
        self._settle()

    def _mortally(self, calls: int | None, where: str, work: Callable[[], None]) -> None:
        self.killer.left, self.killer.where = calls, where
        try:
            work()
        except KilledError:
            # The guard process keeps the killed process's connections open, so the server finishes its builds.
            self._wait_for_builds()
        self.killer.left = None

    def _wait_for_builds(self) -> None:
        wait_until(lambda: "running" not in {build["outcome"] for build in self.faulty.builds()})

    def _settle(self) -> None:
        self.stack.up(*self._program())
        self._assert_invariants()
        self.stack.up(*self._program())
        self._assert_invariants()

    def _assert_invariants(self) -> None:
        program = self._program()
        assert set(self.stack.state) == {resource.urn for resource in program}
        assert self.stack.leftover == []
        records = self._named()
        outputs = [entry.outputs for entry in self.stack.state.values() if "snapshotId" in entry.outputs]
        ours = {one["name"]: one["snapshotId"] for one in outputs}
        assert {name: record["id"] for name, record in records.items() if name not in self.strangers} == ours
        for one in outputs:
            assert records[one["name"]]["status"] == "ready"
            assert records[one["name"]]["contentHash"].startswith(one["builtHash"])
        for resource in program:
            assert self.stack.outputs(resource)["manifest"]["steps"][-1] == {"run": [resource.command]}
        self._assert_strangers_untouched()

    def _assert_strangers_untouched(self) -> None:
        records = self._named()
        assert {name: records.get(name) for name in self.strangers} == self.strangers

    def _working(self) -> list[str]:
        """Return the fixed names from which a sandbox can start now."""
        names = {entry.outputs.get("name") for entry in self.stack.state.values() if entry.outputs["status"] == "ready"}
        return [name for name in self._named() if name in names]

    def _assert_none_lost(self, names: list[str]) -> None:
        """Fail unless each of these snapshots, or a ready image of ours that can replace it, still exists."""
        records = self._named()
        ready = [name for name, record in records.items() if record["status"] == "ready" and name not in self.strangers]
        assert len(ready) >= len(names), f"of {names} only {ready} are left"

    def _named(self) -> dict[str, dict[str, Any]]:
        """Return the named records; if there is an edge, wait until its index has caught up."""
        if self.is_edge:
            self.faulty.advance(1)
        return named(self.faulty)

    def _remember(self, name: str) -> None:
        self.strangers[name] = self._named()[name]

    @property
    def _daily(self) -> Resource:
        return snapshot(self.commands["daily"], urn="daily", name=self.names["daily"])

    def _program(self) -> list[Resource]:
        trial = snapshot(self.commands["trial"], urn="trial", name=self.names["trial"])
        return [image(self.commands["toolchain"]), self._daily, trial]

    def _client(self, settings_: Any) -> Client:
        client = cast("MortalClient", self.stack.client(settings_, MortalClient))
        client.killer = self.killer
        return client


@pytest.mark.parametrize("_group", range(GROUPS_OF_PROGRAMS))
def test_random_programs_end_as_if_nothing_had_happened(shared_faulty: FaultyEmulator, _group: int) -> None:
    """After any sequence of operations, one more up has the same result as if it had been the only one."""
    try_programs(type("Programs", (Programs,), {"faulty": shared_faulty}), PROGRAMS_IN_A_GROUP)


def test_random_programs_end_as_if_nothing_had_happened_behind_the_edge(shared_edge: FaultyEmulator) -> None:
    """The same behind the edge, where an index that lags answers every read and delete."""
    machine = type("Programs", (Programs,), {"faulty": shared_edge, "is_edge": True})
    try_programs(machine, PROGRAMS_IN_A_GROUP if ALL else PROGRAMS_IN_A_GROUP // 10)
