"""What the dynamic provider answers to a diff: the engine is left to show the inputs only where those differ."""

from __future__ import annotations

from typing import Any

import pytest

from pulumi_opencomputer import dynamic
from pulumi_opencomputer.engine.session import Session
from pulumi_opencomputer.lifecycle.log import Log

MANIFEST = {"base": "base", "steps": [{"run": ["make"]}]}
URN = "urn:pulumi:dev::project::pulumi-python:dynamic/opencomputer:Snapshot::daily"
INPUTS = {"urn": URN, "manifest": MANIFEST, "contentHash": "1" * 64, "name": "daily", "__provider": "x"}
STATE = {**INPUTS, "status": "ready", "snapshotId": "id", "apiUrl": "https://example.com"}


class Lines:
    """The lines of a session."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def log(self, _urn: str) -> Log:
        return lambda _severity, message, *, ephemeral=False: self.said.append(message)


@pytest.fixture
def lines(monkeypatch):
    """What a session says."""
    session, kept = Session(""), Lines()
    monkeypatch.setattr(session, "log", kept.log)
    monkeypatch.setattr(dynamic, "_session", lambda: session)
    return kept


CHANGED: dict[str, Any] = {"manifest": {"base": "base", "steps": [{"run": ["make all"]}]}, "contentHash": "2" * 64}


@pytest.mark.parametrize(
    ("state", "inputs", "changes", "replaces"),
    [
        ({}, {}, False, []),
        ({}, CHANGED, None, ["contentHash"]),
        ({}, {"name": "other"}, None, ["name"]),
        ({"status": "missing"}, {}, True, ["status"]),
        ({"status": "failed"}, CHANGED, None, ["contentHash", "status"]),
        ({}, {"secretPaths": ["manifest"]}, True, []),
    ],
    ids=["nothing", "other content", "another name", "lost", "lost and other content", "other secrets"],
)
def test_the_answer_is_unknown_only_where_an_input_differs_for_certain(lines, state, inputs, changes, replaces):
    """Taken for unknown, a record that is lost would be no change: its inputs are what they were."""
    found = dynamic.SnapshotProvider().diff("daily", {**STATE, **state}, {**INPUTS, **inputs})
    assert (found.changes, found.replaces) == (changes, replaces)


def test_a_change_is_said_once(lines):
    """The engine asks more than once, as of a replacement."""
    for _ in range(2):
        dynamic.SnapshotProvider().diff("daily", STATE, {**INPUTS, **CHANGED})
    assert lines.said == ['step 1 run: +"make all" -make']
    dynamic.SnapshotProvider().diff("daily", STATE, INPUTS)
    assert len(lines.said) == 1
