"""The plugin's answers to requests as the engine sends them."""

from __future__ import annotations

import json

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime import proto

from emulator_process import Emulator
from plugin_process import IMAGE, SNAPSHOT, UNKNOWN, Plugin, archive, asset, resource, secret, urn
from pulumi_opencomputer import Manifest

MANIFEST = {"steps": [{"aptInstall": ["jq"]}, {"run": ["make"]}]}
HASH = Manifest.base().apt_install(["jq"]).run_commands("make").cache_key()


def snapshot(*steps, **more):
    """A snapshot's inputs."""
    return {"manifest": {"steps": list(steps) or MANIFEST["steps"]}, "name": "fixed", **more}


def test_what_the_plugin_understands_is_said_in_the_handshake_and_when_configured(start_plugin, emulator) -> None:
    """Secrets come marked, resources and outputs do not; previews ask for a create's outcome."""
    plugin = start_plugin()
    hello = plugin.call("Handshake", proto.ProviderHandshakeRequest(engine_address=plugin.engine.address))
    configured = plugin.configure(apiKey=emulator.api_key)
    assert (hello.accept_secrets, hello.accept_resources, hello.accept_outputs) == (True, False, False)
    assert (configured.acceptSecrets, configured.acceptResources, configured.acceptOutputs) == (True, False, False)
    assert configured.supportsPreview


def test_the_schema_carries_the_version_of_the_package(plugin: Plugin) -> None:
    """The schema is that of the file, and its version that of the plugin."""
    schema = json.loads(plugin.call("GetSchema", proto.GetSchemaRequest()).schema)
    assert set(schema["resources"]) == {SNAPSHOT, IMAGE}
    assert schema["version"] == plugin.call("GetPluginInfo", empty_pb2.Empty()).version


def test_a_snapshot_lives_from_check_to_delete(plugin: Plugin, emulator: Emulator) -> None:
    """A snapshot is built, found unchanged, read and deleted; its state has nothing of the engine's own."""
    made = plugin.up(snapshot())
    (record,) = emulator.snapshots()
    assert (made.id, record["name"]) == ("fixed", "fixed")
    assert made.outputs["contentHash"] == HASH
    assert made.outputs["snapshotId"] == record["id"]
    assert {"urn", "timeout", "secretPaths"} & {*made.inputs, *made.outputs} == set()
    assert plugin.diff(made, plugin.checked(snapshot(), made.inputs)).changes == proto.DiffResponse.DIFF_NONE
    answer = plugin.read(made)
    assert (answer.id, answer.properties["status"], answer.inputs["name"]) == ("fixed", "ready", "fixed")
    plugin.delete(made)
    assert emulator.snapshots() == []


def test_an_image_is_built_and_has_its_hash_for_an_id(plugin: Plugin, emulator: Emulator) -> None:
    """An image leaves no named record, and says whether it came from the cache."""
    made = plugin.up({"manifest": MANIFEST}, of=urn("toolchain", IMAGE))
    assert made.id == HASH
    assert (made.outputs["status"], made.outputs["cached"]) == ("ready", False)
    assert emulator.snapshots() == []


def test_a_record_that_is_gone_is_answered_without_properties(plugin: Plugin) -> None:
    """The engine drops a resource from the state only if an answer has no properties at all."""
    made = plugin.up(snapshot())
    plugin.delete(made)
    # A 404 is not believed while a record is young.
    old = {**made.outputs, "createdAt": "2020-01-01T00:00:00Z"}
    answer = plugin.read(type(made)(made.urn, made.id, made.inputs, old))
    assert answer.id == ""
    assert not answer.HasField("properties")


def test_nulls_at_the_top_count_as_absent(plugin: Plugin) -> None:
    """What a program leaves undefined may come as null."""
    inputs = plugin.checked({"manifest": MANIFEST, "name": None, "adopt": None})
    assert inputs["name"].startswith("daily-")
    assert "adopt" not in inputs


def test_nulls_in_a_manifest_count_as_absent(plugin: Plugin) -> None:
    """A step has a property for each kind, of which all but one may come as null."""
    step = {"run": ["make"], "env": None, "addFile": None}
    file = {"addFile": {"path": "/f", "content": "x", "source": None, "encoding": None}, "run": None}
    manifest = {"base": None, "rebuild": None, "steps": [step, file]}
    inputs = plugin.checked({"manifest": manifest})
    wanted = {"steps": [{"run": ["make"]}, {"addFile": {"path": "/f", "content": "x"}}]}
    assert inputs["manifest"] == wanted
    assert inputs["contentHash"] == plugin.checked({"manifest": wanted})["contentHash"]


@pytest.mark.parametrize(
    ("news", "said"),
    [
        ({"manifest": {"steps": [{"run": [None]}]}}, "manifest.steps[0].run[0]: must be a string."),
        ({"manifest": {"steps": [{"env": {"A": None}}]}}, "manifest.steps[0].env.A: must be a string."),
        (
            {"manifest": {"steps": [{"addFile": {"path": "/f", "content": asset("x")}}]}},
            "manifest.steps[0].addFile.content: can't be an asset or an archive: name a file",
        ),
        ({"manifest": {"steps": [{"addDir": archive("./app")}]}}, "manifest.steps[0].addDir: can't be an asset"),
        ({"manifest": resource(urn("toolchain", IMAGE))}, "manifest: can't be a resource: refer to one of its outputs"),
        ({"manifest": MANIFEST, "name": secret("hidden")}, "name: must not be secret"),
        ({"manifest": MANIFEST, "adopt": "yes"}, "adopt: must be true or false."),
        ({"manifest": {"steps": [{"type": "run", "args": {"commands": ["x"]}}]}}, "is in the API's form"),
        ({}, "manifest: must be a mapping."),
    ],
)
def test_mistakes_are_failures_with_their_path(plugin: Plugin, news, said: str) -> None:
    """What can't be used is refused with its path, what is wrong and what to do, and without its value."""
    (reason,) = plugin.problems(news)
    assert said in reason
    assert "hidden" not in reason


def test_a_misspelt_input_is_refused(plugin: Plugin) -> None:
    """An input that the resource has not is no silent nothing."""
    (reason,) = plugin.problems(snapshot(nmae="other"))
    assert reason.startswith("nmae: is not known here")


@pytest.mark.parametrize("unknown", [UNKNOWN, "3eeb2bf0-c639-47a8-9e75-3b44932eb421", secret(UNKNOWN)])
def test_unknown_values_make_the_content_unknown(plugin: Plugin, unknown) -> None:
    """A value of any type that is not known yet passes the check, and what depends on it is unknown as well."""
    inputs = plugin.checked({"manifest": {"steps": [{"env": {"CHECKPOINT": unknown}}]}})
    assert (inputs["contentHash"], inputs["name"]) == (UNKNOWN, UNKNOWN)


def test_an_unknown_value_is_a_replacement_at_its_step(plugin: Plugin) -> None:
    """Until it is known whether the content changes, it counts as changed."""
    made = plugin.up(snapshot({"run": ["make"]}, {"env": {"A": "b"}}))
    found = plugin.diff(made, plugin.checked(snapshot({"run": ["make"]}, {"env": {"A": UNKNOWN}}), made.inputs))
    kinds = {path: proto.PropertyDiff.Kind.Name(each.kind) for path, each in found.detailedDiff.items()}
    assert kinds == {"contentHash": "UPDATE_REPLACE", "manifest.steps[1].env": "UPDATE_REPLACE"}
    assert list(found.replaces) == ["contentHash"]


def test_a_changed_step_is_shown_by_what_happens_to_it(plugin: Plugin) -> None:
    """A step of another kind is a deletion and an addition at its number; a new one an addition."""
    made = plugin.up(snapshot({"run": ["make"]}))
    found = plugin.diff(made, plugin.checked(snapshot({"aptInstall": ["jq"]}, {"workdir": "/w"}), made.inputs))
    kinds = {path: proto.PropertyDiff.Kind.Name(each.kind) for path, each in found.detailedDiff.items()}
    assert kinds == {
        "contentHash": "UPDATE_REPLACE",
        "manifest.steps[0].run": "DELETE_REPLACE",
        "manifest.steps[0].aptInstall": "ADD_REPLACE",
        "manifest.steps[1].workdir": "ADD_REPLACE",
    }
    assert not found.deleteBeforeReplace


def test_the_record_of_a_replacement_names_the_manifest_and_not_its_hash_as_well(plugin: Plugin) -> None:
    """What Pulumi's table names there takes room of the status line; a change of the state names nothing."""
    made = plugin.up(snapshot())
    changed = plugin.diff(made, plugin.checked(snapshot({"run": ["make all"]}, name="other"), made.inputs))
    assert "contentHash" in changed.detailedDiff
    assert list(changed.diffs) == ["manifest", "name"]
    secrecy = plugin.diff(
        made, plugin.checked(snapshot({"aptInstall": ["jq"]}, {"run": secret(["make"])}), made.inputs)
    )
    assert (list(secrecy.replaces), list(secrecy.diffs)) == ([], [])


def test_a_file_is_looked_for_where_the_engine_started_the_plugin(own_plugin: Plugin, tmp_path) -> None:
    """A relative path counts from the project's folder, and stands in the state as the program gave it."""
    (tmp_path / "motd").write_text("hello")
    inputs = own_plugin.checked(snapshot({"addFile": {"path": "/etc/motd", "source": "motd"}}))
    ((key, body),) = inputs["manifest"]["steps"][0].items()
    assert key == "addFile"
    assert body == {"path": "/etc/motd", "source": "motd", "bytes": 5, "digest": body["digest"]}


def test_what_the_plugin_does_not_have_is_unimplemented(plugin: Plugin) -> None:
    """The engine asks for more than a provider needs to have, and goes on without it."""
    code, _ = plugin.fails("Parameterize", proto.ParameterizeRequest(args=proto.ParameterizeRequest.ParametersArgs()))
    assert code is grpc.StatusCode.UNIMPLEMENTED


def test_another_type_is_refused(plugin: Plugin) -> None:
    """A type that the plugin has not is an error that names those that it has."""
    request = proto.CheckRequest(urn=urn("daily", "opencomputer:index:Volume"), olds={}, news={})
    code, text = plugin.fails("Check", request)
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert text.startswith(
        "opencomputer:index:Volume is not a resource of this plugin; it has opencomputer:index:Image"
    )


@pytest.mark.parametrize("name", ["timeout", "urn", "secretPaths"])
def test_what_the_engine_gives_by_other_ways_is_no_input(plugin: Plugin, name: str) -> None:
    """An input that would have no effect is refused: a time limit is the resource option customTimeouts."""
    (reason,) = plugin.problems({**snapshot(), name: 60})
    assert reason.startswith(f"{name}: is not an input")
