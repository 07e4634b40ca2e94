"""The mocks that a program's own tests use: the outputs of a deployment, without a server."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

import pulumi_opencomputer
from mocked_pulumi import later_mocks
from pulumi_opencomputer import Manifest, get_snapshot, list_snapshots, native
from pulumi_opencomputer.errors import InvalidInputError, NotFoundError
from pulumi_opencomputer.testing import Mocks

TOOLS = Manifest.base().apt_install(["jq"])

both = pytest.mark.parametrize("module", [pulumi_opencomputer, native], ids=["dynamic", "plugin"])


@pytest.fixture
def mocked(loops):
    """Runs a program against mocks, and gives what its function returned, resolved."""

    def run(program, mocks: Mocks | None = None, *, preview: bool = False) -> Any:
        found: list[Any] = []
        mocks = mocks or Mocks()
        pulumi.runtime.set_mocks(mocks, project="project", stack="dev", preview=preview)
        pulumi.runtime.test(lambda: pulumi.Output.from_input(program()).apply(found.append))()
        return found[0] if found else None

    return run


@both
def test_a_snapshot_has_the_outputs_of_a_deployment(mocked, module):
    """The content hash is the server's; what only a server knows is made up, and the same each time."""

    def program():
        snapshot = module.Snapshot("agents", TOOLS, name="agents")
        names = ["content_hash", "built_hash", "name", "status", "snapshot_id", "checkpoint_id", "created_at", "id"]
        return {name: getattr(snapshot, name) for name in names}

    found = mocked(program)
    assert found["content_hash"] == found["built_hash"] == TOOLS.cache_key()
    assert (found["name"], found["id"], found["status"]) == ("agents", "agents", "ready")
    assert found["snapshot_id"] != found["checkpoint_id"]
    assert found == mocked(program)


@both
def test_an_image_and_a_snapshot_of_it_have_one_content(mocked, module):
    """A generated name is made of the resource's name and the content, as in a deployment."""

    def program():
        image = module.Image("tools", TOOLS)
        snapshot = module.Snapshot("trial", image)
        return [image.content_hash, snapshot.content_hash, snapshot.name, image.cached, image.id]

    image_hash, snapshot_hash, name, cached, id_ = mocked(program)
    assert image_hash == snapshot_hash == id_ == TOOLS.cache_key()
    assert name.startswith("trial-")
    assert cached is False


@both
def test_a_snapshot_that_keeps_versions_has_one(mocked, module):
    """The one that it just made."""

    def program():
        snapshot = module.Snapshot("agents", TOOLS, keep=2)
        return [snapshot.versions, snapshot.name, snapshot.snapshot_id]

    versions, name, id_ = mocked(program)
    assert [(each["name"], each["snapshotId"]) for each in versions] == [(name, id_)]


@both
def test_another_snapshots_content_is_that_of_the_mocks(mocked, module):
    """Where they were told of it."""
    mocks = Mocks(snapshots=[{"name": "base-tools", "contentHash": "a" * 64}])
    found = mocked(lambda: module.Snapshot("agents", source_snapshot="base-tools", name="x").content_hash, mocks)
    assert found == "a" * 64


@both
def test_what_the_provider_refuses_the_mocks_refuse(mocked, module):
    """With the resource, the place and what to do."""
    with pytest.raises(InvalidInputError, match=r"agents: manifest\.steps\[0\]\.run: must not be empty"):
        mocked(lambda: module.Snapshot("agents", {"steps": [{"run": []}]}) and None)


@both
def test_two_snapshots_of_one_name_are_refused(mocked, module):
    """As the provider refuses them."""

    def program():
        module.Snapshot("one", TOOLS, name="same")
        module.Snapshot("two", TOOLS, name="same")

    with pytest.raises(InvalidInputError, match="name: is also the name of the resource"):
        mocked(program)


@later_mocks
@both
def test_a_secret_stays_secret_and_counts_in_the_hash(mocked, module):
    """A test may assert both."""
    mocks = Mocks()

    def program():
        token = pulumi.Output.secret("hunter2")
        snapshot = module.Snapshot("agents", Manifest.base().env({"TOKEN": token}), name="agents")
        return [snapshot.content_hash, pulumi.Output.from_input(snapshot.manifest.is_secret())]

    content_hash, is_secret = mocked(program, mocks)
    assert content_hash == Manifest.base().env({"TOKEN": "hunter2"}).cache_key()
    assert is_secret
    assert mocks.outputs["agents"]["manifest"]["steps"] == [{"env": {"TOKEN": "hunter2"}}]


@later_mocks
@both
def test_a_preview_knows_the_hash_and_not_the_record(mocked, module):
    """As a real preview."""
    mocks = Mocks()
    mocked(lambda: module.Snapshot("agents", TOOLS) and None, mocks, preview=True)
    assert mocks.outputs["agents"]["contentHash"] == TOOLS.cache_key()
    assert "snapshotId" not in mocks.outputs["agents"]


def test_warnings_are_kept(mocked):
    """For a test that wants none."""
    mocks = Mocks()
    mocked(lambda: native.Image("x", Manifest.base().env({"A": "it's"})) and None, mocks)
    assert ["A to a value that does not arrive" in each for each in mocks.warnings] == [True]


def test_lookups_find_what_the_mocks_were_given(mocked):
    """By name alone, or with the fields that matter to the test."""
    mocks = Mocks(snapshots=["base-tools", {"name": "old", "status": "failed", "contentHash": "0" * 64}])

    def program():
        assert get_snapshot("base-tools").status == "ready"
        assert get_snapshot("old").content_hash == "0" * 64
        assert [each.name for each in list_snapshots()] == ["base-tools", "old"]

    mocked(program, mocks)


def test_a_lookup_of_nothing_names_it_and_what_there_is(mocked):
    """Nothing is sent."""
    with pytest.raises(NotFoundError, match="no snapshot 'nothing'; their snapshots: 'base-tools'"):
        mocked(lambda: get_snapshot("nothing") and None, Mocks(snapshots=["base-tools"]))


def test_the_plugins_functions_are_answered(mocked):
    """Those that generated SDKs call."""
    mocks = Mocks(snapshots=["base-tools"])

    def program():
        call = pulumi.runtime.invoke
        found = call("opencomputer:index:getSnapshot", {"name": "base-tools"}).value
        image = call("opencomputer:index:getImage", {"contentHash": found["contentHash"]}).value
        hashed = call("opencomputer:index:hashManifest", {"manifest": TOOLS.declared()}).value
        listed = call("opencomputer:index:getSnapshots", {}).value
        return [found["name"], image["status"], hashed["contentHash"], len(listed["snapshots"])]

    assert mocked(program, mocks) == ["base-tools", "ready", TOOLS.cache_key(), 1]


class Others(pulumi.runtime.Mocks):
    """Mocks of another package."""

    def new_resource(self, args):
        return "bucket-1", {**args.inputs, "arn": "arn:mine"}

    def call(self, args):
        return {"region": "mars"}


class Bucket(pulumi.CustomResource):
    """A resource of another package."""

    arn: pulumi.Output[str]

    def __init__(self, name):
        super().__init__("other:index:Bucket", name, {"arn": None})


def test_other_packages_have_mocks_of_their_own(mocked):
    """Resources and functions."""

    def program():
        region = pulumi.runtime.invoke("other:index:getRegion", {}).value["region"]
        return [Bucket("logs").arn, region]

    assert mocked(program, Mocks(others=Others())) == ["arn:mine", "mars"]


def test_without_them_a_resource_has_its_inputs(mocked):
    """And an id."""
    assert mocked(lambda: Bucket("logs").id) == "logs-id"


def test_mocks_of_ones_own_are_asked_for_a_lookup(mocked):
    """By the plugin's tokens, with its keys; what is missing in the answer is named."""

    class Own(Others):
        def call(self, args):
            assert args.token == "opencomputer:index:getSnapshot"
            return {"name": args.args["name"]}

    with pytest.raises(InvalidInputError, match="getSnapshot with snapshotId, contentHash, status, createdAt"):
        mocked(lambda: get_snapshot("x") and None, Own())


@both
def test_versions_and_promoted_snapshots_have_their_outputs(mocked, module):
    """As the provider gives them: a history of one, an id that is no name, a content that only a server knows."""

    def program():
        trial = module.Snapshot("trial", TOOLS, keep=3)
        stable = module.Snapshot("stable", source_snapshot=trial.name, name="stable")
        return [trial.name, trial.id, trial.versions, stable.source_snapshot, stable.content_hash, stable.versions]

    name, id_, versions, source, content_hash, none = mocked(program)
    assert id_ == "trial/versions"
    assert [each["name"] for each in versions] == [name] == [source]
    assert len(content_hash) == 64
    assert none is None
