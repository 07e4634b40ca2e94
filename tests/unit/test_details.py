"""The property paths of a change, as previews show them."""

from typing import Any

import pytest

from pulumi_opencomputer.lifecycle import UNKNOWN, Change
from pulumi_opencomputer.lifecycle.detailed_diff import manifest_changes
from pulumi_opencomputer.lifecycle.kinds import IMAGE

OLD: dict[str, Any] = {
    "base": "base",
    "steps": [
        {"aptInstall": ["jq"]},
        {"env": {"TOKEN": "old"}},
        {"addDir": {"path": "/app", "source": "./app", "files": 2, "bytes": 10}},
    ],
}
APT, ENV, APP = OLD["steps"]
ADD, DELETE, UPDATE = Change.ADD, Change.DELETE, Change.UPDATE


def local(**more):
    """The third step with changed properties."""
    return {"addDir": {**APP["addDir"], **more}}


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([APT, {"env": {"TOKEN": "new"}}, APP], {"steps[1].env": UPDATE}),
        ([APT, {"run": ["make"]}, APP], {"steps[1].env": DELETE, "steps[1].run": ADD}),
        ([*OLD["steps"], {"workdir": "/app"}], {"steps[3].workdir": ADD}),
        ([APT], {"steps[1].env": DELETE, "steps[2].addDir": DELETE}),
        ([APT, {"env": {"TOKEN": UNKNOWN}}, APP], {"steps[1].env": UPDATE}),
        ([APT, {"env": UNKNOWN}, APP], {"steps[1].env": UPDATE}),
        ([APT, UNKNOWN, APP], {"steps[1]": UPDATE}),
        ([APT, ENV, APP, UNKNOWN], {"steps[3]": UPDATE}),
        ([APT, ENV, local(files=3)], {"steps[2].addDir": UPDATE}),
        ([{"aptInstall": ["rg"]}, ENV, local(source="./moved")], {"steps[0].aptInstall": UPDATE}),
        (UNKNOWN, {"steps": UPDATE}),
    ],
)
def test_a_change_has_the_path_of_its_step(steps, expected):
    """Changed, added, removed and unknown steps have a path; a moved source directory alone is no change of content."""
    assert manifest_changes(OLD, {**OLD, "steps": steps}) == {f"manifest.{key}": each for key, each in expected.items()}


def test_a_digest_names_the_step_whose_files_changed():
    """This works even if several steps embed local files."""
    other = {"addDir": {"path": "/lib", "source": "./lib", "digest": "1"}}
    old = {"base": "base", "steps": [local(digest="1"), other]}
    new = {"base": "base", "steps": [local(digest="2"), other]}
    assert manifest_changes(old, new) == {"manifest.steps[0].addDir": UPDATE}


def test_a_digest_that_only_one_side_has_is_ignored():
    """An old state has no digest, nor has a preview with an unknown value; a variable may be called `digest`."""
    steps = [local(), {"addDir": {"path": "/lib", "source": "./lib"}}]
    with_digests = [local(digest="1"), {"addDir": {"path": "/lib", "source": "./lib", "digest": "2"}}]
    for before, after in ((steps, with_digests), (with_digests, steps)):
        assert manifest_changes({"steps": before}, {"steps": after}) == {}
    assert manifest_changes({"steps": [{"env": {"A": "1"}}]}, {"steps": [{"env": {"A": "1", "digest": "2"}}]}) == {
        "manifest.steps[0].env": UPDATE
    }


def test_changed_files_are_shown_at_the_only_local_step():
    """If nothing declared differs, only a local file can have changed."""
    assert manifest_changes(OLD, OLD) == {"manifest.steps[2].addDir": UPDATE}


def test_changed_files_are_shown_at_no_step_if_several_have_files():
    """Without digests in the state, nothing shows which step's files changed."""
    two = {"steps": [APP, APP]}
    assert manifest_changes(two, two) == {}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({}, {"base": "base"}, {}),
        ({}, {"base": "other"}, {"manifest.base": UPDATE}),
        ({}, {"rebuild": "1"}, {"manifest.rebuild": ADD}),
        ({"rebuild": "1"}, {"rebuild": "2"}, {"manifest.rebuild": UPDATE}),
        ({"rebuild": "1"}, {}, {"manifest.rebuild": DELETE}),
        ({"builderMemoryMB": 1}, {"builderMemoryMB": 2}, {}),
    ],
)
def test_base_and_rebuild_are_content_but_memory_sizes_are_not(old, new, expected):
    """A change of base or rebuild token is shown; a change of a memory size is not."""
    assert manifest_changes(old, new) == expected


def test_an_unknown_manifest_is_one_change():
    """A manifest that is not known yet may differ anywhere."""
    assert manifest_changes(OLD, UNKNOWN) == {"manifest": UPDATE}


def test_a_moved_directory_alone_has_no_details():
    """While the hash stays, there is nothing to show."""
    moved = {**OLD, "steps": [APT, ENV, local(source="./moved")]}
    found = IMAGE.diff({"manifest": OLD, "contentHash": "1"}, {"manifest": moved, "contentHash": "1"})
    assert not found.replacing
    assert not found.updating


def test_a_change_of_secrecy_is_shown_at_its_step():
    """The path is cut at the step: below it there may be names that the engine's paths can't contain."""
    olds = {"contentHash": "1", "secretPaths": ["manifest.steps[1].env.TOKEN"]}
    news = {"contentHash": "1", "secretPaths": ["manifest.steps[1].env.TOKEN", "manifest.steps[0].run[1]"]}
    assert IMAGE.diff(olds, news).updating == {"manifest.steps[0].run": UPDATE}
