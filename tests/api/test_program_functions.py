"""Functions that look up snapshots in a program, without the plugin."""

from __future__ import annotations

import pytest
from pulumi.runtime.settings import reset_options

from emulator_process import Emulator
from pulumi_opencomputer import Manifest, SnapshotInfo, get_snapshot, list_snapshots, native
from pulumi_opencomputer.errors import ConfigurationError, InvalidInputError, NotFoundError

TOOLS = Manifest.base().apt_install(["jq"])


@pytest.fixture(autouse=True)
def no_mocks() -> None:
    """Remove the mocks of an earlier test: these tests are not programs run by Pulumi."""
    reset_options()


@pytest.fixture
def account(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """An emulator to which the environment variables lead."""
    for name, value in emulator.environment.items():
        monkeypatch.setenv(name, value)
    return emulator


def test_a_snapshot_is_found_by_its_name(account: Emulator) -> None:
    """The result has the fields that the server returns."""
    record = account.create("tools", TOOLS.to_dict())
    assert get_snapshot("tools") == SnapshotInfo(
        id=record["id"],
        name="tools",
        content_hash=TOOLS.cache_key(),
        status="ready",
        checkpoint_id=record["checkpointId"],
        created_at=record["createdAt"],
        last_used_at=record["lastUsedAt"],
    )


def test_all_snapshots_are_listed(account: Emulator) -> None:
    """The newest comes first."""
    for name in ("one", "two"):
        account.create(name, TOOLS.to_dict())
    assert [each.name for each in list_snapshots()] == ["two", "one"]


def test_a_missing_snapshot_is_an_error_with_name_address_and_advice(account: Emulator) -> None:
    """The user learns which snapshot is missing, where, and how to find the right name."""
    with pytest.raises(NotFoundError) as raised:
        get_snapshot("tols")
    told = str(raised.value)
    assert told.startswith(f"There is no snapshot 'tols' at {account.url} that the API key may see.")
    assert "list_snapshots()" in told


@pytest.mark.parametrize("name", [None, "", 5, object()], ids=["None", "empty", "5", "an object"])
def test_a_name_that_is_not_a_string_is_refused(name) -> None:
    """An Output is refused too, because its value is known too late."""
    with pytest.raises(InvalidInputError, match=r"^name: must be text that is not empty.*name\.apply\(get_snapshot\)"):
        get_snapshot(name)


def test_without_a_key_the_error_says_how_to_set_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the error of the resources."""
    monkeypatch.delenv("OPENCOMPUTER_API_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="pulumi config set --secret opencomputer:apiKey"):
        list_snapshots()


def test_both_modules_have_the_functions() -> None:
    """A program can import all its names from one module."""
    assert native.get_snapshot is get_snapshot
    assert native.list_snapshots is list_snapshots
