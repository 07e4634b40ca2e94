"""Simultaneous creates of one content or one name, in one process and in several."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any

import pytest

from emulator_process import wait_until
from faulty_process import FaultyEmulator
from pulumi_opencomputer.errors import ConflictError
from pulumi_opencomputer.lifecycle.kinds import SNAPSHOT
from stack import Lines, Resource, Stack, image, named, snapshot

pytestmark = pytest.mark.long

SLOW = "SLEEP_BUILD_1"


def _at_once(*works: Callable[[], Any]) -> list[Any]:
    """Run functions in threads; return what each returned or raised."""
    results: list[Any] = [None] * len(works)
    begin = threading.Barrier(len(works))

    def run(index: int) -> None:
        begin.wait()
        try:
            results[index] = works[index]()
        except Exception as error:
            results[index] = error

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def _create_all(stack: Stack, *resources: Resource) -> list[Any]:
    """Create all resources at once in one process, as the engine does."""
    with stack.process() as lifecycle:

        def create(resource: Resource) -> Any:
            checked = lifecycle.check(resource.kind, resource.urn, {}, resource.news)
            return lifecycle.create(resource.kind, resource.urn, checked.inputs, Lines())

        return _at_once(*(lambda resource=resource: create(resource) for resource in resources))


def test_16_snapshots_of_one_content_are_built_once(stack: Stack) -> None:
    """One of them builds; the others wait for it in this process, then use the cache."""
    resources = [snapshot(SLOW, urn=f"number-{number}", name=None) for number in range(16)]
    created = _create_all(stack, *resources)
    assert {one.outputs["status"] for one in created} == {"ready"}
    assert [build["outcome"] for build in stack.emulator.builds()] == ["ready"]
    assert set(named(stack.emulator)) == {one.id for one in created}
    assert stack.time.waits == []


def test_who_waits_for_the_build_of_another_resource_says_so(stack: Stack) -> None:
    """Without a message on the status line it would look as if nothing happened."""
    lines = [Lines(), Lines()]
    with stack.process() as lifecycle:

        def create(number: int) -> Any:
            resource = snapshot(SLOW, urn=f"number-{number}", name=None)
            checked = lifecycle.check(resource.kind, resource.urn, {}, resource.news)
            return lifecycle.create(resource.kind, resource.urn, checked.inputs, lines[number])

        _at_once(lambda: create(0), lambda: create(1))
    waiting = "waiting for another resource of this run, which builds the same content"
    (waited,) = [each.text for each in lines if waiting in each.text]
    assert waited.splitlines()[0] == waiting
    assert "from cache" in waited.splitlines()
    assert waiting not in waited.partition("from cache")[2]


def test_image_and_snapshots_of_one_content_are_built_once(stack: Stack) -> None:
    """An image and snapshots share the build."""
    created = _create_all(stack, image(SLOW), snapshot(SLOW), snapshot(SLOW, urn="other", name=None))
    assert {one.outputs["status"] for one in created} == {"ready"}
    assert len(stack.emulator.builds()) == 1


def test_failing_content_does_not_hold_up_the_next(stack: Stack) -> None:
    """If several snapshots have content that can't be built, each gets the error."""
    created = _create_all(stack, *(snapshot("FAIL_BUILD", urn=f"number-{n}", name=None) for n in range(3)))
    assert ["exit code 1" in str(one) for one in created] == [True] * 3


def test_different_contents_are_built_side_by_side(stack: Stack) -> None:
    """Only builds of the same content wait for each other."""
    running = threading.Thread(
        target=_create_all, args=(stack, *(snapshot(f"{SLOW} {n}", urn=f"n-{n}", name=None) for n in range(4)))
    )
    running.start()
    wait_until(lambda: [build["outcome"] for build in stack.emulator.builds()] == ["running"] * 4)
    running.join()


def test_two_stacks_with_one_content_at_once_both_succeed(faulty: FaultyEmulator) -> None:
    """The second stack's request waits in vain; it then follows the first one's record and uses the cache."""
    stacks = [Stack(faulty, hurried=True) for _ in range(2)]
    resources = [snapshot(SLOW, urn=f"of-stack-{number}", name=f"of-stack-{number}") for number in range(2)]
    results = _at_once(*(lambda n=n: stacks[n].up(resources[n]) for n in range(2)))
    assert results == [None, None]
    assert [build["outcome"] for build in faulty.builds()] == ["ready"]
    assert set(named(faulty)) == {"of-stack-0", "of-stack-1"}
    assert {stack.outputs(one)["builtHash"] for stack, one in zip(stacks, resources, strict=True)} == {
        stacks[0].outputs(resources[0])["contentHash"]
    }


def _race(faulty: FaultyEmulator, *commands: str) -> tuple[list[Any], list[Stack]]:
    stacks = [Stack(faulty, hurried=True) for _ in commands]
    resources = [snapshot(command, stack=f"stack-{number}") for number, command in enumerate(commands)]
    return _at_once(*(lambda n=n: stacks[n].up(resources[n]) for n in range(len(commands)))), stacks


@pytest.mark.parametrize("commands", [(f"{SLOW} a", f"{SLOW} b"), (SLOW, SLOW)], ids=["two contents", "one content"])
def test_of_two_stacks_that_race_for_a_name_one_wins(faulty: FaultyEmulator, commands: tuple[str, str]) -> None:
    """The other's build ends with a duplicate-key error of the database, which counts as a conflict like a 409."""
    results, stacks = _race(faulty, *commands)
    errors = [result for result in results if result is not None]
    assert [type(error) for error in errors] == [ConflictError]
    assert "A snapshot named 'fixed' exists already" in str(errors[0])
    assert re.search("It was made by another Pulumi resource: 'daily' of stack 'stack-[01]'", str(errors[0]))
    winner = stacks[results.index(None)]
    ((_, entry),) = winner.state.items()
    assert {name: record["id"] for name, record in named(faulty).items()} == {"fixed": entry.outputs["snapshotId"]}
    assert stacks[results.index(errors[0])].state == {}


def test_loser_of_a_race_has_no_scratch_record(faulty: FaultyEmulator) -> None:
    """Four stacks try to take a name that a fifth has: it keeps the name, and they leave no records."""
    holder = Stack(faulty)
    holder.up(snapshot("make old", stack="holder"))
    before = named(faulty)
    results, _ = _race(faulty, *(f"make {number}" for number in range(4)))
    assert {type(result) for result in results} == {ConflictError}
    assert named(faulty) == before


def test_name_taken_during_the_swap_is_a_conflict(stack: Stack) -> None:
    """Whoever takes the name while it is missing keeps it, and the error says who has it."""
    stack.up(snapshot("make old"))
    thief = Stack(stack.emulator)
    stealing = snapshot("make theirs", stack="thief")

    def steal(*_: object) -> None:
        if not thief.state:
            thief.up(stealing)

    client = stack.make_client

    def make(settings):
        made = client(settings)
        delete = made.delete_snapshot
        made.delete_snapshot = lambda name: (delete(name), name == "fixed" and steal())[0]
        return made

    stack.make_client = make
    with pytest.raises(ConflictError, match="It was made by another Pulumi resource: 'daily' of stack 'thief'"):
        stack.up(snapshot("make new"))
    assert named(stack.emulator)["fixed"]["id"] == thief.outputs(stealing)["snapshotId"]


def test_checks_of_one_manifest_at_once_agree(stack: Stack) -> None:
    """Parallel checks have the same result."""
    resource = snapshot()
    with stack.process() as lifecycle:
        checked = _at_once(*[lambda: lifecycle.check(SNAPSHOT, resource.urn, {}, resource.news)] * 8)
    assert len({one.inputs["contentHash"] for one in checked}) == 1
