"""Where a change stands, as previews show it."""

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
    """The third step, changed."""
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
def test_a_change_is_named_down_to_its_step(steps, expected):
    """Changed, added, removed and unknown steps have their path; a moved directory is no change of content."""
    assert manifest_changes(OLD, {**OLD, "steps": steps}) == {f"manifest.{key}": each for key, each in expected.items()}


def test_a_digest_names_the_step_whose_files_changed():
    """Also where several steps have files of this machine."""
    other = {"addDir": {"path": "/lib", "source": "./lib", "digest": "1"}}
    old = {"base": "base", "steps": [local(digest="1"), other]}
    new = {"base": "base", "steps": [local(digest="2"), other]}
    assert manifest_changes(old, new) == {"manifest.steps[0].addDir": UPDATE}


def test_a_digest_that_one_side_lacks_says_nothing():
    """An old state has none, nor has a preview in which a value is not known; a variable may have its name."""
    steps = [local(), {"addDir": {"path": "/lib", "source": "./lib"}}]
    with_digests = [local(digest="1"), {"addDir": {"path": "/lib", "source": "./lib", "digest": "2"}}]
    for before, after in ((steps, with_digests), (with_digests, steps)):
        assert manifest_changes({"steps": before}, {"steps": after}) == {}
    assert manifest_changes({"steps": [{"env": {"A": "1"}}]}, {"steps": [{"env": {"A": "1", "digest": "2"}}]}) == {
        "manifest.steps[0].env": UPDATE
    }


def test_bytes_of_the_only_local_step_name_it():
    """Where nothing declared differs, only a local file can have changed."""
    assert manifest_changes(OLD, OLD) == {"manifest.steps[2].addDir": UPDATE}


def test_bytes_of_one_of_several_local_steps_name_none():
    """Which of them changed can't be told: the state has no digests."""
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
def test_what_stands_beside_the_steps_counts_where_it_decides(old, new, expected):
    """Base and token are content, memory sizes are not."""
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


def test_a_changed_secrecy_is_shown_at_its_step():
    """A path below a step is cut to it: what is below may be a name that no path of the engine can hold."""
    olds = {"contentHash": "1", "secretPaths": ["manifest.steps[1].env.TOKEN"]}
    news = {"contentHash": "1", "secretPaths": ["manifest.steps[1].env.TOKEN", "manifest.steps[0].run[1]"]}
    assert IMAGE.diff(olds, news).updating == {"manifest.steps[0].run": UPDATE}
