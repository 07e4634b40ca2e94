"""The plugin's responses to requests as the engine sends them."""

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


def test_handshake_and_configure_announce_the_plugins_abilities(start_plugin, emulator) -> None:
    """It accepts marked secrets, but no resources and outputs; previews call create."""
    plugin = start_plugin()
    hello = plugin.call("Handshake", proto.ProviderHandshakeRequest(engine_address=plugin.engine.address))
    configured = plugin.configure(apiKey=emulator.api_key)
    assert (hello.accept_secrets, hello.accept_resources, hello.accept_outputs) == (True, False, False)
    assert (configured.acceptSecrets, configured.acceptResources, configured.acceptOutputs) == (True, False, False)
    assert configured.supportsPreview


def test_the_schema_has_the_version_of_the_package(plugin: Plugin) -> None:
    """The schema is that of the file, with the plugin's version."""
    schema = json.loads(plugin.call("GetSchema", proto.GetSchemaRequest()).schema)
    assert set(schema["resources"]) == {SNAPSHOT, IMAGE}
    assert schema["version"] == plugin.call("GetPluginInfo", empty_pb2.Empty()).version


def test_a_snapshot_can_be_built_read_and_deleted(plugin: Plugin, emulator: Emulator) -> None:
    """In between it has no changes, and its state contains none of the engine's own values."""
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


def test_an_image_is_built_and_its_id_is_the_hash(plugin: Plugin, emulator: Emulator) -> None:
    """An image has no named record, and its output says whether it came from the cache."""
    made = plugin.up({"manifest": MANIFEST}, of=urn("toolchain", IMAGE))
    assert made.id == HASH
    assert (made.outputs["status"], made.outputs["cached"]) == ("ready", False)
    assert emulator.snapshots() == []


def test_a_missing_record_is_returned_without_properties(plugin: Plugin) -> None:
    """The engine only drops a resource from the state if the response has no properties at all."""
    made = plugin.up(snapshot())
    plugin.delete(made)
    # A 404 of a young record does not prove that it is gone.
    old = {**made.outputs, "createdAt": "2020-01-01T00:00:00Z"}
    answer = plugin.read(type(made)(made.urn, made.id, made.inputs, old))
    assert answer.id == ""
    assert not answer.HasField("properties")


def test_nulls_at_the_top_count_as_absent(plugin: Plugin) -> None:
    """Values that a program leaves undefined may arrive as null."""
    inputs = plugin.checked({"manifest": MANIFEST, "name": None, "adopt": None})
    assert inputs["name"].startswith("daily-")
    assert "adopt" not in inputs


def test_nulls_in_a_manifest_count_as_absent(plugin: Plugin) -> None:
    """A step has a property for each kind; all but one may arrive as null."""
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
            "manifest.steps[0].addFile.content: can't be an asset or an archive: give the path of",
        ),
        ({"manifest": {"steps": [{"addDir": archive("./app")}]}}, "manifest.steps[0].addDir: can't be an asset"),
        ({"manifest": resource(urn("toolchain", IMAGE))}, "manifest: can't be a resource: refer to one of its outputs"),
        ({"manifest": MANIFEST, "name": secret("hidden")}, "name: must not be secret"),
        ({"manifest": MANIFEST, "adopt": "yes"}, "adopt: must be true or false."),
        ({"manifest": {"steps": [{"type": "run", "args": {"commands": ["x"]}}]}}, "is in the API's form"),
        ({}, "manifest: is required, and must be a mapping"),
    ],
)
def test_mistakes_are_failures_with_their_path(plugin: Plugin, news, said: str) -> None:
    """The error has the path, what is wrong and what to do, but not the value."""
    (reason,) = plugin.problems(news)
    assert said in reason
    assert "hidden" not in reason


def test_a_misspelt_input_is_refused(plugin: Plugin) -> None:
    """It is not ignored silently."""
    (reason,) = plugin.problems(snapshot(nmae="other"))
    assert reason.startswith("nmae: is not known here")


@pytest.mark.parametrize("unknown", [UNKNOWN, "3eeb2bf0-c639-47a8-9e75-3b44932eb421", secret(UNKNOWN)])
def test_unknown_values_make_the_content_unknown(plugin: Plugin, unknown) -> None:
    """A value that is not known yet passes the check, whatever its type; hash and name are then unknown too."""
    inputs = plugin.checked({"manifest": {"steps": [{"env": {"CHECKPOINT": unknown}}]}})
    assert (inputs["contentHash"], inputs["name"]) == (UNKNOWN, UNKNOWN)


def test_an_unknown_value_is_a_replacement_at_its_step(plugin: Plugin) -> None:
    """As long as it is unknown whether the content changes, it counts as changed."""
    made = plugin.up(snapshot({"run": ["make"]}, {"env": {"A": "b"}}))
    found = plugin.diff(made, plugin.checked(snapshot({"run": ["make"]}, {"env": {"A": UNKNOWN}}), made.inputs))
    kinds = {path: proto.PropertyDiff.Kind.Name(each.kind) for path, each in found.detailedDiff.items()}
    assert kinds == {"contentHash": "UPDATE_REPLACE", "manifest.steps[1].env": "UPDATE_REPLACE"}
    assert list(found.replaces) == ["contentHash"]


def test_a_changed_step_is_shown_as_added_or_deleted(plugin: Plugin) -> None:
    """A step of another kind is shown as a deletion and an addition; a new step as an addition."""
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


def test_the_diffs_of_a_replacement_name_the_manifest_but_not_its_hash(plugin: Plugin) -> None:
    """Pulumi shows these names in the status line, where space is short. A change of secrecy names nothing."""
    made = plugin.up(snapshot())
    changed = plugin.diff(made, plugin.checked(snapshot({"run": ["make all"]}, name="other"), made.inputs))
    assert "contentHash" in changed.detailedDiff
    assert list(changed.diffs) == ["manifest", "name"]
    secrecy = plugin.diff(
        made, plugin.checked(snapshot({"aptInstall": ["jq"]}, {"run": secret(["make"])}), made.inputs)
    )
    assert (list(secrecy.replaces), list(secrecy.diffs)) == ([], [])


def test_a_relative_path_begins_at_the_plugins_working_directory(own_plugin: Plugin, tmp_path) -> None:
    """The engine starts it in the project's folder. The state has the path as the program gave it."""
    (tmp_path / "motd").write_text("hello")
    inputs = own_plugin.checked(snapshot({"addFile": {"path": "/etc/motd", "source": "motd"}}))
    ((key, body),) = inputs["manifest"]["steps"][0].items()
    assert key == "addFile"
    assert body == {"path": "/etc/motd", "source": "motd", "bytes": 5, "digest": body["digest"]}


def test_a_missing_method_is_unimplemented(plugin: Plugin) -> None:
    """The engine calls methods that a provider need not have, and continues without them."""
    code, _ = plugin.fails("Parameterize", proto.ParameterizeRequest(args=proto.ParameterizeRequest.ParametersArgs()))
    assert code is grpc.StatusCode.UNIMPLEMENTED


def test_another_type_is_refused(plugin: Plugin) -> None:
    """The error lists the types that the plugin has."""
    request = proto.CheckRequest(urn=urn("daily", "opencomputer:index:Volume"), olds={}, news={})
    code, text = plugin.fails("Check", request)
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert text.startswith(
        "opencomputer:index:Volume is not a resource of this plugin; it has opencomputer:index:Image"
    )


@pytest.mark.parametrize("name", ["timeout", "urn", "secretPaths"])
def test_values_that_the_engine_sends_separately_are_not_inputs(plugin: Plugin, name: str) -> None:
    """An input without an effect is refused: a time limit is set by the resource option customTimeouts."""
    (reason,) = plugin.problems({**snapshot(), name: 60})
    assert reason.startswith(f"{name}: is not an input")
