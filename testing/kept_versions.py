"""Snapshots that keep versions, for tests: deployments of content after content, and what must be left."""

from __future__ import annotations

from typing import Any

from stack import Resource, Stack, named, snapshot


def kept(command: str, keep: Any = 2, **more: Any) -> Resource:
    """Return a snapshot with a generated name that keeps versions, or an ordinary one if `keep` is None."""
    given = {"keep": keep} if keep is not None else {}
    return snapshot(command, urn="trial", name=None, **given, **more)


def versions(stack: Stack, resource: Resource) -> list[str]:
    """Return the names of the versions in the state."""
    return [each["name"] for each in stack.outputs(resource)["versions"]]


def names(stack: Stack, *commands: str, keep: Any = 2) -> list[str]:
    """Deploy these contents one after the other; return the names that they get."""
    found = []
    for command in commands:
        stack.up(kept(command, keep))
        found.append(stack.outputs(kept(command))["name"])
    return found


def assert_server_has(stack: Stack, *wanted: str) -> None:
    """Fail unless the server has exactly the records with these names, all ready and in the state."""
    found = named(stack.emulator)
    assert set(found) == set(wanted)
    (entry,) = stack.state.values()
    recorded = {each["name"]: each["snapshotId"] for each in entry.outputs["versions"]}
    assert recorded == {name: record["id"] for name, record in found.items()}
    assert {record["status"] for record in found.values()} == {"ready"}
