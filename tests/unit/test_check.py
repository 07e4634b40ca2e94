"""check: what it validates, what it fills in, and what it never shows."""

import os
import re
import threading
from typing import Any

import pytest

from pulumi_opencomputer.content import hashing
from pulumi_opencomputer.lifecycle import UNKNOWN
from pulumi_opencomputer.lifecycle.check import HashMemory, check
from pulumi_opencomputer.lifecycle.kinds import IMAGE, SNAPSHOT
from pulumi_opencomputer.lifecycle.names import generated_name
from pulumi_opencomputer.manifest.builder import Manifest

URN = "urn:pulumi:dev::project::pulumi-python:dynamic/opencomputer:Snapshot::daily"
MANIFEST = {"base": "base", "steps": [{"run": ["true"]}]}
HASH = Manifest.from_dict(MANIFEST).cache_key()
OTHER = "0" * 64

# The function that a check calls for the content hash.
PREPARED = "pulumi_opencomputer.manifest.prepared.hash_with_digests"


def checked(kind=SNAPSHOT, olds=None, memory=None, urn=URN, **news):
    return check(kind, urn, olds or {}, {"manifest": MANIFEST, **news}, memory or HashMemory())


def problems(kind=SNAPSHOT, **news) -> list[str]:
    return [problem.path for problem in checked(kind, **news).problems]


def test_the_content_hash_is_filled_in():
    """The other inputs of an image stay as they are."""
    assert checked(IMAGE, secretPaths=[], urn="u").inputs == {
        "manifest": MANIFEST,
        "contentHash": HASH,
        "secretPaths": [],
    }


def test_inputs_without_a_value_are_dropped():
    """A program passes every input; None means that the user did not set it."""
    assert {"cached", "timeout"} & set(checked(name=None, cached=None, timeout=None).inputs) == set()


def test_counts_of_local_files_are_added_to_the_inputs(tmp_path):
    """The state then shows how many files and bytes a source has, but not the bytes."""
    (tmp_path / "f").write_bytes(b"123")
    manifest = {"base": "base", "steps": [{"addDir": {"path": "/d", "source": str(tmp_path)}}]}
    body = checked(manifest=manifest).inputs["manifest"]["steps"][0]["addDir"]
    digest = body.pop("digest")
    assert body == {"path": "/d", "source": str(tmp_path), "files": 1, "bytes": 3}
    assert re.fullmatch(r"[0-9a-f]{8}", digest)


def digests(manifest: dict[str, Any], **more) -> list[str | None]:
    """The digest of each step of a manifest after a check."""
    steps = checked(manifest=manifest, **more).inputs["manifest"]["steps"]
    return [next(iter(step.values())).get("digest") for step in steps]


def test_each_local_step_has_a_digest_of_its_own(tmp_path):
    """It changes only with the content and names of that step's files; a remembered hash comes with its digests."""
    memory = HashMemory()

    def found(place="one", extra=(), ignore=()):
        steps = [
            {"addDir": {"path": "/d", "source": str(tmp_path / place), **({"ignore": list(ignore)} if ignore else {})}},
            {"addFile": {"path": "/f", "source": str(tmp_path / "single")}},
            {"addFile": {"path": "/g", "content": "inline"}},
        ]
        return digests({"base": "base", "steps": [*extra, *steps]}, memory=memory)

    for place in ("one", "two"):
        (tmp_path / place / "sub").mkdir(parents=True)
        (tmp_path / place / "sub" / "a").write_bytes(b"12")
        (tmp_path / place / "b").write_bytes(b"3")
    (tmp_path / "single").write_bytes(b"4")
    first = found()
    assert first[0] != first[1]
    assert first[2] is None
    assert found() == found("two") == first
    os.utime(tmp_path / "two" / "b", (1, 1))
    assert found("two", extra=[{"addFile": {"path": "/h", "content": "more"}}])[1:] == first
    (tmp_path / "two" / "b").write_bytes(b"X")
    changed = found("two")
    assert (changed[0] != first[0], changed[1]) == (True, first[1])
    (tmp_path / "one" / "b").rename(tmp_path / "one" / "c")
    assert found()[0] not in (first[0], changed[0])
    assert found(ignore=["c"])[0] != found()[0]


def test_a_manifest_that_a_check_completed_is_hashed_as_the_programs_own(tmp_path):
    """The hash of an image's manifest output equals that of the program's manifest if the files are the same."""
    (tmp_path / "f").write_bytes(b"123")
    manifest = {"base": "base", "steps": [{"addDir": {"path": "/d", "source": str(tmp_path)}}]}
    memory = HashMemory()
    first = checked(manifest=manifest, memory=memory).inputs
    again = checked(manifest=first["manifest"], memory=memory).inputs
    assert (again["manifest"], again["contentHash"]) == (first["manifest"], first["contentHash"])


def test_an_old_state_without_digests_is_no_change(tmp_path):
    """Adding digests replaces and rewrites nothing, and a change in content is still shown at its step."""
    (tmp_path / "f").write_bytes(b"123")
    manifest = {"base": "base", "steps": [{"addDir": {"path": "/d", "source": str(tmp_path)}}, {"run": ["a"]}]}
    inputs = checked(manifest=manifest, name="n").inputs
    (body,) = inputs["manifest"]["steps"][0].values()
    old_step = {"addDir": {key: value for key, value in body.items() if key != "digest"}}
    old = {**inputs, "manifest": {"base": "base", "steps": [old_step, {"run": ["a"]}]}}
    assert not SNAPSHOT.diff(old, inputs).changes
    other = {
        **inputs,
        "contentHash": "0" * 64,
        "manifest": {"base": "base", "steps": [{"addDir": body}, {"run": ["b"]}]},
    }
    assert set(SNAPSHOT.diff(old, other).replacing) == {"contentHash", "manifest.steps[1].run"}


def test_a_recorded_manifest_keeps_its_hash():
    """The deployment that recorded it has validated it, and the server has built it under that hash."""
    inputs = checked(olds={"manifest": MANIFEST, "contentHash": OTHER}, name="toolchain").inputs
    assert (inputs["manifest"], inputs["contentHash"]) == (MANIFEST, OTHER)


@pytest.mark.parametrize(
    "olds",
    [
        {"manifest": {**MANIFEST, "builderMemoryMB": 512}, "contentHash": OTHER},
        {"manifest": {**MANIFEST, "steps": []}, "contentHash": OTHER},
        {"manifest": MANIFEST},
        {"contentHash": OTHER},
    ],
)
def test_another_manifest_than_the_recorded_is_examined(olds):
    """So is a manifest from which a part is missing, or whose hash is not recorded."""
    assert checked(olds=olds).inputs["contentHash"] == HASH


LOCAL = (
    {"addFile": {"path": "/f", "source": "/nowhere/f", "bytes": 1}},
    {"addDir": {"path": "/d", "source": "/nowhere"}},
)


def pinned(*steps):
    return {"manifest": {"base": "base", "steps": [*steps]}, "contentHash": OTHER}


def test_a_recorded_manifest_with_its_counts_keeps_its_hash_also_where_the_files_are_gone():
    """Counts are in the new inputs only if the engine inserts the recorded value, as `ignore_changes` makes it do."""
    olds = pinned(LOCAL[0], {"addDir": {**LOCAL[1]["addDir"], "files": 1, "bytes": 3}})
    found = checked(olds=olds, manifest=olds["manifest"])
    assert found.problems == ()
    assert found.inputs["contentHash"] == OTHER
    assert found.inputs["manifest"] == olds["manifest"]


@pytest.mark.parametrize("steps", [(LOCAL[1],), LOCAL])
def test_local_files_are_looked_at_where_a_count_is_missing(steps):
    """A program's manifest has no counts, so its files are always read."""
    olds = pinned(*steps)
    assert checked(olds=olds, manifest=olds["manifest"]).problems != ()


@pytest.mark.parametrize("content", [b"123", b"21"], ids=["another size", "the same size"])
def test_changed_files_of_a_manifest_with_counts_are_a_mistake(tmp_path, content):
    """A new snapshot would otherwise have other content than the image whose recorded manifest it uses."""
    (tmp_path / "f").write_bytes(b"12")
    manifest = {"base": "base", "steps": [{"addFile": {"path": "/f", "source": str(tmp_path / "f")}}]}
    recorded = checked(manifest=manifest).inputs["manifest"]
    assert checked(manifest=recorded).problems == ()
    (tmp_path / "f").write_bytes(content)
    (problem,) = checked(manifest=recorded).problems
    assert problem.path == "manifest"
    assert "its local files have changed or vanished since" in problem.reason


def test_a_snapshot_of_an_image_has_the_images_content():
    """If `ignore_changes` pins an Image, its content may differ from its program's: the error names the Image."""
    assert checked(imageHash=HASH).problems == ()
    (problem,) = checked(imageHash=OTHER).problems
    assert problem.path == "manifest"
    assert "differs from the content of the Image" in problem.reason


@pytest.mark.parametrize("image_hash", [HASH, UNKNOWN, None])
def test_an_images_hash_is_compared_but_not_recorded(image_hash):
    """A hash that is not known yet is not compared."""
    found = checked(imageHash=image_hash)
    assert found.problems == ()
    assert "imageHash" not in found.inputs


def test_a_snapshot_that_keeps_its_own_content_does_not_follow_its_image():
    """`ignore_changes` on the snapshot itself keeps the recorded content."""
    assert checked(olds={"manifest": MANIFEST, "contentHash": OTHER}, imageHash=HASH).problems == ()


def test_options_of_a_recorded_manifest_are_validated():
    """They may have changed although the manifest has not."""
    recorded = checked().inputs
    assert [problem.path for problem in checked(olds=recorded, timeout=-1, name="").problems] == ["timeout", "name"]


def test_a_name_is_generated_if_none_is_given():
    """It is derived from the URN and the content."""
    inputs = checked().inputs
    assert inputs["name"] == generated_name(URN, HASH)
    assert inputs["nameGenerated"] is True


def test_a_given_name_is_kept():
    """It is not marked as generated."""
    inputs = checked(name="toolchain").inputs
    assert (inputs["name"], "nameGenerated" in inputs) == ("toolchain", False)


@pytest.mark.parametrize(
    ("olds", "kept"),
    [
        ({"nameGenerated": True, "contentHash": HASH, "name": "old-1234567"}, True),
        ({"nameGenerated": True, "contentHash": OTHER, "name": "old-1234567"}, False),
        ({"contentHash": HASH, "name": "old"}, False),
        ({"nameGenerated": True, "contentHash": HASH}, False),
        ({}, False),
    ],
)
def test_a_generated_name_is_kept_as_long_as_the_content_stays(olds, kept):
    """It is kept even if a rename changes the URN. A name that the user gave earlier is not kept."""
    inputs = checked(olds=olds, urn=URN + "2").inputs
    assert inputs["name"] == ("old-1234567" if kept else generated_name(URN + "2", HASH))


@pytest.mark.parametrize("manifest", [UNKNOWN, {"base": "base", "steps": [{"run": [UNKNOWN]}]}])
def test_an_unknown_manifest_has_an_unknown_hash_and_name(manifest):
    """The preview shows them as a replacement."""
    found = checked(manifest=manifest)
    assert found.problems == ()
    assert (found.inputs["contentHash"], found.inputs["name"]) == (UNKNOWN, UNKNOWN)
    assert found.inputs["manifest"] == manifest


def test_unknown_options_pass():
    """An option that is not known yet is not validated."""
    found = checked(name=UNKNOWN, adopt=UNKNOWN, timeout=UNKNOWN)
    assert found.problems == ()
    assert (found.inputs["name"], found.inputs["contentHash"]) == (UNKNOWN, HASH)


@pytest.mark.parametrize(
    ("news", "path"),
    [
        ({"manifest": None}, "manifest"),
        ({"manifest": 5}, "manifest"),
        ({"manifest": {"base": "", "steps": []}}, "manifest.base"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": -1}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"timeout": 1e9}, "timeout"),
        ({"timeout": True}, "timeout"),
        ({"timeout": "30m"}, "timeout"),
        ({"name": ""}, "name"),
        ({"name": "a/b"}, "name"),
        ({"name": ["x"]}, "name"),
        ({"name": "hunter2", "secretPaths": ["name"]}, "name"),
        ({"name": UNKNOWN, "secretPaths": ["name"]}, "name"),
        ({"adopt": "yes"}, "adopt"),
        ({"adopt": 1}, "adopt"),
    ],
)
def test_a_mistake_is_reported_with_its_path(news, path):
    """No hash is computed then, and no name is generated."""
    found = checked(**news)
    assert [problem.path for problem in found.problems] == [path]
    assert "contentHash" not in found.inputs
    assert "nameGenerated" not in found.inputs
    assert "hunter2" not in str(found.problems)


def test_all_mistakes_are_reported_at_once():
    """Those in the manifest come first."""
    found = problems(manifest={"base": "", "steps": [{"run": []}]}, timeout=0, name="/", adopt=5)
    assert found == ["manifest.base", "manifest.steps[0].run", "timeout", "name", "adopt"]


def test_an_image_has_no_name():
    """Options that only a snapshot has are unknown inputs, like a misspelt one."""
    assert problems(IMAGE, name="fixed", adopt=True, nmae="x") == ["name", "adopt", "nmae"]
    assert "name" not in checked(IMAGE).inputs


def executable(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"")
    path.chmod(0o755)
    return {"base": "base", "steps": [{"addFile": {"path": "/remote-secret", "source": str(path)}}]}


def test_warnings_do_not_stop_a_check(tmp_path):
    """A warning is returned with its path, and is not a problem."""
    found = checked(manifest=executable(tmp_path, "tool.sh"))
    assert [warning.path for warning in found.warnings] == ["manifest.steps[0].addFile.source"]
    assert found.problems == ()


@pytest.mark.parametrize("paths", [["manifest.steps[0].addFile"], ["manifest"], UNKNOWN])
def test_a_secret_path_is_not_shown_in_a_warning(tmp_path, paths):
    """The texts of warnings contain local and remote paths."""
    ((_, reason),) = checked(manifest=executable(tmp_path, "hunter2-hunter2"), secretPaths=paths).warnings
    assert reason.startswith("[secret] is executable here")
    assert "hunter2" not in reason
    assert "remote-secret" not in reason


@pytest.mark.skipif(os.name != "posix", reason="writes while it reads")
def test_a_secret_source_that_changes_while_it_is_hashed_is_not_shown(tmp_path, monkeypatch):
    """The error says what is wrong, without the path."""
    path = tmp_path / "hunter2-hunter2"
    path.write_bytes(b"")
    manifest = {"base": "base", "steps": [{"addFile": {"path": "/f", "source": str(path)}}]}
    real = hashing.hash_with_digests

    def late(image, steps):
        path.write_bytes(b"changed")
        return real(image, steps)

    monkeypatch.setattr(PREPARED, late)
    (open_problem,) = checked(manifest=manifest).problems
    path.write_bytes(b"")
    (problem,) = checked(manifest=manifest, secretPaths=["manifest.steps[0].addFile.source"]).problems
    assert "hunter2" in open_problem.reason
    assert problem.reason.startswith("The local file [secret] changed")
    assert problem.path == "manifest"


@pytest.mark.skipif(os.name != "posix", reason="a name that Windows does not allow")
def test_no_problem_or_warning_contains_an_engine_colour_tag(tmp_path):
    """An unknown colour tag in any message would crash the engine; names of files and keys may contain one."""
    bad = "<{%oops%}>"
    (warning,) = checked(manifest=executable(tmp_path, bad)).warnings
    (problem,) = checked(manifest={"base": "base", "steps": [], bad: 1}).problems
    assert bad not in f"{warning}{problem}"
    assert "<{ %oops" in str(warning)
    assert "<{ %oops" in str(problem)


def test_values_stay_out_of_the_repr():
    """A repr may be written to a log."""
    manifest = {"base": "base", "steps": [{"run": ["hunter2"]}]}
    assert "hunter2" not in repr(checked(manifest=manifest))


class Reads:
    """Counts how often a manifest is hashed. With a gate, each hashing waits until the gate is opened."""

    def __init__(self, monkeypatch, gate=None):
        self.count = 0
        real = hashing.hash_with_digests

        def counting(image, steps):
            self.count += 1
            if gate is not None:
                gate.wait(20)
            return real(image, steps)

        monkeypatch.setattr(PREPARED, counting)


def test_a_hash_is_remembered_while_the_files_stay(tmp_path, monkeypatch):
    """Several snapshots of one directory read it once; if a file's time changes, it is read again."""
    (tmp_path / "f").write_bytes(b"1")
    manifest = {"base": "base", "steps": [{"addDir": {"path": "/d", "source": str(tmp_path)}}]}
    reads, memory = Reads(monkeypatch), HashMemory()
    first = {checked(manifest=manifest, memory=memory).inputs["contentHash"] for _ in range(3)}
    assert (len(first), reads.count) == (1, 1)
    os.utime(tmp_path / "f", (1, 1))
    assert {checked(manifest=manifest, memory=memory).inputs["contentHash"]} == first
    assert reads.count == 2


def test_simultaneous_checks_read_once(monkeypatch):
    """The engine checks several resources at a time, and those with the same manifest share one hashing."""
    gate = threading.Event()
    reads, memory = Reads(monkeypatch, gate), HashMemory()
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(checked(memory=memory).inputs["contentHash"])) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in threads:
        thread.join(20)
    assert (found, reads.count) == ([HASH] * 8, 1)


def test_a_failed_hash_is_not_remembered(monkeypatch):
    """The next check tries again."""
    memory, calls = HashMemory(), []
    real = hashing.hash_with_digests

    def once(image, steps):
        calls.append(image)
        if len(calls) == 1:
            raise OSError(5, "broken")
        return real(image, steps)

    monkeypatch.setattr(PREPARED, once)
    with pytest.raises(OSError, match="broken"):
        checked(memory=memory)
    assert checked(memory=memory).inputs["contentHash"] == HASH
