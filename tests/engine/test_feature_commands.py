"""The flags of preview, up, refresh and destroy, in each kind of program, with fixed and generated names."""

from __future__ import annotations

import json

from declared_program import Declared, Ref
from emulator_process import wait_until
from features import tries
from world import World


def both(name: str, command: str, **options: object) -> list[Declared]:
    """Return a snapshot with a fixed name and one with a generated name."""
    return [
        Declared(name, command, fixed=name, options=options),
        Declared(f"{name}-gen", command, options=options),
    ]


def three(command: str) -> list[Declared]:
    """Return three pairs of snapshots, the last of which depends on the first."""
    return [*both("one", command), *both("two", command), *both("late", command, depends_on=[Ref("one")])]


def loses(world: World, name: str) -> None:
    """Delete a snapshot as someone else would, some time after it was created."""
    created = world.records()[name]["createdAt"]
    world.project.edit_state(lambda text: text.replace(created, "2026-01-01T00:00:00Z"))
    world.delete(name)


@tries(
    "preview",
    "preview --diff",
    "preview --json",
    "preview --refresh",
    "preview --target",
    "preview --exclude",
    "preview --replace",
    "preview --expect-no-changes",
    "preview --show-secrets",
)
def test_previews(world: World) -> None:
    """Each one says what would be done, and changes nothing."""
    world.write(*three("version one"))
    assert set(world.project.preview().steps().values()) == {"create"}
    world.up()
    before = world.emulator.snapshots()
    world.project.preview("--expect-no-changes")
    ran = world.project.preview("--replace", world.urn("one"), "--replace", world.urn("one-gen"))
    assert {ran.steps()["one"], ran.steps()["one-gen"]} <= {"create-replacement", "replace", "delete-replaced"}
    world.write(*three("version two"))
    world.project.preview("--expect-no-changes", fails=True)
    # The plugin reports differences for each step, a dynamic provider for each property.
    assert "contentHash" in world.project.preview("--diff").text
    assert '"replace' in world.project.pulumi("preview", "--json")
    for options in (("--refresh",), ("--show-secrets",)):
        assert "same" not in world.project.preview(*options).steps()["one"]
    ran = world.project.preview("--target", world.urn("one"))
    assert (ran.steps()["one"] == "same", ran.steps().get("two", "same") == "same") == (False, True)
    ran = world.project.preview("--exclude", world.urn("one"), "--exclude", world.urn("late"))
    assert (ran.steps().get("one", "same") == "same", ran.steps()["two"] == "same") == (True, False)
    assert world.emulator.snapshots() == before


@tries(
    "up --replace",
    "up --target",
    "up --target-replace",
    "up --target-dependents",
    "up --exclude",
    "up --exclude-dependents",
)
def test_what_an_update_is_about(world: World) -> None:
    """Resources given by name are replaced or skipped; each replacement replaces its own snapshot."""
    world.write(*three("version one"))
    world.up()
    before = world.ids()
    everything = ("one", "one-gen", "two", "two-gen", "late", "late-gen")

    def changed() -> set[str]:
        nonlocal before
        world.assert_one_record_each()
        ids = world.ids()
        found = {name for name in everything if ids[name] != before[name]}
        before = ids
        return found

    def named(flag: str, *names: str) -> list[str]:
        return [part for name in names for part in (flag, world.urn(name))]

    world.up(*named("--replace", "one", "one-gen"))
    assert changed() == {"one", "one-gen"}
    world.up(*named("--target-replace", "two", "two-gen"))
    assert changed() == {"two", "two-gen"}
    world.write(*three("version two"))
    world.up(*named("--target", "two"))
    assert changed() == {"two"}
    world.up(*named("--exclude", "one", "one-gen"), "--exclude-dependents")
    assert changed() == {"two-gen"}
    world.up(*named("--target", "one"), "--target-dependents")
    assert changed() == {"one", "late", "late-gen"}
    world.write(*three("version three"))
    # The same with other content.
    world.up(*named("--replace", *everything))
    assert changed() == set(everything)
    assert set(world.up().steps().values()) <= {"same"}


@tries(
    "up --refresh",
    "up --diff",
    "up --json",
    "up --parallel",
    "up --continue-on-error",
    "up --expect-no-changes",
)
def test_how_an_update_runs(world: World) -> None:
    """Lost snapshots are created again, builds that can succeed do, and every display shows the builds' lines."""
    world.write(*three("version one"))
    ran = world.up("--diff", "--parallel", "1")
    assert "run version one" in ran.text
    world.up("--expect-no-changes")
    loses(world, "one")
    world.up("--refresh")
    world.assert_one_record_each()
    world.write(*three("version two"), Declared("broken", "FAIL_BUILD", fixed="broken"))
    world.up("--continue-on-error", fails=True)
    world.assert_one_record_each()
    assert {record["manifest"]["steps"][0]["args"]["commands"][0] for record in world.records().values()} == {
        "version two"
    }
    world.write(*three("version three"))
    assert "version three" in world.project.pulumi("up", "--yes", "--skip-preview", "--json")
    world.assert_one_record_each()


@tries(
    "refresh",
    "refresh --preview-only",
    "refresh --target",
    "refresh --exclude",
    "refresh --run-program",
    "refresh --diff",
    "refresh --json",
    "refresh --expect-no-changes",
)
def test_refreshes(world: World) -> None:
    """Lost snapshots are removed from the state if the command says so; nothing on the server changes."""
    world.write(*both("one", "one"), *both("two", "two"))
    world.up()
    world.project.refresh("--expect-no-changes")
    for name in ("one", "two"):
        loses(world, name)
    records = world.emulator.snapshots()
    urn = world.urn("one")
    world.project.pulumi("refresh", "--preview-only", "--json")
    assert set(world.ids()) == {"one", "one-gen", "two", "two-gen"}
    world.project.refresh("--exclude", urn, "--exclude", world.urn("two"), "--diff")
    assert set(world.ids()) == {"one", "one-gen", "two", "two-gen"}
    world.project.refresh("--target", urn)
    assert set(world.ids()) == {"one-gen", "two", "two-gen"}
    assert world.project.refresh("--run-program").operations("two")[0] == "delete"
    assert set(world.ids()) == {"one-gen", "two-gen"}
    assert world.emulator.snapshots() == records
    world.up()
    world.assert_one_record_each()


@tries("refresh --clear-pending-creates")
def test_a_refresh_after_a_kill(world: World) -> None:
    """Pulumi forgets operations whose outcome it doesn't know; the next up finds the records they created."""
    world.write(*both("one", "SLEEP_BUILD_2"))
    with world.project.start() as running:
        running.provider()
        wait_until(lambda: [build["outcome"] for build in world.emulator.builds()] == ["running"])
        running.kill()
    wait_until(lambda: len(world.records()) >= 1)
    world.project.cancel()
    world.project.refresh("--clear-pending-creates")
    ran = world.up()
    assert "pending" not in ran.text
    world.assert_one_record_each()


@tries(
    "destroy",
    "destroy --preview-only",
    "destroy --target",
    "destroy --target-dependents",
    "destroy --exclude",
    "destroy --exclude-protected",
    "destroy --refresh",
    "destroy --run-program",
    "destroy --continue-on-error",
    "destroy --remove",
)
def test_destroys(world: World) -> None:
    """The named resources are deleted with their snapshots, and no other snapshot is."""
    other = world.make("somebody-elses", "other")
    kept = both("kept", "kept", protect=True)
    world.write(*three("version one"), *both("left", "left"), *kept)
    world.up()
    world.project.pulumi("destroy", "--preview-only", "--exclude-protected")
    assert len(world.ids()) == 10
    world.project.destroy("--target", world.urn("two"), "--run-program")
    assert "two" not in world.ids()
    world.project.destroy("--target", world.urn("one"), "--target-dependents")
    assert set(world.ids()) == {"one-gen", "two-gen", "left", "left-gen", "kept", "kept-gen"}
    world.assert_one_record_each(other["id"])
    world.project.destroy("--exclude", world.urn("left"), "--exclude", world.urn("left-gen"), "--exclude-protected")
    assert set(world.ids()) == {"left", "left-gen", "kept", "kept-gen"}
    loses(world, "left")
    world.project.destroy("--refresh", "--exclude-protected", "--continue-on-error")
    assert set(world.ids()) == {"kept", "kept-gen"}
    world.project.pulumi("state", "unprotect", "--all", "--yes")
    world.project.destroy("--remove")
    assert world.record_ids() == {other["id"]}
    assert "dev" not in json.dumps(json.loads(world.project.pulumi("stack", "ls", "--json")))
