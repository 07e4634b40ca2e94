"""The resources of a program convert their arguments to inputs. A mock of the engine records these."""

import os
from typing import Any, cast

import opencomputer
import pulumi
import pytest
from pulumi.runtime.settings import get_root_resource

from mocked_pulumi import later_mocks
from pulumi_opencomputer.errors import InvalidInputError
from pulumi_opencomputer.manifest.builder import Manifest
from pulumi_opencomputer.program.resources import Image, Snapshot
from pulumi_opencomputer.program.timeouts import create_timeout

STEPS = [{"run": ["true"]}]
MANIFEST: Any = {"base": "base", "steps": STEPS}


def inputs(run, program, name="x"):
    return run(program).inputs[name]


# The form that `pulumi import` prints.
PRINTED: Any = {
    "base": "base",
    "builder_memory_mb": 2048,
    "steps": [
        {"apt_install": ["jq"]},
        {"env": {"a_b": "x", "camelCase": "y"}},
        {"add_file": {"content": "hello", "path": "/etc/motd"}},
        {"add_dir": {"files": [{"content": "hi", "relative_path": "a_b.txt"}], "path": "/d"}},
    ],
}


class Duck:
    """An object that only has `to_dict`."""

    def to_dict(self):
        return {"base": "base", "steps": [{"type": "run", "args": {"commands": ["true"]}}]}


@pytest.mark.parametrize(
    "manifest",
    [
        Manifest.base().run_commands("true"),
        MANIFEST,
        Duck().to_dict(),
        Duck(),
        opencomputer.Image.base().run_commands("true"),
    ],
    ids=["Manifest", "declared form", "API form", "to_dict", "the SDK's Image"],
)
@pytest.mark.parametrize("wrap", [lambda value: value, pulumi.Output.from_input], ids=["plain", "Output"])
def test_every_form_of_a_manifest_becomes_the_declared_one(run, manifest, wrap):
    """It makes no difference whether the manifest is plain or an Output."""
    assert inputs(run, lambda: Snapshot("x", wrap(manifest)) and None)["manifest"] == MANIFEST


@pytest.mark.parametrize("wrap", [lambda value: value, pulumi.Output.from_input], ids=["plain", "Output"])
def test_keys_in_snake_case_become_those_of_the_declared_form(run, wrap):
    """A program that `pulumi import` prints works; the names of variables are not changed."""
    assert inputs(run, lambda: Snapshot("x", wrap(PRINTED)) and None)["manifest"] == {
        "base": "base",
        "builderMemoryMB": 2048,
        "steps": [
            {"aptInstall": ["jq"]},
            {"env": {"a_b": "x", "camelCase": "y"}},
            {"addFile": {"content": "hello", "path": "/etc/motd"}},
            {"addDir": {"files": [{"content": "hi", "relativePath": "a_b.txt"}], "path": "/d"}},
        ],
    }


def test_an_output_is_recognised_before_anything_else(run):
    """An Output has any attribute, so it also seems to have to_dict."""
    output = pulumi.Output.from_input(Manifest.base().run_commands(pulumi.Output.from_input("true")))
    assert hasattr(output, "to_dict")
    assert inputs(run, lambda: Image("x", output) and None)["manifest"] == MANIFEST


def test_an_image_may_be_given_as_a_manifest(run):
    """The snapshot gets the paths of the image's secrets too."""

    def program():
        secret = pulumi.Output.secret("hunter2")
        Snapshot("x", Image("image", Manifest.base().env({"TOKEN": secret})))

    registered = inputs(run, program)
    assert registered["secretPaths"] == ["manifest.steps[0].env.TOKEN"]
    # The protocol has a secret as a mapping with its value.
    assert registered["manifest"]["value"]["steps"] == [{"env": {"TOKEN": "hunter2"}}]


@pytest.mark.parametrize("manifest", [None, 5, "base", [MANIFEST], object()])
def test_anything_else_is_refused_with_the_accepted_forms(run, manifest):
    """The error is raised at once, at the program's line."""
    with pytest.raises(InvalidInputError, match=r"^manifest: must be a Manifest, .* not a value of type "):
        run(lambda: Snapshot("x", manifest) and None)


def test_a_relative_source_becomes_absolute_in_the_program(run, tmp_path, monkeypatch):
    """This holds for every form, and for Outputs."""
    monkeypatch.chdir(tmp_path)
    relative = pulumi.Output.from_input("f")
    steps: Any = [{"addFile": {"path": "/f", "source": source}} for source in ("f", relative)]

    def program():
        Image("x", {"base": "base", "steps": steps})
        Image("y", pulumi.Output.from_input({"base": "base", "steps": steps}))

    registered = run(program).inputs
    assert {step["addFile"]["source"] for name in ("x", "y") for step in registered[name]["manifest"]["steps"]} == {
        f"{tmp_path}{os.sep}f"
    }


def test_the_paths_of_secrets_are_sent(run):
    """A dynamic provider gets secrets as plain values and can't recognise them."""

    def program():
        secret, plain = pulumi.Output.secret("s"), pulumi.Output.from_input("p")
        manifest = (
            Manifest.base()
            .env({"TOKEN": secret, "A B": secret, "OPEN": plain})
            .run_commands("true", pulumi.Output.concat("echo ", secret))
            .add_file("/f", secret)
        )
        Snapshot("x", manifest, name=secret)
        Snapshot("y", pulumi.Output.secret(MANIFEST))
        Snapshot("z", MANIFEST, name=plain)

    registered = run(program).inputs
    assert registered["x"]["secretPaths"] == [
        "manifest.steps[0].env.TOKEN",
        "manifest.steps[0].env['A B']",
        "manifest.steps[1].run[1]",
        "manifest.steps[2].addFile.content",
        "name",
    ]
    assert registered["y"]["secretPaths"] == ["manifest"]
    assert "secretPaths" not in registered["z"]


def test_a_secret_within_an_output_makes_the_whole_output_secret(run):
    """Which part of an Output's value is secret is not known."""

    def program():
        secret = pulumi.Output.secret("s")
        Snapshot("x", pulumi.Output.from_input("t").apply(lambda text: Manifest.base().env({"A": text, "B": secret})))

    assert inputs(run, program)["secretPaths"] == ["manifest"]


def test_the_urn_is_passed_along(run):
    """The engine doesn't pass it to a dynamic provider."""

    class Parent(pulumi.ComponentResource):
        def __init__(self):
            super().__init__("my:Parent", "parent")

    def program():
        Snapshot("x", MANIFEST)
        Image("y", MANIFEST, opts=pulumi.ResourceOptions(parent=Parent()))
        Snapshot("z", MANIFEST, opts=pulumi.ResourceOptions(parent=get_root_resource()))

    registered = run(program).inputs
    kind = "pulumi-python:dynamic/opencomputer"
    assert registered["x"]["urn"] == f"urn:pulumi:dev::project::{kind}:Snapshot::x"
    assert registered["z"]["urn"] == f"urn:pulumi:dev::project::{kind}:Snapshot::z"
    assert registered["y"]["urn"].endswith(f"my:Parent${kind}:Image::y")


def test_a_subclass_is_the_same_resource(run):
    """A subclass written by a user has the same type in the state."""

    class Mine(Snapshot):
        pass

    def program():
        Mine("x", MANIFEST)
        Image("y", MANIFEST)

    assert run(program).types == {
        "x": "pulumi-python:dynamic/opencomputer:Snapshot",
        "y": "pulumi-python:dynamic/opencomputer:Image",
    }


def test_options_become_inputs(run):
    """Options that are not given are no inputs."""

    def program():
        Snapshot("x", MANIFEST, name="toolchain", adopt=True, timeout=60)
        Snapshot("y", MANIFEST)

    registered = run(program).inputs
    assert {key: registered["x"][key] for key in ("name", "adopt", "timeout")} == {
        "name": "toolchain",
        "adopt": True,
        "timeout": 60,
    }
    assert [registered["y"].get(key) for key in ("name", "adopt", "timeout")] == [None, None, None]


def test_outputs_have_their_names_in_python(run):
    """They are snake_case in Python, camelCase in the state."""
    seen: list[Any] = []

    def program():
        snapshot = Snapshot("x", Manifest.base().run_commands("true"), name="toolchain")
        values = pulumi.Output.all(snapshot.name, snapshot.manifest, snapshot.content_hash)
        values.apply(seen.append)
        for name in ("snapshot_id", "checkpoint_id", "created_at", "last_used_at", "status", "api_url", "built_hash"):
            assert isinstance(getattr(snapshot, name), pulumi.Output)
        assert isinstance(Image("y", MANIFEST).cached, pulumi.Output)

    run(program)
    assert seen == [["toolchain", MANIFEST, "0" * 64]]


def test_an_image_starts_a_manifest():
    """Snippets from the SDK's documentation work unchanged."""
    assert Image.base().apt_install(["jq"]) == Manifest.base().apt_install(["jq"])


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90.0), ("30m", 1800.0), ("1h", 3600.0), ("1h30m15s", 5415.0), ("1.5h", 5400.0), ("250ms", 0.25)],
)
def test_a_custom_timeout_is_the_builds_limit(run, text, seconds):
    """Pulumi's own option counts if timeout= is not given."""
    opts = pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create=text))

    def program():
        Snapshot("x", MANIFEST, opts=opts)
        Snapshot("y", MANIFEST, timeout=5, opts=opts)

    registered = run(program).inputs
    assert (registered["x"]["timeout"], registered["y"]["timeout"]) == (seconds, 5)


def test_timeouts_of_updates_and_deletes_are_sent_if_versions_are_kept(run):
    """The engine doesn't pass them to a dynamic provider, and only with versions do they limit anything."""
    timeouts = pulumi.CustomTimeouts(create="1m", update="2m", delete="3m")
    opts = pulumi.ResourceOptions(custom_timeouts=timeouts)

    def program():
        Snapshot("x", MANIFEST, keep=2, opts=opts)
        Snapshot("y", MANIFEST, opts=opts)

    registered = run(program).inputs
    limits = ("timeout", "updateTimeout", "deleteTimeout")
    assert [registered["x"].get(limit) for limit in limits] == [60.0, 120.0, 180.0]
    assert [registered["y"].get(limit) for limit in limits] == [60.0, None, None]
    assert registered["x"]["keep"] == 2
    assert "keep" not in registered["y"]


def test_a_source_snapshot_replaces_a_manifest(run):
    """Its name and expected hash are inputs. A secret name is marked as such; the check then refuses it."""

    def program():
        Snapshot("x", source_snapshot="trial-1", source_hash="a" * 64)
        Snapshot("y", source_snapshot=pulumi.Output.secret("trial-1"), name="stable")

    registered = run(program).inputs
    assert (registered["x"]["sourceSnapshot"], registered["x"]["sourceHash"]) == ("trial-1", "a" * 64)
    assert "manifest" not in registered["x"]
    assert registered["y"]["secretPaths"] == ["sourceSnapshot"]


@pytest.mark.parametrize("opts", [None, pulumi.ResourceOptions()])
def test_no_custom_timeout_sets_no_limit(opts):
    """The provider has a default limit."""
    assert create_timeout(opts) is None
    assert create_timeout(pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(delete="5m"))) is None


def test_a_custom_timeout_may_be_a_mapping():
    """Pulumi accepts both forms."""
    assert create_timeout(pulumi.ResourceOptions(custom_timeouts=cast("Any", {"create": "2m"}))) == 120.0


@pytest.mark.parametrize("text", ["", "5", "5 m", "m", "5d", "-5m", "1h30", 5])
def test_an_invalid_duration_is_refused(text):
    """The error has an example of a valid one."""
    opts = pulumi.ResourceOptions(custom_timeouts=cast("Any", {"create": text}))
    with pytest.raises(InvalidInputError, match=r'^custom_timeouts\.create: must be a duration such as "90s"'):
        create_timeout(opts)


@pytest.mark.parametrize(
    "mistaken",
    [
        lambda: opencomputer.Image("toolchain", cast("Any", Manifest.base().run_commands("true"))),
        lambda: opencomputer.Image("toolchain"),
        lambda: opencomputer.Image("toolchain", cast("Any", opencomputer.Image.base())),
        lambda: opencomputer.Image("base", cast("Any", Manifest.base())),
    ],
    ids=["a name and a manifest", "a name", "a name and an image", "a manifest"],
)
def test_the_sdks_image_in_place_of_the_resource_is_refused(run, mistaken):
    """It silently accepts the resource's arguments, but is not a resource."""
    with pytest.raises(InvalidInputError, match="from pulumi_opencomputer import Image"):
        run(lambda: Snapshot("x", mistaken()) and None)


def test_a_to_dict_that_fails_is_refused(run):
    """The error has the class of the exception, but not its text, which may contain anything."""

    class Broken:
        def to_dict(self):
            raise ValueError("hunter2")

    with pytest.raises(InvalidInputError) as caught:
        run(lambda: Snapshot("x", Broken()) and None)
    assert str(caught.value) == "manifest: has a to_dict() that fails with ValueError. (OC1002)"


def own_provider(package="opencomputer"):
    return pulumi.ProviderResource(package, "own", {})


class Team(pulumi.ComponentResource):
    """A component with its own providers."""

    def __init__(self, providers):
        super().__init__("my:Team", "team", None, pulumi.ResourceOptions(providers=providers))


UNUSABLE = {
    "provider": lambda: pulumi.ResourceOptions(provider=own_provider()),
    "providers": lambda: pulumi.ResourceOptions(providers=[own_provider()]),
    "providers by name": lambda: pulumi.ResourceOptions(providers={"opencomputer": own_provider()}),
    "the parent's providers": lambda: pulumi.ResourceOptions(parent=Team([own_provider()])),
    "the parent's provider by name": lambda: pulumi.ResourceOptions(parent=Team({"opencomputer": own_provider()})),
    "import_": lambda: pulumi.ResourceOptions(import_="fixed"),
    "id": lambda: pulumi.ResourceOptions(id="fixed"),
}


@pytest.mark.parametrize("options", UNUSABLE.values(), ids=UNUSABLE)
@pytest.mark.parametrize("late", [False, True], ids=["given", "by a transformation"])
def test_an_option_that_would_be_ignored_is_refused(run, options, late):
    """Pulumi would silently deploy to the default account, or fail with a KeyError."""

    def program():
        opts = options()
        if late and opts.parent is None:
            change = pulumi.ResourceOptions(
                transformations=[lambda args: pulumi.ResourceTransformationResult(args.props, opts)]
            )
            Snapshot("x", MANIFEST, opts=change)
        else:
            Snapshot("x", MANIFEST, opts=opts)

    with pytest.raises(InvalidInputError, match=r"provider|import_|id: .*pulumi_opencomputer"):
        run(program)


def test_providers_of_other_packages_are_accepted(run):
    """Components pass theirs to all of their children."""

    def program():
        others = [own_provider("other")]
        Snapshot("x", MANIFEST, opts=pulumi.ResourceOptions(provider=others[0], parent=Team(others)))

    assert inputs(run, program)["manifest"] == MANIFEST


def test_changes_of_a_transformation_are_treated_like_arguments(run, tmp_path, monkeypatch):
    """A form of a manifest, a relative path, a secret or a timeout reaches the provider as usual."""
    monkeypatch.chdir(tmp_path)

    def change(args):
        if "manifest" not in args.props:
            return None
        manifest = Manifest.base().add_local_file("f", "/f").env({"TOKEN": pulumi.Output.secret("s")})
        opts = pulumi.ResourceOptions.merge(
            args.opts, pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts("2m"))
        )
        return pulumi.ResourceTransformationResult({**args.props, "manifest": manifest}, opts)

    def program():
        image = Image("image", MANIFEST, opts=pulumi.ResourceOptions(transformations=[change]))
        Snapshot("x", image)

    registered = run(program).inputs
    assert registered["image"]["timeout"] == 120
    for name in ("image", "x"):
        assert registered[name]["secretPaths"] == ["manifest.steps[1].env.TOKEN"]
        steps = registered[name]["manifest"]["value"]["steps"]
        assert steps[0]["addFile"]["source"] == f"{tmp_path}{os.sep}f"
        assert set(registered[name]) - {"timeout", "imageHash"} == {"manifest", "secretPaths", "urn"}


def test_a_snapshot_of_an_image_gets_the_images_hash(run):
    """The check compares it: if `ignore_changes` pins an image, its content differs from the program's manifest."""

    def program():
        Snapshot("x", Image("image", MANIFEST))
        Snapshot("y", MANIFEST)

    registered = run(program).inputs
    assert registered["x"]["imageHash"] == "0" * 64
    assert "imageHash" not in registered["y"]


@later_mocks
def test_digests_of_known_parts_are_sent_if_transforms_may_apply(run):
    """They show which parts a transform added, and are left out if nothing can change the inputs."""

    def program():
        Snapshot("x", MANIFEST, opts=pulumi.ResourceOptions(transforms=[lambda _: None]))
        Snapshot("y", MANIFEST, opts=pulumi.ResourceOptions(parent=Team([])))

    registered = run(program).inputs
    assert len(registered["x"]["knownParts"]) == len(MANIFEST["steps"]) + 1
