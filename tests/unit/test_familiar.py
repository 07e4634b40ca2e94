"""Telling which parts of a manifest the program gave in clear."""

import pytest

from pulumi_opencomputer.dynamic import _with_unseen_secrets
from pulumi_opencomputer.lifecycle import UNKNOWN
from pulumi_opencomputer.manifest.familiar import digest, parts, unfamiliar

STEPS = [{"run": ["true"]}, {"env": {"A": "1", "B": "2"}}, {"addFile": {"path": "/f", "content": "c", "mode": None}}]
MANIFEST = {"base": "base", "steps": STEPS, "builderMemoryMB": 2048}
KNOWN = [digest(path, part) for path, part in parts(MANIFEST)]


def test_what_the_engine_sends_back_is_known():
    """Numbers come as floats, keys in another order, and without those that have no value; steps may change places."""
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
    """By its own place."""
    assert list(unfamiliar(manifest, KNOWN)) == paths


def test_a_value_that_is_not_known_yet_is_told_later():
    """In a preview; the deployment knows it."""
    assert list(unfamiliar({**MANIFEST, "steps": [{"run": [UNKNOWN]}]}, KNOWN)) == []
    assert list(unfamiliar(UNKNOWN, KNOWN)) == []


def test_the_digests_are_no_input_of_the_lifecycle():
    """They become places of secrets, beside those that the program told."""
    added = {**MANIFEST, "steps": [{"run": ["hunter2"]}]}
    inputs = {"manifest": added, "knownParts": KNOWN, "secretPaths": ["name"]}
    assert _with_unseen_secrets(inputs) == {"manifest": added, "secretPaths": ["name", "manifest.steps[0]"]}
    assert _with_unseen_secrets({"manifest": MANIFEST, "knownParts": KNOWN}) == {"manifest": MANIFEST}
    assert _with_unseen_secrets({"manifest": added}) == {"manifest": added}
    whole = {"manifest": added, "secretPaths": ["manifest"]}
    assert _with_unseen_secrets({**whole, "knownParts": []}) == whole
