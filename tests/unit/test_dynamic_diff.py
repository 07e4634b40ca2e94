"""What the dynamic provider returns for a diff. If inputs differ, it lets the engine show them."""

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
    """Collects the lines that a session logs."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def log(self, _urn: str) -> Log:
        return lambda _severity, message, *, ephemeral=False: self.said.append(message)


@pytest.fixture
def lines(monkeypatch):
    """The lines that the provider's session logs."""
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
def test_changes_are_unknown_only_if_an_input_certainly_differs(lines, state, inputs, changes, replaces):
    """A lost record must be a definite change: its inputs are unchanged, so `unknown` would mean no change."""
    found = dynamic.SnapshotProvider().diff("daily", {**STATE, **state}, {**INPUTS, **inputs})
    assert (found.changes, found.replaces) == (changes, replaces)


def test_a_change_is_logged_once(lines):
    """The engine asks for a diff more than once, for example before a replacement."""
    for _ in range(2):
        dynamic.SnapshotProvider().diff("daily", STATE, {**INPUTS, **CHANGED})
    assert lines.said == ['step 1 run: +"make all" -make']
    dynamic.SnapshotProvider().diff("daily", STATE, INPUTS)
    assert len(lines.said) == 1
