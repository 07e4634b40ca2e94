"""The commands that change a state or a stack, in each kind of program, with fixed and generated names."""

from __future__ import annotations

import json

from declared_program import Declared
from features import cell, tries
from project import STACK
from world import World


def both(name: str, command: str, **options: object) -> list[Declared]:
    """Return a snapshot with a fixed name and one with a generated name."""
    return [
        Declared(name, command, fixed=name, options=options),
        Declared(f"{name}-gen", command, options=options),
    ]


@tries("state taint", "state untaint", "state protect", "state unprotect", "state repair")
def test_marks_in_the_state(world: World) -> None:
    """Tainted resources are replaced; untainted and protected ones stay."""

    def program(command: str) -> list[Declared]:
        return [*both("tainted", "stays"), *both("changed", command), *both("healed", "stays"), *both("safe", "stays")]

    world.write(*program("one"))
    world.up()
    before = world.ids()
    state = world.project.pulumi
    for name in ("tainted", "changed", "healed"):
        state("state", "taint", world.urn(name), world.urn(f"{name}-gen"), "--yes")
    state("state", "untaint", world.urn("healed"), world.urn("healed-gen"), "--yes")
    state("state", "protect", world.urn("safe"), world.urn("safe-gen"), "--yes")
    state("state", "repair", "--yes")
    world.write(*program("two"))
    world.up()
    after = world.ids()
    world.assert_one_record_each()
    anew = {name for name in before if before[name] != after[name]}
    assert anew == {"tainted", "tainted-gen", "changed", "changed-gen"}
    state("state", "protect", world.urn("safe"), world.urn("safe-gen"), "--yes")
    world.project.destroy("--target", world.urn("safe"), fails=True)
    assert after["safe"] in world.record_ids()
    state("state", "unprotect", "--all", "--yes")
    world.project.destroy()
    assert world.emulator.snapshots() == []


@tries("state delete", "state rename", "state move")
def test_states_that_lose_or_change_a_resource(world: World) -> None:
    """After it is removed from the state, renamed or moved, a resource only ever replaces its own snapshot."""
    project = world.project
    world.write(*both("forgotten", "one"), *both("renamed", "one"))
    world.up()
    for name in ("forgotten", "forgotten-gen"):
        project.pulumi("state", "delete", world.urn(name), "--yes")
    for name, new in (("renamed", "now"), ("renamed-gen", "now-gen")):
        project.pulumi("state", "rename", world.urn(name), new, "--yes")

    def program(command: str) -> list[Declared]:
        return [
            *both("forgotten", command),
            Declared("now", command, fixed="renamed"),
            Declared("now-gen", command),
        ]

    before = world.ids()
    world.write(*program("one"))
    ran = world.up()
    assert (ran.steps()["now"], ran.steps()["now-gen"]) == ("same", "same")
    assert (world.ids()["now"], world.ids()["now-gen"]) == (before["now"], before["now-gen"])
    world.assert_one_record_each()
    urns = [world.urn(name) for name in ("now", "now-gen")]
    project.pulumi("stack", "init", "other")
    project.pulumi("state", "move", "--source", STACK, "--dest", "other", "--yes", *urns)
    project.pulumi("stack", "select", "other")
    world.write(*program("one")[2:])
    ran = world.up()
    assert (ran.steps()["now"], ran.steps()["now-gen"]) == ("same", "same")
    world.write(*program("two")[2:])
    world.up()
    assert set(world.ids()) == {"now", "now-gen"}
    assert len(world.emulator.snapshots()) == 4
    project.destroy()
    project.pulumi("stack", "select", STACK)
    world.assert_one_record_each()


@tries("pulumi import")
def test_pulumi_import(world: World) -> None:
    """An existing snapshot is imported as it is; a dynamic provider can't import."""
    made = world.make("there", "make")
    expected = cell("pulumi import", world.column.name)
    world.write(Declared("daily", "make", fixed="there"))
    ran = world.import_("daily", "there")
    assert (ran.returncode == 0) == (expected.verdict == "right"), ran.stdout + ran.stderr
    if expected.verdict == "right":
        # A Python program asks for the plugin of its own version, and `pulumi import` for any: Pulumi changes the
        # default provider, and nothing else.
        steps = {name: step for name, step in world.up().steps().items() if not name.startswith("default")}
        assert set(steps.values()) <= {"same"}
        assert world.ids() == {"daily": made["id"]}
    assert world.record_ids() == {made["id"]}


@tries(
    "stack export",
    "stack import",
    "stack rename",
    "stack change-secrets-provider",
    "stack rm",
    "stack rm --force",
)
def test_stacks(world: World) -> None:
    """A stack that is exported, renamed or re-encrypted still has its snapshots; `stack rm` doesn't delete them."""
    project = world.project
    secrets = {"additional_secret_outputs": ["manifest"]}
    world.write(*both("one", "hunter2", **secrets))
    world.up()
    records = world.emulator.snapshots()
    exported = project.exported()
    outputs = [each["outputs"] for each in json.loads(exported)["deployment"]["resources"] if "outputs" in each]
    assert "hunter2" not in json.dumps(outputs)
    project.edit_state(lambda text: text)
    project.tried("stack", "change-secrets-provider", "passphrase", stdin="another passphrase\nanother passphrase\n")
    project.environment["PULUMI_CONFIG_PASSPHRASE"] = "another passphrase"
    project.rename_stack("renamed")
    world.emulator.forget_requests()
    assert set(world.up().steps().values()) <= {"same"}
    assert (world.emulator.snapshots(), world.writes()) == (records, [])
    world.write(*both("one", "hunter3", **secrets))
    world.up()
    world.assert_one_record_each()
    world.refused("stack", "rm", "renamed", "--yes", words="still has resources")
    kept = world.record_ids()
    project.pulumi("stack", "rm", "renamed", "--yes", "--force")
    assert world.record_ids() == kept
