"""Recognising the parts of a manifest that the program gave without marking them as secret."""

import pytest

from pulumi_opencomputer.dynamic import _with_unseen_secrets
from pulumi_opencomputer.lifecycle import UNKNOWN
from pulumi_opencomputer.manifest.familiar import digest, parts, unfamiliar

STEPS = [{"run": ["true"]}, {"env": {"A": "1", "B": "2"}}, {"addFile": {"path": "/f", "content": "c", "mode": None}}]
MANIFEST = {"base": "base", "steps": STEPS, "builderMemoryMB": 2048}
KNOWN = [digest(path, part) for path, part in parts(MANIFEST)]


def test_the_programs_manifest_is_recognised_when_the_engine_returns_it():
    """Numbers may come back as floats, keys in another order or without null values, and steps in another order."""
    steps = [{"addFile": {"content": "c", "path": "/f"}}, {"env": {"B": "2", "A": "1"}}, {"run": ["true"]}]
    assert list(unfamiliar({"builderMemoryMB": 2048.0, "steps": steps, "base": "base"}, KNOWN)) == []


@pytest.mark.parametrize(
    ("manifest", "paths"),
    [
        ({**MANIFEST, "base": "hunter2"}, ["manifest.base"]),
        ({**MANIFEST, "rebuild": "hunter2"}, ["manifest.rebuild"]),
        ({**MANIFEST, "steps": [*STEPS, {"run": ["hunter2"]}]}, ["manifest.steps[3]"]),
        ({**MANIFEST, "steps": [{"run": ["true", "hunter2"]}]}, ["manifest.steps[0]"]),
        ({**MANIFEST, "steps": "hunter2"}, ["manifest.steps"]),
        ("hunter2", ["manifest"]),
    ],
)
def test_anything_else_may_be_secret(manifest, paths):
    """Each unknown part is returned with its own path."""
    assert list(unfamiliar(manifest, KNOWN)) == paths


def test_an_unknown_value_is_not_reported():
    """A preview can't know it; the deployment checks it again."""
    assert list(unfamiliar({**MANIFEST, "steps": [{"run": [UNKNOWN]}]}, KNOWN)) == []
    assert list(unfamiliar(UNKNOWN, KNOWN)) == []


def test_unrecognised_parts_become_secret_paths():
    """The lifecycle gets no digests, but the paths of these parts, added to those that the program marked as secret."""
    added = {**MANIFEST, "steps": [{"run": ["hunter2"]}]}
    inputs = {"manifest": added, "knownParts": KNOWN, "secretPaths": ["name"]}
    assert _with_unseen_secrets(inputs) == {"manifest": added, "secretPaths": ["name", "manifest.steps[0]"]}
    assert _with_unseen_secrets({"manifest": MANIFEST, "knownParts": KNOWN}) == {"manifest": MANIFEST}
    assert _with_unseen_secrets({"manifest": added}) == {"manifest": added}
    whole = {"manifest": added, "secretPaths": ["manifest"]}
    assert _with_unseen_secrets({**whole, "knownParts": []}) == whole
