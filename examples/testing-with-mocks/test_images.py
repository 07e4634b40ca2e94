"""The program, with mocks: no engine, no server, milliseconds."""

import pulumi

from pulumi_opencomputer.testing import Mocks

mocks = Mocks(snapshots=["base-tools"])
pulumi.runtime.set_mocks(mocks, project="agent-images", stack="test")

import images  # noqa: E402 - the program runs when it is imported, and has to find the mocks


@pulumi.runtime.test
def test_agents_find_their_snapshot():
    return images.agents.name.apply(lambda name: check(name == "agents"))


@pulumi.runtime.test
def test_both_snapshots_have_the_content_of_the_image():
    hashes = pulumi.Output.all(images.image.content_hash, images.agents.content_hash, images.trial.content_hash)
    return hashes.apply(lambda found: check(set(found) == {images.tools.cache_key()}))


@pulumi.runtime.test
def test_the_outputs_are_those_of_a_deployment():
    def look(_urn):
        agents = mocks.outputs["agents"]
        check(agents["status"] == "ready")
        check({"pipInstall": ["pandas==2.2.3"]} in agents["manifest"]["steps"])
        check(mocks.outputs["trial"]["name"].startswith("trial-"))
        check(mocks.warnings == [])

    return pulumi.Output.all(images.agents.urn, images.trial.urn).apply(look)


def test_the_fallback_is_there():
    check(images.fallback.status == "ready")


def check(holds):
    assert holds
