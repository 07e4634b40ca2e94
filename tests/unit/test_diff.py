"""diff: what counts as a change, and whether it needs a replacement or an update."""

import pytest

from pulumi_opencomputer.lifecycle import UNKNOWN
from pulumi_opencomputer.lifecycle.kinds import IMAGE, SNAPSHOT

STATE = {
    "manifest": {"base": "base", "steps": [{"addFile": {"path": "/f", "source": "/old/f", "bytes": 1}}]},
    "contentHash": "1" * 64,
    "builtHash": "1" * 64,
    "name": "toolchain",
    "snapshotId": "id-1",
    "status": "ready",
    "createdAt": "2026-08-01T00:00:00Z",
    "lastUsedAt": "2026-08-02T00:00:00Z",
    "checkpointId": "cp-1",
    "apiUrl": "https://app.opencomputer.dev",
    "timeout": 1800.0,
    "adopt": False,
    "secretPaths": ["manifest.steps[0].addFile.source"],
    "urn": "urn:pulumi:dev::project::type::old",
}
OUTPUTS = {"builtHash", "snapshotId", "status", "createdAt", "lastUsedAt", "checkpointId", "apiUrl"}
INPUTS = {key: value for key, value in STATE.items() if key not in OUTPUTS}
MOVED = {"base": "base", "steps": [{"addFile": {"path": "/f", "source": "/new/f", "bytes": 1}}]}


@pytest.mark.parametrize(
    ("state", "inputs", "replaces", "updates"),
    [
        ({}, {}, (), ()),
        ({}, {"contentHash": "2" * 64}, ("contentHash",), ()),
        ({}, {"contentHash": UNKNOWN}, ("contentHash",), ()),
        ({}, {"name": "other"}, ("name",), ()),
        ({}, {"name": UNKNOWN}, ("name",), ()),
        ({}, {"contentHash": UNKNOWN, "name": UNKNOWN}, ("contentHash", "name"), ()),
        ({}, {"manifest": MOVED}, (), ()),
        ({}, {"manifest": UNKNOWN}, (), ()),
        ({}, {"timeout": 60.0}, (), ()),
        ({}, {"adopt": True}, (), ()),
        ({}, {"urn": "urn:pulumi:dev::project::type::new"}, (), ()),
        ({}, {"nameGenerated": True}, (), ()),
        ({"lastUsedAt": "2027-01-01T00:00:00Z"}, {}, (), ()),
        ({"builtHash": "3" * 64}, {}, (), ()),
        ({"status": "failed"}, {}, ("status",), ()),
        ({"status": "building"}, {}, ("status",), ()),
        ({"status": "foreign"}, {}, ("status",), ()),
        ({"status": "failed"}, {"contentHash": "2" * 64}, ("contentHash", "status"), ()),
        ({}, {"secretPaths": []}, (), ("secretPaths",)),
        ({}, {"secretPaths": ["manifest"]}, (), ("secretPaths",)),
        ({"secretPaths": []}, {}, (), ("secretPaths",)),
        ({"secretPaths": None}, {"secretPaths": []}, (), ()),
        ({}, {"contentHash": "2" * 64, "secretPaths": []}, ("contentHash",), ("secretPaths",)),
    ],
)
def test_only_another_content_or_name_or_a_lost_record_replaces(state, inputs, replaces, updates):
    """A moved path, a time, a memory size or a time limit is no change; a change of secrecy only rewrites the state."""
    found = SNAPSHOT.diff({**STATE, **state}, {**INPUTS, **inputs})
    assert (found.replaces, found.updates) == (replaces, updates)
    assert found.changes == bool(replaces or updates)


def test_diff_of_an_image_ignores_the_name():
    """An image has no name."""
    assert not IMAGE.diff(STATE, {**INPUTS, "name": "other"}).changes
    assert IMAGE.diff(STATE, {**INPUTS, "contentHash": "2" * 64}).replaces == ("contentHash",)


def test_diff_does_not_change_its_arguments():
    """diff is a pure function."""
    state, inputs = {**STATE}, {**INPUTS}
    SNAPSHOT.diff(state, inputs)
    assert (state, inputs) == (STATE, INPUTS)
