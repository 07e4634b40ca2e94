"""Resource options, components and subclasses, drift, and conflicting settings work as Pulumi promises."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from adapters import Adapter
from emulator_process import DEADLINE, Emulator
from project import Project, Ran
from pulumi_opencomputer.lifecycle.names import mark

OPTIONS = """
    Options = pulumi.ResourceOptions

    class Toolchain(Snapshot):
        pass

    class Team(pulumi.ComponentResource):
        def __init__(self, name):
            super().__init__("test:index:Team", name)
            opts = Options(parent=self)
            self.snapshot = Snapshot(f"{name}-own", Manifest.base().run_commands("team"), name="team", opts=opts)
            self.register_outputs({})

    changing = Manifest.base().run_commands("version VERSION")
    resources = dict(
        early=Snapshot("early", changing, name="early", opts=Options(delete_before_replace=True)),
        kept=Snapshot("kept", changing, opts=Options(retain_on_delete=True)),
        frozen=Snapshot("frozen", changing, name="frozen", opts=Options(ignore_changes=["manifest"])),
        guarded=Snapshot("guarded", Manifest.base(), name="guarded", opts=Options(protect=True)),
        subclass=Toolchain("subclass", Manifest.base(), name="subclass"),
        team=Team("team").snapshot,
    )
    if VERSION == 1:
        resources["renamed"] = Snapshot("then", Manifest.base().run_commands("stays"), name="renamed")
        resources["moved"] = Snapshot("moved-then", Manifest.base().run_commands("moves"), name="moved")
    else:
        renamed = Options(aliases=[pulumi.Alias(name="then")])
        moved = Options(aliases=[pulumi.Alias(name="moved-then")])
        stays, moves = Manifest.base().run_commands("stays"), Manifest.base().run_commands("moves VERSION")
        resources["renamed"] = Snapshot("now", stays, name="renamed", opts=renamed)
        resources["moved"] = Snapshot("moved-now", moves, name="moved", opts=moved)
    for key, resource in resources.items():
        pulumi.export(key, pulumi.Output.all(name=resource.name, id=resource.snapshot_id, urn=resource.urn))
"""


@dataclass(frozen=True)
class Deployed:
    """The results of deploying two versions of one program.

    Attributes:
        ran: The second run.
        before: The outputs of the first run: the ``name``, ``id`` and ``urn`` of each resource.
        after: The outputs of the second run.
        records: The server's named records after both runs, by name.
        destroyed: The output of an attempt to destroy the protected snapshot.
    """

    ran: Ran
    before: Mapping[str, Mapping[str, str]]
    after: Mapping[str, Mapping[str, str]]
    records: Mapping[str, Mapping[str, Any]]
    destroyed: Ran


@pytest.fixture(scope="module")
def deployed(
    tmp_path_factory: pytest.TempPathFactory, tools: str, pulumi_home: Any, adapter: Adapter
) -> Iterator[Deployed]:
    """Two versions of the program, deployed one after the other. Tests must not change anything."""
    folder = tmp_path_factory.mktemp("options")
    with Emulator(folder / "emulator") as emulator:
        project = Project(folder / "pulumi", _settings(emulator), tools, pulumi_home, adapter)
        project.program(OPTIONS.replace("VERSION", "1"))
        project.up()
        before = project.outputs()
        project.program(OPTIONS.replace("VERSION", "2"))
        ran = project.up()
        destroyed = project.destroy("--target", project.urn("guarded"), fails=True)
        yield Deployed(ran, before, project.outputs(), _records(emulator), destroyed)


def test_delete_before_replace_deletes_first(deployed: Deployed) -> None:
    """With delete_before_replace the old record is deleted before the new one is created."""
    operations = deployed.ran.operations("early")
    assert operations.index("delete-replaced") < operations.index("create-replacement")
    assert deployed.records["early"]["id"] == deployed.after["early"]["id"] != deployed.before["early"]["id"]


def test_retain_on_delete_keeps_old_versions(deployed: Deployed) -> None:
    """With retain_on_delete the old record of a generated name stays next to the new one."""
    assert deployed.before["kept"]["name"] != deployed.after["kept"]["name"]
    for outputs in (deployed.before["kept"], deployed.after["kept"]):
        assert deployed.records[outputs["name"]]["id"] == outputs["id"]


def test_protect_keeps_the_record(deployed: Deployed) -> None:
    """Destroy doesn't delete a protected snapshot."""
    assert "protect" in deployed.destroyed.text
    assert deployed.records["guarded"]["id"] == deployed.before["guarded"]["id"]


def test_ignored_manifest_changes_nothing(deployed: Deployed) -> None:
    """With ignore_changes=["manifest"] other content is not a change."""
    assert deployed.ran.steps()["frozen"] == "same"
    assert deployed.records["frozen"]["id"] == deployed.before["frozen"]["id"]


def test_rename_with_an_alias_changes_nothing(deployed: Deployed) -> None:
    """A resource that is renamed with an alias keeps its record, which has the old name's mark."""
    assert deployed.ran.steps()["now"] == "same"
    assert deployed.after["renamed"]["id"] == deployed.before["renamed"]["id"]
    assert deployed.records["renamed"]["manifest"]["pulumiMark"] == mark(deployed.before["renamed"]["urn"])


def test_rename_and_change_in_one_run_replaces_the_own_record(deployed: Deployed) -> None:
    """A renamed resource finds its record by the recorded id, and the new record has the new mark."""
    assert deployed.records["moved"]["id"] == deployed.after["moved"]["id"] != deployed.before["moved"]["id"]
    assert deployed.records["moved"]["manifest"]["pulumiMark"] == mark(deployed.after["moved"]["urn"])


def test_subclass_is_the_same_type(deployed: Deployed) -> None:
    """A user's subclass of Snapshot has the type of Snapshot."""
    assert deployed.after["subclass"]["urn"] == deployed.after["guarded"]["urn"].replace("guarded", "subclass")


def test_component_is_a_parent_like_any_other(deployed: Deployed) -> None:
    """In a component the mark is made from the URN that the engine assigned, including the parent."""
    given = deployed.after["team"]["urn"]
    assert "test:index:Team$" in given
    assert deployed.records["team"]["manifest"]["pulumiMark"] == mark(given)
    assert deployed.ran.steps()["team-own"] == "same"


# If the build is still going on, the next run's request waits in vain for `wait_seconds`, so keep that short.
@pytest.mark.emulator(keepalive_seconds=0.1, wait_seconds=1)
def test_create_timeout_ends_a_long_build_and_its_work_is_not_lost(project: Project, emulator: Emulator) -> None:
    """A create that exceeds custom_timeouts fails, its build goes on, and the next run uses it from the cache."""
    program = """
    manifest = Manifest.base().run_commands("SLEEP_BUILD_6")
    options = pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create="TIME"))
    daily = Snapshot("daily", manifest, name="fixed", opts=options)
    """
    project.program(program.replace("TIME", "3s"))
    ran = project.up(fails=True)
    assert "did not end within its time limit of 3 s. If it has begun, it continues on the server" in ran.text
    project.program(program.replace("TIME", "1m"))
    project.up()
    assert [build["outcome"] for build in emulator.builds()] == ["ready"]
    assert set(_records(emulator)) == {"fixed"}


def test_two_snapshots_with_one_name_are_a_mistake(project: Project, emulator: Emulator) -> None:
    """If two resources have the same name, the second one's check fails and names the first."""
    project.program("""
    for resource in ("one", "two"):
        Snapshot(resource, Manifest.base().run_commands(f"SLEEP_BUILD_1 {resource}"), name="same")
    """)
    ran = project.up("--continue-on-error", fails=True)
    assert "name: is also the name of the resource '" in ran.text
    assert "give each a name of its own" in ran.text
    records = _records(emulator)
    assert set(records) == {"same"}
    resources = json.loads(project.exported())["deployment"]["resources"]
    assert [entry["outputs"]["snapshotId"] for entry in resources if "snapshotId" in entry.get("outputs", {})] == [
        records["same"]["id"]
    ]


def test_adopt_takes_another_record_over(project: Project, emulator: Emulator) -> None:
    """Someone else's record is a conflict and stays as it is; with adopt=True it is replaced."""
    other = _make_record(emulator, "fixed")
    program = 'Snapshot("daily", Manifest.base().run_commands("make"), name="fixed", adopt=ADOPT)'
    project.program(program.replace("ADOPT", "False"))
    ran = project.up(fails=True)
    for part in (
        other["contentHash"].partition(":")[0],
        other["createdAt"],
        "not made by this provider",
        "set adopt to true",
    ):
        assert part in ran.text
    assert _records(emulator) == {"fixed": other}
    project.program(program.replace("ADOPT", "True"))
    project.up()
    assert _records(emulator)["fixed"]["id"] == project.resource("daily")["outputs"]["snapshotId"] != other["id"]


def test_stack_rename_keeps_the_records(project: Project, emulator: Emulator) -> None:
    """After `pulumi stack rename` nothing changes, and a change replaces the stack's own record."""
    program = 'Snapshot("daily", Manifest.base().run_commands("COMMAND"), name="fixed")'
    project.program(program.replace("COMMAND", "first"))
    project.up()
    project.rename_stack("renamed")
    emulator.forget_requests()
    assert set(project.up().steps().values()) <= {"same"}
    assert emulator.requests() == []
    project.program(program.replace("COMMAND", "second"))
    project.up()
    assert set(_records(emulator)) == {"fixed"}


@pytest.mark.parametrize(
    "in_one_run",
    [pytest.param(False, id="refresh, then up"), pytest.param(True, id="up --refresh", marks=pytest.mark.full)],
)
def test_record_deleted_outside_is_made_again(project: Project, emulator: Emulator, in_one_run: bool) -> None:
    """A refresh removes a deleted record from the state, and the next up creates it again from the cache."""
    project.program('pulumi.export("id", Snapshot("daily", Manifest.base(), name="fixed").snapshot_id)')
    project.up()
    # Make the record look old: a young one may just be missing from a read replica that lags, so the provider would
    # retry for a minute.
    project.edit_state(lambda text: text.replace(_records(emulator)["fixed"]["createdAt"], "2026-01-01T00:00:00Z"))
    _delete_record(emulator, "fixed")
    if in_one_run:
        project.up("--refresh")
    else:
        assert project.refresh().operations("daily") == ["delete"]
        assert project.urn("daily") not in project.exported()
        project.up()
    assert _records(emulator)["fixed"]["id"] == project.outputs()["id"]
    assert len(emulator.builds()) == 1


def test_record_exchanged_outside_is_shown_and_then_a_conflict(project: Project, emulator: Emulator) -> None:
    """Someone else's record under the name is drift in a refresh, and the next up doesn't overwrite it."""
    project.program('Snapshot("daily", Manifest.base(), name="fixed")')
    project.up()
    _delete_record(emulator, "fixed")
    other = _make_record(emulator, "fixed")
    project.refresh()
    assert project.resource("daily")["outputs"]["status"] == "foreign"
    assert "A snapshot named 'fixed' exists already" in project.up(fails=True).text
    assert _records(emulator) == {"fixed": other}


@pytest.fixture(scope="module")
def steady(
    tmp_path_factory: pytest.TempPathFactory, tools: str, pulumi_home: Any, adapter: Adapter
) -> Iterator[Project]:
    """A deployed project that no test changes."""
    folder = tmp_path_factory.mktemp("steady")
    with Emulator(folder / "emulator") as emulator:
        project = Project(folder / "pulumi", _settings(emulator), tools, pulumi_home, adapter)
        project.program("""
        Snapshot("daily", Manifest.base(), name="fixed")
        Image("image", Manifest.base())
        """)
        project.up()
        yield project


def test_destroy_against_another_address_is_an_error(steady: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A destroy with another apiUrl says where the record is, and keeps it in the state."""
    before = steady.resource("daily")["outputs"]
    address = steady.environment["OPENCOMPUTER_API_URL"]
    monkeypatch.setitem(steady.environment, "OPENCOMPUTER_API_URL", "http://127.0.0.1:1")
    ran = steady.destroy("--target", steady.urn("daily"), fails=True)
    assert f"lives at {address}, but the provider is configured for http://127.0.0.1:1. Nothing was changed" in ran.text
    assert steady.resource("daily")["outputs"] == before


def test_refresh_with_a_wrong_key_keeps_the_state(steady: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rejected key fails the refresh; the resource does not count as lost."""
    before = [steady.resource(name)["outputs"] for name in ("daily", "image")]
    monkeypatch.setitem(steady.environment, "OPENCOMPUTER_API_KEY", "another-key")
    ran = steady.refresh(fails=True)
    assert "The server does not accept the API key" in ran.text
    assert [steady.resource(name)["outputs"] for name in ("daily", "image")] == before


def _settings(emulator: Emulator) -> dict[str, str]:
    return {"OPENCOMPUTER_API_URL": emulator.url, "OPENCOMPUTER_API_KEY": emulator.api_key}


def _records(emulator: Emulator) -> dict[str, dict[str, Any]]:
    return {record["name"]: record for record in emulator.snapshots()}


def _make_record(emulator: Emulator, name: str) -> dict[str, Any]:
    emulator.create(name, {"base": "base", "steps": [{"type": "run", "args": {"commands": ["other"]}}]})
    return _records(emulator)[name]


def _delete_record(emulator: Emulator, name: str) -> None:
    url = f"{emulator.url}/api/snapshots/{name}"
    httpx.delete(url, headers=emulator.headers, timeout=DEADLINE, trust_env=False, verify=False).raise_for_status()
