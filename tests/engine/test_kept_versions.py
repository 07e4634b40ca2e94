"""Snapshots that keep versions, with the real engine, in each kind of program."""

from __future__ import annotations

from typing import Any

import pytest

from amounts import ALL
from declared_program import COLUMNS, Column, Declared
from world import World

# YAML programs only differ from Python programs on the plugin in how the program is read.
_CHOSEN = COLUMNS if ALL else COLUMNS[:2]


def _is(column: Column) -> str:
    return column.name


def _kept(command: str, keep: int | None = 1, **options: Any) -> Declared:
    return Declared("trial", command, properties={} if keep is None else {"keep": keep}, options=options)


def _versions(world: World) -> list[str]:
    """Fail unless the server has exactly the recorded versions; return their names, newest first."""
    outputs = world.project.resource("trial")["outputs"]
    recorded = {each["name"]: each["snapshotId"] for each in outputs["versions"]}
    assert recorded == {name: record["id"] for name, record in world.records().items()}
    assert outputs["name"] == outputs["versions"][0]["name"]
    return list(recorded)


@pytest.mark.parametrize("column", COLUMNS if ALL else COLUMNS[:1], ids=_is)
def test_versions_through_their_life(world: World) -> None:
    """Change, revert, keep fewer, lose, force a replacement and destroy: each is an update with the same id."""
    world.write(_kept("one", 2))
    world.up()
    (one,) = _versions(world)
    id_ = world.project.resource("trial")["id"]
    assert id_ != one
    world.write(_kept("two", 2))
    assert world.up().steps()["trial"] == "update"
    two, _ = _versions(world)
    world.write(_kept("three", 1, protect=True))
    shown = world.project.preview().text
    assert f"the version {one} will be deleted, once the new one is there" in shown
    assert world.up().steps()["trial"] == "update"
    three, kept = _versions(world)
    assert kept == two
    builds = len(world.emulator.builds())
    record = world.records()[two]
    world.write(_kept("two", 1))
    world.emulator.forget_requests()
    assert world.up().steps()["trial"] == "update"
    assert _versions(world) == [two, three]
    assert world.writes() == []
    assert world.records()[two] == record
    assert len(world.emulator.builds()) == builds
    world.up("--expect-no-changes")
    world.delete(three)
    world.project.refresh()
    assert _versions(world) == [two]
    assert world.project.resource("trial")["id"] == id_
    world.write(_kept("three", 1))
    world.up()
    world.up("--replace", world.urn("trial"))
    assert _versions(world) == [three]
    assert len(world.emulator.builds()) == builds
    world.write(_kept("three", None))
    world.up()
    assert "versions" not in world.project.resource("trial")["outputs"]
    assert set(world.records()) == {three}
    world.write(_kept("two", 3))
    world.up()
    assert _versions(world) == [two, three]
    # The record of an update that times out is deleted with the resource.
    world.write(_kept("SLEEP_BUILD_4", 3, custom_timeouts={"update": "1s", "delete": "5m"}))
    assert "(OC1107)" in world.up(fails=True).text
    world.project.destroy()
    assert world.records() == {}


@pytest.mark.parametrize("column", _CHOSEN[:1], ids=_is)
def test_versions_stay_where_pulumi_deletes_nothing(world: World) -> None:
    """If Pulumi does not call delete, all versions stay on the server."""
    world.write(_kept("one", retain_on_delete=True))
    world.up()
    world.write(_kept("two", retain_on_delete=True))
    world.up()
    names = _versions(world)
    world.write()
    world.up()
    assert set(world.records()) == set(names)


@pytest.mark.parametrize("column", _CHOSEN, ids=_is)
def test_keep_with_a_name_is_refused_before_anything_is_sent(world: World) -> None:
    """A preview rejects it already."""
    world.write(Declared("trial", "one", fixed="fixed", properties={"keep": 2}))
    assert "keep: is for generated names" in world.project.preview(fails=True).text
    assert world.writes() == []
