"""What a lookup says about a name: its content, when it was created and last used, and who created it."""

from __future__ import annotations

from typing import Any

import pytest

from emulator_client import call, create, manifest
from faulty_process import FaultyEmulator
from pulumi_opencomputer.content.hashing import content_hash
from stack import Stack, named, snapshot

DAILY = snapshot("make one")


@pytest.fixture
def stack(shared_faulty: FaultyEmulator) -> Stack:
    """A stack without resources."""
    return Stack(shared_faulty)


def _found(stack: Stack, name: str) -> dict[str, Any]:
    with stack.process() as lifecycle:
        return lifecycle.get_snapshot(name)


def test_lookup_tells_content_times_and_maker(stack: Stack) -> None:
    """The record's readable keys say who created it."""
    stack.up(DAILY)
    record, found = named(stack.emulator)["fixed"], _found(stack, "fixed")
    assert found["contentHash"] == stack.outputs(DAILY)["contentHash"]
    assert (found["createdAt"], found["lastUsedAt"]) == (record["createdAt"], record["lastUsedAt"])
    assert (found["project"], found["stack"], found["resource"]) == ("pytest", "dev", "daily")
    assert "sourceSnapshot" not in found


def test_lookup_of_anothers_record_says_unknown(stack: Stack) -> None:
    """This provider did not create it."""
    create(stack.emulator, "theirs", manifest("theirs")).raise_for_status()
    found = _found(stack, "theirs")
    assert (found["project"], found["stack"], found["resource"]) == ("unknown",) * 3


def test_what_a_record_says_can_do_no_harm(stack: Stack) -> None:
    """Whoever wrote the keys, they have no effect on the terminal or the engine."""
    hostile = {"pulumiProject": "\x1b[2J<{%x%}>", "pulumiStack": "04da6b54-80e4-46f7-96ec-b56ff0331ba9"}
    create(stack.emulator, "theirs", manifest("theirs", **hostile, pulumiResource="x" * 9000)).raise_for_status()
    with stack.process() as lifecycle:
        (found,) = lifecycle.get_snapshots()["snapshots"]
    assert found["project"] == "<{ %x%}>"
    assert found["stack"] == "unknown"
    assert len(found["resource"]) == 200


def test_drift_of_a_fixed_name_is_said_with_both_contents(stack: Stack) -> None:
    """It also says who created the record that has the name now."""
    stack.up(DAILY)
    call(stack.emulator, "DELETE", "/api/snapshots/fixed")
    Stack(stack.emulator).up(snapshot("make two", urn="other", stack="prod"))
    ours, theirs = stack.outputs(DAILY)["contentHash"], named(stack.emulator)["fixed"]["contentHash"]
    stack.refresh()
    (said,) = stack.lines.warnings
    assert f"it holds the content {theirs[:12]}, and this resource's is {ours[:12]}" in said
    assert "made by the resource 'other' of the stack 'prod' in the project 'pytest'" in said


def test_drift_to_the_same_content_says_so(stack: Stack) -> None:
    """Sandboxes still start from the same image."""
    stack.up(DAILY)
    record = named(stack.emulator)["fixed"]
    image = {key: record["manifest"][key] for key in ("base", "steps")}
    call(stack.emulator, "DELETE", "/api/snapshots/fixed")
    create(stack.emulator, "fixed", image).raise_for_status()
    stack.refresh()
    (said,) = stack.lines.warnings
    assert f"it holds the same content, {content_hash(image)[:12]}" in said
    assert "not made by this provider" in said
