"""Promotion: a snapshot gets the content of another one, byte for byte, from the server's record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emulator_client import call, create, manifest
from faulty_process import FaultyEmulator
from pulumi_opencomputer.content.hashing import content_hash
from pulumi_opencomputer.errors import ConflictError, InvalidInputError, NotFoundError, UnavailableError
from pulumi_opencomputer.lifecycle import UNKNOWN
from pulumi_opencomputer.lifecycle.kinds import SNAPSHOT
from stack import Lines, Resource, SharedTime, Stack, calls, leave_build, named, promoted, snapshot

DEV = snapshot("make one", urn="dev", name=None)


@pytest.fixture
def stack(shared_faulty: FaultyEmulator) -> Stack:
    """The stack that promotes."""
    return Stack(shared_faulty)


@pytest.fixture
def source(stack: Stack) -> str:
    """The name of a snapshot in another stack."""
    dev = Stack(stack.emulator)
    dev.up(DEV)
    return str(dev.outputs(DEV)["name"])


def _builds(stack: Stack) -> int:
    return len(stack.emulator.builds())


def test_promotion_takes_the_same_content_without_a_build(stack: Stack, source: str) -> None:
    """One read and one create, which is served from the cache: the same hash under the new name."""
    builds = _builds(stack)
    stack.emulator.forget_requests()
    stack.up(promoted(source))
    assert [each for each in calls(stack.emulator) if "scratch" not in each] == [f"GET {source}", "POST snapshots"]
    assert _builds(stack) == builds
    records = named(stack.emulator)
    outputs = stack.outputs(promoted(source))
    assert outputs["contentHash"] == content_hash(records[source]["manifest"]) == records[source]["contentHash"][:64]
    assert records["stable"]["contentHash"][:64] == outputs["contentHash"]
    assert records["stable"]["manifest"]["pulumiSource"] == source
    assert "manifest" not in outputs


def test_unchanged_up_asks_for_nothing(stack: Stack, source: str) -> None:
    """Even if the source has been deleted since."""
    stack.up(promoted(source))
    call(stack.emulator, "DELETE", f"/api/snapshots/{source}")
    stack.emulator.forget_requests()
    stack.up(promoted(source))
    assert calls(stack.emulator) == []


def test_channel_follows_another_version(stack: Stack, source: str) -> None:
    """A fixed name is swapped, using the cache."""
    dev = Stack(stack.emulator)
    other = snapshot("make two", urn="dev2", name=None)
    dev.up(other)
    stack.up(promoted(source))
    builds = _builds(stack)
    stack.up(promoted(dev.outputs(other)["name"]))
    assert _builds(stack) == builds
    assert stack.outputs(promoted(source))["contentHash"] == dev.outputs(other)["contentHash"]
    assert named(stack.emulator)["stable"]["contentHash"][:64] == dev.outputs(other)["contentHash"]


def test_local_files_are_promoted_from_the_record(stack: Stack, tmp_path: Path) -> None:
    """No local file is read."""
    path = tmp_path / "data.bin"
    path.write_bytes(bytes(range(256)) * 100)
    step = {"addFile": {"path": "/data.bin", "source": str(path)}}
    dev = replace(DEV, more={"manifest": {"steps": [step]}})
    of_dev = Stack(stack.emulator)
    of_dev.up(dev)
    path.unlink()
    stack.up(promoted(of_dev.outputs(dev)["name"]))
    assert stack.outputs(promoted(""))["contentHash"] == of_dev.outputs(dev)["contentHash"]


@pytest.mark.parametrize(
    "image", [{}, {"steps": None}, {"base": "base", "steps": []}, manifest("x", runtimeMemoryMB=2048)]
)
def test_record_of_another_client_is_promoted_as_it_is(stack: Stack, image: dict[str, Any]) -> None:
    """Whatever its manifest lacks, the hash is that of its bytes."""
    create(stack.emulator, "theirs", image).raise_for_status()
    stack.up(promoted("theirs"))
    records = named(stack.emulator)
    assert records["stable"]["contentHash"][:64] == records["theirs"]["contentHash"][:64] == content_hash(image)
    assert records["stable"]["manifest"].get("runtimeMemoryMB") == image.get("runtimeMemoryMB")


def test_content_that_was_built_as_a_variant_keeps_both_hashes(stack: Stack) -> None:
    """Both the declared hash and the built hash are the source's."""
    leave_build(stack.emulator, DEV, "building", age=4000)
    dev = Stack(stack.emulator)
    dev.up(DEV)
    of_dev = dev.outputs(DEV)
    assert of_dev["builtHash"] != of_dev["contentHash"]
    for more in ({}, {"sourceHash": of_dev["contentHash"]}):
        wanted = promoted(of_dev["name"], **more)
        stack.up(wanted)
        found = stack.outputs(wanted)
        assert [found[key] for key in ("contentHash", "builtHash")] == [
            of_dev[key] for key in ("contentHash", "builtHash")
        ]


def test_hash_is_known_in_a_check_only_where_it_is_given(stack: Stack) -> None:
    """A check sends no request."""
    with stack.process() as lifecycle:
        plain = lifecycle.check(SNAPSHOT, "urn", {}, promoted("x").news).inputs
        assert "contentHash" not in plain
        assert lifecycle.preview(SNAPSHOT, "urn", plain, Lines())["contentHash"] is UNKNOWN
        given = lifecycle.check(SNAPSHOT, "urn", {}, promoted("x", sourceHash="a" * 64).news).inputs
        assert given["contentHash"] == "a" * 64
    assert calls(stack.emulator) == []


def test_source_with_other_content_than_was_said_is_refused(stack: Stack, source: str) -> None:
    """Nothing is changed."""
    with pytest.raises(InvalidInputError, match=f"sourceHash: is {'a' * 64}, but the snapshot '{source}' holds "):
        stack.up(promoted(source, sourceHash="a" * 64))
    assert set(named(stack.emulator)) == {source}


def test_same_hash_under_another_name_only_rewrites_the_state(stack: Stack, source: str) -> None:
    """If the hash is given, only the content counts."""
    stack.up(promoted(source))
    wanted = stack.outputs(promoted(source))["contentHash"]
    stack.emulator.forget_requests()
    stack.up(promoted("elsewhere", sourceHash=wanted))
    assert calls(stack.emulator) == []
    assert stack.outputs(promoted(""))["sourceSnapshot"] == "elsewhere"
    assert stack.outputs(promoted(""))["contentHash"] == wanted


def test_source_that_is_not_there_is_an_error_that_says_what_to_do(stack: Stack) -> None:
    """The error names the source."""
    with pytest.raises(NotFoundError, match="There is no snapshot 'nothing' at ") as caught:
        stack.up(promoted("nothing"))
    assert "larger than 2 MB" in str(caught.value)


def test_source_that_is_not_ready_is_an_error(stack: Stack, source: str) -> None:
    """No sandbox could start from it either."""
    stack.emulator.delete_checkpoint(named(stack.emulator)[source]["checkpointId"])
    with pytest.raises(ConflictError, match="is ready without an image"):
        stack.up(promoted(source))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"source": "a/b"}, "sourceSnapshot: must not hold '/'"),
        ({"sourceHash": "12"}, "sourceHash: must be a content hash"),
        ({"secretPaths": ["sourceSnapshot"]}, "sourceSnapshot: must not be secret"),
    ],
)
def test_what_names_no_source_is_refused(stack: Stack, more: dict[str, Any], words: str) -> None:
    """Each problem names its property."""
    with pytest.raises(InvalidInputError, match=words):
        stack.up(promoted(**{"source": "x", **more}))


def test_source_beside_a_manifest_is_refused(stack: Stack) -> None:
    """The user must choose one of them."""
    with pytest.raises(InvalidInputError, match="sourceSnapshot: can't be combined with manifest"):
        stack.up(snapshot(sourceSnapshot="x"))
    with pytest.raises(InvalidInputError, match="sourceHash: is the content hash that the source must have"):
        stack.up(snapshot(sourceHash="a" * 64))


def test_promoted_versions_are_kept_and_gone_back_to_without_their_source(stack: Stack, source: str) -> None:
    """A kept version is found by its generated name, which depends on the name of its source."""
    dev = Stack(stack.emulator)
    other = snapshot("make two", urn="dev2", name=None)
    dev.up(other)
    first, second = (promoted(each, name=None, keep=1) for each in (source, dev.outputs(other)["name"]))
    stack.up(first)
    one = stack.outputs(first)["name"]
    stack.up(second)
    call(stack.emulator, "DELETE", f"/api/snapshots/{source}")
    builds = _builds(stack)
    stack.up(first)
    assert stack.outputs(first)["name"] == one
    assert len(stack.outputs(first)["versions"]) == 2
    assert _builds(stack) == builds


def test_declared_content_in_place_of_a_source_of_the_same_only_rewrites_the_state(stack: Stack, source: str) -> None:
    """The manifest is in the state again."""
    stack.up(promoted(source))
    stack.emulator.forget_requests()
    declared = snapshot("make one", urn="prod", name="stable")
    stack.up(declared)
    assert calls(stack.emulator) == []
    assert stack.outputs(declared)["manifest"]["steps"][-1] == {"run": ["make one"]}
    assert "sourceSnapshot" not in stack.outputs(declared)


def test_nothing_of_the_content_is_shown(stack: Stack) -> None:
    """The record doesn't say what is secret, so a build of it shows nothing of its steps."""
    image = manifest("echo TOKEN-of-dev > /etc/token")
    create(stack.emulator, "theirs", image).raise_for_status()
    stack.emulator.change_build(content_hash(image), "failed")
    stack.up(promoted("theirs"))
    assert "run (content of theirs)" in stack.lines.text
    assert "TOKEN" not in stack.lines.text
    with pytest.raises(InvalidInputError) as caught:
        stack.up(promoted("theirs", sourceHash="b" * 64))
    assert "TOKEN" not in f"{caught.value} {stack.lines.text}"


def test_source_that_was_made_a_moment_ago_is_waited_for_behind_the_edge(shared_edge: FaultyEmulator) -> None:
    """A channel refers to a version of the same program that the index does not show yet."""
    shared_edge.set_edge(lag=[8, 8])
    try:
        stack = Stack(shared_edge, time=SharedTime(shared_edge))
        create(shared_edge, "first", manifest("first")).raise_for_status()
        shared_edge.advance(10)
        stack.up(DEV, promoted(_name_of(stack, DEV)))
        assert stack.outputs(promoted(""))["contentHash"] == stack.outputs(DEV)["contentHash"]
    finally:
        shared_edge.set_edge(lag=[0.3, 0.3])


def _name_of(stack: Stack, resource: Resource) -> str:
    with stack.process() as lifecycle:
        return str(lifecycle.check(SNAPSHOT, resource.urn, {}, resource.news).inputs["name"])


@pytest.mark.parametrize("lag", [1, 8])
def test_source_that_this_run_has_replaced_is_promoted_with_its_new_content(
    start_edge: Callable[..., Stack], lag: float
) -> None:
    """The index still shows the old record; the run knows the id of the new one."""
    stack = start_edge(lag)
    old, new = snapshot("make old"), snapshot("make new")
    stack.up(old)
    stack.emulator.advance(700)
    stack.up(new, promoted("fixed"))
    assert stack.outputs(promoted(""))["contentHash"] == stack.outputs(new)["contentHash"]


def test_source_of_an_expected_hash_is_waited_for_behind_the_edge(start_edge: Callable[..., Stack]) -> None:
    """Another run may have replaced it a moment ago, so a record with another hash may be out of date."""
    stack = start_edge(8)
    old, new = snapshot("make old"), snapshot("make new")
    stack.up(old)
    stack.emulator.advance(700)
    stack.up(new)
    wanted = promoted("fixed", sourceHash=stack.outputs(new)["contentHash"])
    production = Stack(stack.emulator, time=stack.time)
    production.up(wanted)
    assert production.outputs(wanted)["contentHash"] == stack.outputs(new)["contentHash"]


def test_source_that_the_index_shows_with_old_content_for_too_long_is_an_error(
    start_edge: Callable[..., Stack],
) -> None:
    """Promoting the old content would be wrong, and nothing is lost by running again."""
    stack = start_edge(0)
    old, new = snapshot("make old"), snapshot("make new")
    stack.up(old)
    stack.emulator.advance(700)
    stack.emulator.set_edge(lag=[1000, 1000])
    with pytest.raises(UnavailableError, match="still shows its old content"):
        stack.up(new, promoted("fixed"))
    stack.emulator.advance(1000)
    stack.up(new, promoted("fixed"))
    assert stack.outputs(promoted(""))["contentHash"] == stack.outputs(new)["contentHash"]


def test_source_of_this_run_is_waited_for_in_an_account_without_records(start_edge: Callable[..., Stack]) -> None:
    """The run has made it, so it exists, whatever the index shows."""
    stack = start_edge(8)
    stack.up(snapshot("make old"), promoted("fixed"))
    assert stack.outputs(promoted(""))["contentHash"] == stack.outputs(snapshot())["contentHash"]
