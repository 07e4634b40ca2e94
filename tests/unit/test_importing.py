"""Imports keep a record's values and hash, even if such values would be quoted or refused in a program."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pulumi_opencomputer.api.records import Record
from pulumi_opencomputer.content.hashing import content_hash
from pulumi_opencomputer.errors import InvalidInputError
from pulumi_opencomputer.lifecycle.check import HashMemory
from pulumi_opencomputer.lifecycle.kinds import IMAGE, SNAPSHOT
from pulumi_opencomputer.lifecycle.run import Run
from pulumi_opencomputer.lifecycle.types import Checked, Clock, Imported
from pulumi_opencomputer.manifest.prepared import prepare

URN = "urn:pulumi:dev::project::opencomputer:index:Snapshot::s"

# Values that are quoted in a program, and values that are refused there.
QUOTED_NOW = [
    {"type": "pip_install", "args": {"packages": ["jax", "pandas>=2,<3"]}},
    {"type": "pip_install", "args": {"packages": ["numpy\n", "jax"]}},
    {"type": "run", "args": {"commands": ["true\n", "true"]}},
]
REFUSED_NOW = [
    {"type": "pip_install", "args": {"packages": ["numpy", "# CV", "opencv-python-headless"]}},
    {"type": "apt_install", "args": {"packages": ["linux-headers-$(uname -r)"]}},
    {"type": "run", "args": {"commands": ["cat > f <<EOF\nhello\nEOF", "chmod 600 f"]}},
    {"type": "workdir", "args": {"path": "/srv/a b"}},
    {"type": "add_file", "args": {"path": "/srv/", "content": "aGVsbG8=", "encoding": "base64"}},
]


def no_client() -> Any:
    raise AssertionError("an import asks the server for the record alone, which is there")


RUN = Run(no_client, lambda: "http://127.0.0.1", Clock(lambda _: None, lambda: 0.0))


def record(step: dict[str, Any]) -> Record:
    manifest = {"base": "base", "steps": [{"type": "workdir", "args": {"path": "/w"}}, step]}
    return Record("1", "daily", content_hash(manifest), "ready", "checkpoint", "2026-08-01T00:00:00Z", None, manifest)


def taken_over(record: Record) -> Imported:
    return SNAPSHOT.import_(RUN, URN, record)


def checked_again(olds: dict[str, Any], manifest: Any) -> Checked:
    return SNAPSHOT.check(URN, olds, {"manifest": manifest, "name": "daily"}, HashMemory())


@pytest.mark.parametrize("step", [*QUOTED_NOW, *REFUSED_NOW])
def test_an_imported_record_keeps_its_hash(step):
    """The next run changes nothing, and a new build sends the same manifest."""
    made = record(step)
    inputs = taken_over(made).inputs
    assert inputs["contentHash"] == made.content_hash
    checked = checked_again(inputs, inputs["manifest"])
    assert (checked.problems, checked.inputs["contentHash"]) == ((), made.content_hash)
    sent = prepare(inputs["manifest"], made.content_hash).image()
    assert sent == made.manifest


@pytest.mark.parametrize("step", [*QUOTED_NOW, *REFUSED_NOW])
def test_unusual_values_of_a_record_are_one_warning_with_advice(step):
    """The warning has the step's path, and says how to write the values in a program."""
    ((path, reason),) = taken_over(record(step)).warnings
    assert path.startswith("manifest.steps[1].")
    assert reason.startswith("keeps the wording of the server's record")
    assert ("put it in single quotes" in reason) == (step in QUOTED_NOW)


@pytest.mark.parametrize("step", REFUSED_NOW)
def test_a_changed_manifest_with_such_values_is_refused(step):
    """They are only accepted in a manifest that is exactly the recorded one."""
    inputs = taken_over(record(step)).inputs
    changed = {**inputs["manifest"], "rebuild": "2"}
    assert checked_again(inputs, changed).problems
    with pytest.raises(InvalidInputError):
        prepare(changed, inputs["contentHash"])


@pytest.mark.parametrize("step", QUOTED_NOW)
def test_a_new_program_with_such_values_has_them_quoted(step):
    """The quoted values are sent, so the hash differs from the record's."""
    inputs = taken_over(record(step)).inputs
    checked = checked_again({}, inputs["manifest"])
    assert checked.problems == ()
    assert checked.inputs["contentHash"] != inputs["contentHash"]


def test_ordinary_values_of_a_record_are_no_warning():
    """Most records have nothing else."""
    made = taken_over(record({"type": "pip_install", "args": {"packages": ["pandas==2.2.3", "numpy jax"]}}))
    assert made.warnings == ()


@pytest.mark.parametrize(
    ("step", "place"),
    [
        (
            {"type": "run", "args": {"commands": ["true", "04da6b54-80e4-46f7-96ec-b56ff0331ba9"]}},
            "manifest.steps[1].run[1]",
        ),
        (
            {"type": "env", "args": {"vars": {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}}},
            "manifest.steps[1].env.4dabf18193072939515e22adb298388d",
        ),
    ],
    ids=["an unknown value", "a secret"],
)
def test_a_record_that_contains_pulumis_own_markers_is_refused(step, place):
    """In a state, Pulumi would take such a text for an unknown value or a secret."""
    with pytest.raises(InvalidInputError, match="that Pulumi uses in a state to mark") as caught:
        taken_over(record(step))
    assert place.partition("['")[0] in str(caught.value)


def refusal(record: Record) -> str:
    """The error with which an import is refused."""
    with pytest.raises(InvalidInputError) as caught:
        (SNAPSHOT if record.name else IMAGE).import_(RUN, URN, record)
    return str(caught.value)


def test_a_record_that_no_program_can_declare_is_refused_with_a_way_out():
    """Its files are not the cause, so giving them by source would not help. An image has no name to adopt."""
    made = record({"type": "run", "args": {"commands": ["true"], "cwd": "/x"}})
    said = refusal(made)
    assert "because a program can't declare it. Declare it by hand with the words corrected, in a Snapshot with" in said
    assert "manifest.steps[1].args: must hold only commands." in said
    assert "given by source" not in said
    said = refusal(replace(made, name=None))
    assert "Declare it by hand with the words corrected.; " in said
    assert "adopt" not in said


def test_a_name_that_cannot_be_declared_needs_another_one():
    """To adopt the name would fail in the same way."""
    said = refusal(replace(record(QUOTED_NOW[0]), name="a\tb"))
    assert "Create the image again under another name.; name: must not hold control characters" in said
    assert "adopt" not in said


def test_an_image_too_large_for_the_state_has_no_name_to_adopt():
    """Its files can still be given by source."""
    large = {"type": "add_file", "args": {"path": "/a", "content": "AAAA" * 2_000_000, "encoding": "base64"}}
    assert "given by source, in a Snapshot with adopt: true" in refusal(record(large))
    said = refusal(replace(record(large), name=None))
    assert "Instead, declare it with its files given by source. (" in said
