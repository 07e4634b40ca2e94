"""What proves that the server's cache has a content, and what a run remembers about contents that it never has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pulumi_opencomputer.api.client import Client
from stack import Stack, calls, image, leave_build, named, snapshot

StartEdge = Callable[..., Stack]

OLD, NEW = snapshot("make old"), snapshot("make new")
BUILT = image("make new")
SHARING = [snapshot("make new", urn=f"sharing-{number}", name=None) for number in range(4)]


def _posts(stack: Stack) -> int:
    return calls(stack.emulator).count("POST snapshots")


def _builds(stack: Stack) -> int:
    return len(stack.emulator.builds())


def _lose_image_of_another_stack(stack: Stack) -> None:
    """Leave a record of NEW's content in the index whose image no longer exists."""
    theirs = snapshot("make new", urn="theirs", name="theirs", stack="another")
    other = Stack(stack.emulator, time=stack.time)
    other.up(theirs)
    stack.emulator.delete_checkpoint(other.outputs(theirs)["checkpointId"])
    stack.emulator.advance(3600)


def test_name_is_not_missing_for_a_build_whose_image_the_index_only_seems_to_have(start_edge: StartEdge) -> None:
    """The index never hears that an image was deleted, so its record of an earlier build is no proof."""
    stack = start_edge(0)
    _lose_image_of_another_stack(stack)
    stack.up(OLD)
    builds_at_delete: list[int] = []

    class Watching(Client):
        def delete_snapshot(self, name: str) -> Any:
            if name == "fixed":
                builds_at_delete.append(_builds(stack))
            return super().delete_snapshot(name)

    stack.make_client = lambda settings: stack.client(settings, Watching)
    stack.up(NEW)
    assert builds_at_delete == [_builds(stack)]
    assert stack.outputs(NEW)["builtHash"] != stack.outputs(NEW)["contentHash"]
    assert set(named(stack.emulator)) == {"fixed", "theirs"}


def test_image_whose_content_the_index_only_seems_to_have_is_built_until_it_is_cached(start_edge: StartEdge) -> None:
    """An Image is made for the cache alone, so what shares its content takes it from there."""
    stack = start_edge(0)
    _lose_image_of_another_stack(stack)
    stack.up(BUILT, *SHARING)
    assert stack.outputs(BUILT)["builtHash"] != stack.outputs(BUILT)["contentHash"]
    assert {stack.outputs(each)["builtHash"] for each in SHARING} == {stack.outputs(BUILT)["builtHash"]}
    # One for the other stack, one that finds out that the content is never cached, and one of its variant.
    assert _builds(stack) == 3


@pytest.mark.parametrize("lag", [0, 8])
def test_replacement_behind_the_edge_uploads_twice_and_a_first_create_once(start_edge: StartEdge, lag: float) -> None:
    """The record of the very build is proof enough, once the index shows it."""
    stack = start_edge(lag)
    stack.up(OLD)
    assert _posts(stack) == 1
    stack.emulator.advance(60)
    stack.emulator.forget_requests()
    stack.up(NEW)
    assert _posts(stack) == 2


def test_content_that_failed_once_is_built_twice_for_all_that_share_it(stack: Stack) -> None:
    """The server never caches it, so its variant is built for the second one, and all others take that."""
    leave_build(stack.emulator, NEW, "failed")
    before = _builds(stack)
    stack.up(*SHARING)
    assert _builds(stack) == before + 2
    assert len({stack.outputs(each)["builtHash"] for each in SHARING[1:]}) == 1


def test_content_that_failed_once_is_built_for_no_snapshot_of_an_image(stack: Stack) -> None:
    """The run remembers which variant the Image has in the cache."""
    leave_build(stack.emulator, NEW, "failed")
    before = _builds(stack)
    stack.up(BUILT, NEW, *SHARING)
    assert _builds(stack) == before + 2
    assert stack.outputs(NEW)["builtHash"] == stack.outputs(BUILT)["builtHash"] != stack.outputs(BUILT)["contentHash"]


def test_content_that_the_server_builds_again_behind_the_edge_is_left(start_edge: StartEdge) -> None:
    """The index does not show that a build has failed; the second build of one content in a run does."""
    stack = start_edge(0)
    leave_build(stack.emulator, NEW, "failed")
    before = _builds(stack)
    stack.up(*SHARING)
    assert _builds(stack) == before + 3


def test_image_takes_the_variant_that_an_earlier_run_built(stack: Stack) -> None:
    """Before it builds a variant it looks which one is in the cache."""
    leave_build(stack.emulator, NEW, "failed")
    leave_build(stack.emulator, NEW, "building", age=3600, variant=1)
    ready = leave_build(stack.emulator, NEW, "ready", variant=2)
    before = _builds(stack)
    stack.emulator.forget_requests()
    stack.up(BUILT)
    assert _posts(stack) == 2
    assert stack.outputs(BUILT)["builtHash"] == ready
    assert stack.outputs(BUILT)["cached"] is True
    assert _builds(stack) == before + 1


def test_resources_that_share_a_content_look_at_its_record_once(stack: Stack) -> None:
    """Only the second one looks whether the first one's build is in the cache; where an Image proved that, none."""
    stack.up(*SHARING)
    assert calls(stack.emulator).count("GET images") == 1
    stack.destroy()
    stack.emulator.forget_requests()
    other = image("make other")
    stack.up(other, *(snapshot("make other", urn=each.urn, name=None) for each in SHARING))
    assert calls(stack.emulator).count("GET images") == 1


def test_blocked_content_behind_the_edge_is_waited_for_once_a_run(start_edge: StartEdge) -> None:
    """Each wait takes 120 s; after the first one the run requests the variant."""
    stack = start_edge(0)
    stack.up(OLD)
    stack.emulator.fail({"kind": "build", "outcome": "blocked", "contains": "make new", "count": 1})
    stack.emulator.forget_requests()
    stack.up(OLD, *SHARING)
    # One is in vain, one builds the variant, and three take that from the cache.
    assert _posts(stack) == 5
    assert len(stack.lines.warnings) == 1
    assert len({stack.outputs(each)["builtHash"] for each in SHARING}) == 1


def test_blocked_content_that_the_index_shows_as_ready_is_requested_twice(start_edge: StartEdge) -> None:
    """Each request waits 120 s in vain. A ready record is a reason for a second one, not for a third."""
    stack = start_edge(0)
    stack.up(NEW)
    stack.emulator.lose_checkpoint(stack.outputs(NEW)["checkpointId"])
    stack.emulator.fail({"kind": "build", "outcome": "blocked", "contains": "make new", "count": 1})
    stack.emulator.forget_requests()
    stack.up(NEW, SHARING[0])
    assert _posts(stack) == 3
    assert "the server's index shows this content as ready, but the server waits in vain" in stack.lines.text
    assert stack.outputs(SHARING[0])["builtHash"] != stack.outputs(SHARING[0])["contentHash"]


def test_content_without_steps_that_failed_once_is_built_for_each_snapshot(stack: Stack) -> None:
    """It has no variants, and the server still builds it."""
    bare = [snapshot(urn=f"bare-{number}", name=None, manifest={"base": "base", "steps": []}) for number in range(3)]
    leave_build(stack.emulator, bare[0], "failed")
    before = _builds(stack)
    stack.up(*bare)
    assert _builds(stack) == before + 3


def test_look_that_the_server_refuses_does_not_stop_a_build(stack: Stack) -> None:
    """The look only saves a build."""
    stack.emulator.fail({"method": "GET", "path": "/api/images", "kind": "status", "status": 403, "count": 1000})
    stack.up(*SHARING)
    assert set(named(stack.emulator)) == {stack.outputs(each)["name"] for each in SHARING}
