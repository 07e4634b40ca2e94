"""Three months of a team's work: in the end every name in a state starts a sandbox, and nothing else is left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest
from opencomputer import Sandbox

from emulator_client import call, create, manifest
from emulator_process import wait_until
from faulty_process import FaultyEmulator
from mortal import KilledError, Killer, MortalClient
from pulumi_opencomputer.errors import BuildFailedError
from pulumi_opencomputer.lifecycle.kinds import SNAPSHOT
from stack import Resource, Stack, named, promoted, snapshot

pytestmark = pytest.mark.long

_CHANGES = 40
_DAY = 24 * 3600


class Team:
    """A team with three environments on one server. It builds in development, and promotes the content from there."""

    def __init__(self, server: FaultyEmulator) -> None:
        self.server = server
        self.dev, self.staging, self.prod = (self._stack() for _ in range(3))
        self.keep = 3
        self.trial = self._trial("make 0")
        self.candidate = self._candidate()
        self.releases: list[Resource] = []

    def change(self, number: int) -> None:
        """Deploy a change to development; every second one also to staging, every fourth one also to production."""
        self.server.advance(90 / _CHANGES * _DAY)
        self.to_development(f"make {number}")
        if number % 2 == 0:
            self.to_staging()
        if number % 4 == 0:
            self.to_production()

    def to_development(self, command: str) -> None:
        self.trial = self._trial(command)
        self.dev.up(self.trial)

    def to_staging(self) -> None:
        self.candidate = self._candidate()
        self.staging.up(self.candidate)

    def to_production(self) -> None:
        self._deploy(self._release())

    def release_again(self, release: Resource) -> None:
        """Return production to an earlier release."""
        self._deploy(release)

    def killed(self, command: str, calls: int) -> None:
        """Start a deployment to development that is killed after some calls."""
        killer = Killer()
        killer.left, killer.where = calls, "after"

        def client(settings: Any) -> Any:
            made = cast("MortalClient", self.dev.client(settings, MortalClient))
            made.killer = killer
            return made

        self.dev.make_client = client
        with pytest.raises(KilledError):
            self.dev.up(self._trial(command))
        self.dev.make_client = self.dev.client
        wait_until(lambda: "running" not in {build["outcome"] for build in self.server.builds()})

    @property
    def promised(self) -> set[str]:
        """Return all snapshot names in the states."""
        found = set()
        for stack in (self.dev, self.staging, self.prod):
            for entry in stack.state.values():
                found |= {each["name"] for each in entry.outputs.get("versions", [entry.outputs])}
        return found

    def _deploy(self, release: Resource) -> None:
        self.releases.append(release)
        stable = promoted(_name(self.prod, release), urn="stable", name="stable", stack="prod")
        beta = promoted(_name(self.dev, self.trial), urn="beta", name="beta", stack="prod")
        self.prod.up(release, stable, beta)

    def _trial(self, command: str) -> Resource:
        return snapshot(command, urn="trial", name=None, stack="dev", keep=self.keep)

    def _candidate(self) -> Resource:
        return promoted(_name(self.dev, self.trial), urn="candidate", name=None, stack="staging", keep=2)

    def _release(self) -> Resource:
        return promoted(_name(self.staging, self.candidate), urn="release", name=None, stack="prod", keep=2)

    def _stack(self) -> Stack:
        return Stack(self.server)


def _name(stack: Stack, resource: Resource) -> str:
    """Return the name of a resource's snapshot, as an output of its stack."""
    with stack.process() as lifecycle:
        return str(lifecycle.check(SNAPSHOT, resource.urn, {}, resource.news).inputs["name"])


def _start_sandbox(server: FaultyEmulator, name: str) -> str:
    async def start() -> str:
        sandbox = await Sandbox.create(api_key=server.api_key, api_url=server.url, snapshot=name)
        await sandbox.close()
        return str(sandbox.sandbox_id)

    return asyncio.run(start())


def _fail(team: Team) -> None:
    with pytest.raises(BuildFailedError):
        team.to_development("echo FAIL_BUILD")


def _keep(team: Team, keep: int) -> None:
    team.keep = keep


def _tidy_up(team: Team) -> None:
    """A colleague deletes one of our snapshots by mistake."""
    kept = team.dev.outputs(team.trial)["versions"][1:]
    call(team.server, "DELETE", f"/api/snapshots/{kept[0]['name']}")
    team.dev.refresh()


#: Events that happen before the change with this number.
_EVENTS: dict[int, Callable[[Team], Any]] = {
    9: lambda team: team.to_development("make 7"),
    12: _fail,
    15: lambda team: _keep(team, 5),
    21: lambda team: team.killed("make never again", 1),
    25: _tidy_up,
    30: lambda team: team.release_again(team.releases[-2]),
    33: lambda team: _keep(team, 2),
    37: lambda team: team.prod.refresh(),
}


def test_three_months_of_a_team(shared_faulty: FaultyEmulator) -> None:
    """Forty changes, three environments, rollbacks, a failed build, a killed run, a colleague on the same server."""
    server = shared_faulty
    create(server, "stray", manifest("make theirs")).raise_for_status()
    stray = named(server)["stray"]
    team = Team(server)
    for number in range(_CHANGES + 1):
        _EVENTS.get(number, lambda _: None)(team)
        team.change(number)
    contents = {f"make {number}" for number in range(_CHANGES + 1)} | {"make never again", "make theirs"}
    assert len([build for build in server.builds() if build["outcome"] == "ready"]) == len(contents)
    assert set(named(server)) == team.promised | {"stray"}
    assert named(server)["stray"] == stray
    assert {"beta", "stable"} < team.promised
    assert len(team.promised) == (1 + 2) + (1 + 2) + (1 + 2) + 2
    for name in sorted(team.promised):
        assert _start_sandbox(server, name)
    for stack in (team.prod, team.staging, team.dev):
        stack.destroy()
    assert set(named(server)) == {"stray"}
