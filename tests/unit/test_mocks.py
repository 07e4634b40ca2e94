"""The mocks for tests of programs: they return the outputs of a deployment without a server."""

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
    """A function that runs a program against mocks, and returns the resolved result of its function."""

    def run(program, mocks: Mocks | None = None, *, preview: bool = False) -> Any:
        found: list[Any] = []
        mocks = mocks or Mocks()
        pulumi.runtime.set_mocks(mocks, project="project", stack="dev", preview=preview)
        pulumi.runtime.test(lambda: pulumi.Output.from_input(program()).apply(found.append))()
        return found[0] if found else None

    return run


@both
def test_a_snapshot_has_the_outputs_of_a_deployment(mocked, module):
    """The content hash is the one the server would have; ids and times are made up, and the same each time."""

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
def test_an_image_and_a_snapshot_of_it_have_the_same_content(mocked, module):
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
def test_a_snapshot_that_keeps_versions_has_one_version(mocked, module):
    """The history has only the version that was just created."""

    def program():
        snapshot = module.Snapshot("agents", TOOLS, keep=2)
        return [snapshot.versions, snapshot.name, snapshot.snapshot_id]

    versions, name, id_ = mocked(program)
    assert [(each["name"], each["snapshotId"]) for each in versions] == [(name, id_)]


@both
def test_a_promoted_snapshot_has_the_content_given_to_the_mocks(mocked, module):
    """The mocks can be given the content hash of a source snapshot."""
    mocks = Mocks(snapshots=[{"name": "base-tools", "contentHash": "a" * 64}])
    found = mocked(lambda: module.Snapshot("agents", source_snapshot="base-tools", name="x").content_hash, mocks)
    assert found == "a" * 64


@both
def test_the_mocks_refuse_what_the_provider_refuses(mocked, module):
    """The error has the resource, the property's path and what to do."""
    with pytest.raises(InvalidInputError, match=r"agents: manifest\.steps\[0\]\.run: must not be empty"):
        mocked(lambda: module.Snapshot("agents", {"steps": [{"run": []}]}) and None)


@both
def test_two_snapshots_of_one_name_are_refused(mocked, module):
    """The provider refuses them too."""

    def program():
        module.Snapshot("one", TOOLS, name="same")
        module.Snapshot("two", TOOLS, name="same")

    with pytest.raises(InvalidInputError, match="name: is also the name of the resource"):
        mocked(program)


@later_mocks
@both
def test_a_secret_stays_secret_and_counts_in_the_hash(mocked, module):
    """A test may check both."""
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
def test_a_preview_has_the_hash_but_no_record(mocked, module):
    """A real preview has the same outputs."""
    mocks = Mocks()
    mocked(lambda: module.Snapshot("agents", TOOLS) and None, mocks, preview=True)
    assert mocks.outputs["agents"]["contentHash"] == TOOLS.cache_key()
    assert "snapshotId" not in mocks.outputs["agents"]


def test_warnings_are_kept(mocked):
    """A test can check that there are none."""
    mocks = Mocks()
    mocked(lambda: native.Image("x", Manifest.base().env({"A": "it's"})) and None, mocks)
    assert ["A to a value that does not arrive" in each for each in mocks.warnings] == [True]


def test_lookups_find_the_snapshots_given_to_the_mocks(mocked):
    """They are given by name, or with the fields that matter to the test."""
    mocks = Mocks(snapshots=["base-tools", {"name": "old", "status": "failed", "contentHash": "0" * 64}])

    def program():
        assert get_snapshot("base-tools").status == "ready"
        assert get_snapshot("old").content_hash == "0" * 64
        assert [each.name for each in list_snapshots()] == ["base-tools", "old"]

    mocked(program, mocks)


def test_a_lookup_of_an_unknown_snapshot_lists_the_known_ones(mocked):
    """Nothing is sent to a server."""
    with pytest.raises(NotFoundError, match="no snapshot 'nothing'; their snapshots: 'base-tools'"):
        mocked(lambda: get_snapshot("nothing") and None, Mocks(snapshots=["base-tools"]))


def test_the_plugins_functions_are_mocked(mocked):
    """Generated SDKs call these functions."""
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
    """Mocks of another package, written by a user."""

    def new_resource(self, args):
        return "bucket-1", {**args.inputs, "arn": "arn:mine"}

    def call(self, args):
        return {"region": "mars"}


class Bucket(pulumi.CustomResource):
    """A resource of another package."""

    arn: pulumi.Output[str]

    def __init__(self, name):
        super().__init__("other:index:Bucket", name, {"arn": None})


def test_other_packages_may_have_their_own_mocks(mocked):
    """They are asked for resources and for functions."""

    def program():
        region = pulumi.runtime.invoke("other:index:getRegion", {}).value["region"]
        return [Bucket("logs").arn, region]

    assert mocked(program, Mocks(others=Others())) == ["arn:mine", "mars"]


def test_resources_of_other_packages_have_their_inputs_by_default(mocked):
    """They also have an id."""
    assert mocked(lambda: Bucket("logs").id) == "logs-id"


def test_users_own_mocks_are_asked_for_a_lookup(mocked):
    """They get the plugin's tokens and keys; an error lists the keys that their result lacks."""

    class Own(Others):
        def call(self, args):
            assert args.token == "opencomputer:index:getSnapshot"
            return {"name": args.args["name"]}

    missing = r"returns no snapshotId, contentHash, status, createdAt for .*getSnapshot"
    with pytest.raises(InvalidInputError, match=missing):
        mocked(lambda: get_snapshot("x") and None, Own())


@both
def test_versions_and_promoted_snapshots_have_their_outputs(mocked, module):
    """As in a deployment: a history of one version, an id that is not the name, and a made-up content hash."""

    def program():
        trial = module.Snapshot("trial", TOOLS, keep=3)
        stable = module.Snapshot("stable", source_snapshot=trial.name, name="stable")
        return [trial.name, trial.id, trial.versions, stable.source_snapshot, stable.content_hash, stable.versions]

    name, id_, versions, source, content_hash, none = mocked(program)
    assert id_ == "trial/versions"
    assert [each["name"] for each in versions] == [name] == [source]
    assert len(content_hash) == 64
    assert none is None
