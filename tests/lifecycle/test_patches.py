"""Patches belong to a snapshot's image. A replacement with other content loses them; the user is warned before."""

from __future__ import annotations

import pytest

from pulumi_opencomputer.errors import BuildFailedError
from stack import Lines, Stack, calls, snapshot

PATCH = {"script": "true", "description": ""}


def add_patches(stack: Stack, name: str, count: int = 2) -> None:
    for _ in range(count):
        stack.emulator.ask("POST", f"/api/snapshots/{name}/patches", PATCH)


@pytest.mark.parametrize("name", ["fixed", None])
def test_lost_patches_are_a_warning(stack: Stack, name: str | None) -> None:
    """Whether the replacement has the same name or another one."""
    old = snapshot("make old", name=name)
    stack.up(old)
    old_name = stack.outputs(old)["name"]
    add_patches(stack, old_name)
    stack.up(snapshot("make new", name=name))
    (warning,) = stack.lines.warnings
    assert warning.startswith(f"2 patches hang on the snapshot '{old_name}', and its replacement has none of them")


def test_it_is_told_before_the_old_snapshot_goes(stack: Stack) -> None:
    """The request is made while the old snapshot still exists; a swap makes it anyway."""
    stack.up(snapshot("make old"))
    add_patches(stack, "fixed", 1)
    stack.emulator.forget_requests()
    stack.up(snapshot("make new"))
    made = calls(stack.emulator)
    assert made.count("GET patches") == 1
    assert made.index("GET patches") < made.index("DELETE fixed")
    assert stack.lines.warnings[0].startswith(
        "1 patch hangs on the snapshot 'fixed', and its replacement has none of it"
    )


def test_patches_of_a_superseded_version_are_a_warning(stack: Stack) -> None:
    """With `keep` the old version stays with its patches, but sandboxes of the new one run without them."""
    old, new = (snapshot(command, name=None, keep=2) for command in ("make old", "make new"))
    stack.up(old)
    old_name = stack.outputs(old)["name"]
    add_patches(stack, old_name)
    said = Lines()
    entry = stack.state[old.urn]
    with stack.process() as lifecycle:
        checked = lifecycle.check(new.kind, new.urn, entry.inputs, new.news)
        lifecycle.diff(new.kind, new.urn, entry.outputs, checked.inputs)
        lifecycle.preview_update(new.kind, new.urn, entry.outputs, checked.inputs, said)
    stack.up(new)
    for warnings in (said.warnings, stack.lines.warnings):
        assert warnings[0].startswith(f"2 patches hang on the snapshot '{old_name}'"), warnings


@pytest.mark.parametrize("name", ["fixed", None])
def test_without_patches_nothing_is_said(stack: Stack, name: str | None) -> None:
    """The usual case."""
    stack.up(snapshot("make old", name=name))
    stack.up(snapshot("make new", name=name))
    assert stack.lines.warnings == []


def test_a_replacement_of_the_same_content_keeps_its_patches(stack: Stack) -> None:
    """It has the same image as the old one."""
    old = snapshot("make old")
    stack.up(old)
    add_patches(stack, "fixed")
    stack.up(old, replace=[old])
    assert stack.lines.warnings == []
    assert len(stack.emulator.get("/api/snapshots/fixed/patches")) == 2


def test_a_failed_build_loses_no_patches(stack: Stack) -> None:
    """The old snapshot stays, with its patches."""
    stack.up(snapshot("make old"))
    add_patches(stack, "fixed")
    with pytest.raises(BuildFailedError):
        stack.up(snapshot("echo FAIL_BUILD"))
    assert stack.lines.warnings == []
    assert len(stack.emulator.get("/api/snapshots/fixed/patches")) == 2
