"""What a preview says about a create: whether the content is cached, or how much will be built."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.runtime import proto

from emulator_process import Emulator
from plugin_process import IMAGE, UNKNOWN, Plugin, plain, struct, urn

pytestmark = pytest.mark.long


def manifest(*commands: str) -> dict[str, Any]:
    """A manifest with one step per command."""
    return {"manifest": {"steps": [{"run": [command]} for command in commands]}}


def said(plugin: Plugin, inputs: dict[str, Any], name: str = "daily") -> list[str]:
    """Preview a create; return the lines of its resource."""
    of = urn(name)
    plugin.create(plugin.checked(inputs, of=of), of=of, preview=True)
    return plugin.engine.of(of)


def of_the_run(plugin: Plugin) -> list[str]:
    """The lines that are not about a resource."""
    return plugin.engine.of("")


def test_a_preview_has_the_outputs_that_are_known(own_plugin: Plugin, emulator: Emulator) -> None:
    """A preview knows hash and name, leaves the rest unknown, and builds nothing."""
    made = own_plugin.create(own_plugin.checked(manifest("make")), preview=True)
    assert made.id == ""
    assert made.outputs["contentHash"] == made.inputs["contentHash"]
    assert made.outputs["name"] == made.inputs["name"]
    unknown = {key for key, value in made.outputs.items() if value == UNKNOWN}
    known_later = {"builtHash", "checkpointId", "status", "apiUrl", "orgId", "snapshotId", "createdAt", "lastUsedAt"}
    assert unknown == known_later
    assert emulator.images() == []


def test_cached_content_is_ready_at_once(own_plugin: Plugin) -> None:
    """Content that the server has already built needs no build."""
    own_plugin.up(manifest("make"), of=urn("toolchain", IMAGE))
    assert said(own_plugin, manifest("make")) == ["cached: ready at once"]


@pytest.mark.parametrize(("commands", "line"), [((), "the base alone"), (("a",), "1 step"), (("a", "b"), "2 steps")])
def test_other_content_will_be_built(own_plugin: Plugin, commands, line: str) -> None:
    """The line has the number of steps."""
    assert said(own_plugin, manifest(*commands)) == [f"will build: {line}"]


def test_a_second_resource_with_the_same_content_will_be_cached(own_plugin: Plugin) -> None:
    """The content is built once; the line of the second resource says so."""
    assert said(own_plugin, manifest("make"), "first") == ["will build: 1 step"]
    second = said(own_plugin, manifest("make"), "second")
    assert second == ["cached by then: another resource has the same content"]


def test_one_request_serves_all_resources(own_plugin: Plugin, emulator: Emulator) -> None:
    """However many resources a preview has, it requests the list once."""
    emulator.forget_requests()
    for number in range(5):
        said(own_plugin, manifest(f"make {number}"), f"daily-{number}")
    assert [(entry["method"], entry["path"]) for entry in emulator.requests()] == [("GET", "/api/images")]


def test_unknown_content_has_no_forecast(own_plugin: Plugin, emulator: Emulator) -> None:
    """Nothing is known about it, so nothing is requested."""
    emulator.forget_requests()
    assert said(own_plugin, manifest(UNKNOWN)) == []
    assert emulator.requests() == []


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({}, "There is no API key"),
        ({"apiKey": "some-key", "apiUrl": "http://127.0.0.1:1"}, "Can't connect to http://127.0.0.1:1"),
        ({"apiKey": "wrong"}, "does not accept the API key"),
    ],
)
def test_a_missing_forecast_is_explained_once(
    start_plugin, emulator: Emulator, settings: dict[str, str], reason: str
) -> None:
    """A preview needs neither a key nor a server: without them there is no error, and no line at the resources."""
    plugin = start_plugin()
    plugin.configure(**{"apiUrl": emulator.url, **settings})
    for number in range(3):
        assert said(plugin, manifest("make"), f"daily-{number}") == []
    (line,) = of_the_run(plugin)
    assert line.startswith("no forecast of what will be built: ")
    assert reason in line


def test_forecasts_stay_as_lines_of_the_run(own_plugin: Plugin) -> None:
    """The lines of a resource disappear after the preview."""
    own_plugin.up(manifest("true"), of=urn("toolchain", IMAGE))
    own_plugin.engine.lines.clear()
    said(own_plugin, manifest("true"), "old")
    said(own_plugin, manifest("make"), "first")
    said(own_plugin, manifest("make"), "second")
    assert of_the_run(own_plugin) == [
        "old: cached: ready at once",
        "first: will build: 1 step",
        "second: cached by then: another resource has the same content",
    ]


def test_of_many_forecasts_ten_stay_and_the_others_are_counted(own_plugin: Plugin) -> None:
    """The count is shown when the engine stops the plugin, because only then no further resource follows."""
    own_plugin.up(manifest("true"), of=urn("toolchain", IMAGE))
    own_plugin.engine.lines.clear()
    for number in range(13):
        said(own_plugin, manifest(f"make {number}"), f"daily-{number}")
    said(own_plugin, manifest("true"), "old")
    assert len(of_the_run(own_plugin)) == 10
    own_plugin.end()
    assert of_the_run(own_plugin)[10:] == ["and 4 more: 3 to be built, 1 cached"]


def test_the_next_run_requests_the_list_again(own_plugin: Plugin, emulator: Emulator) -> None:
    """An engine configures a running plugin again for each run, and the server may have built more by then."""
    said(own_plugin, manifest("make"))
    own_plugin.configure(apiKey=emulator.api_key, apiUrl=emulator.url)
    own_plugin.up(manifest("make"))
    own_plugin.configure(apiKey=emulator.api_key, apiUrl=emulator.url)
    assert said(own_plugin, manifest("make"), "other") == ["cached: ready at once"]


def test_a_truncated_list_makes_forecasts_uncertain(own_plugin: Plugin, emulator: Emulator) -> None:
    """Content that is not among its 200 records may still be cached; this is explained once."""
    own_plugin.up(manifest("true"), of=urn("toolchain", IMAGE))
    for number in range(200):
        emulator.create(f"other-{number}", {"base": "base", "steps": []})
    own_plugin.engine.lines.clear()
    lines = [said(own_plugin, manifest("make", word), f"daily-{word}") for word in ("a", "b")]
    assert lines == [["will build: 2 steps, unless it is cached"]] * 2
    assert [line for line in of_the_run(own_plugin) if "longer than a preview reads" in line] == of_the_run(own_plugin)[
        :1
    ]


def test_a_taken_name_is_reported_by_the_preview(own_plugin: Plugin, emulator: Emulator) -> None:
    """The line has the text of the error of the deployment. A resource's own name is not reported."""
    emulator.create("taken", {"base": "base", "steps": []})
    mine = own_plugin.up({**manifest("make"), "name": "mine"})
    own_plugin.engine.lines.clear()
    assert said(own_plugin, {**manifest("make"), "name": "free"}, "other") == ["cached: ready at once"]
    first, second = said(own_plugin, {**manifest("make"), "name": "taken"}, "third")
    assert first == "cached: ready at once"
    assert second.startswith("this will fail: A snapshot named 'taken' exists already")
    own_plugin.configure(apiKey=emulator.api_key, apiUrl=emulator.url)
    assert said(own_plugin, {**manifest("make"), "name": "taken", "adopt": True}, "third")[2:] == [first]
    changed = own_plugin.checked({**manifest("make all"), "name": "mine"}, mine.inputs)
    own_plugin.diff(mine, changed)
    own_plugin.engine.lines.clear()
    own_plugin.create(changed, preview=True)
    assert own_plugin.engine.of(urn()) == ["will build: 1 step"]


@pytest.mark.parametrize("name", [{"name": "fixed"}, {}])
def test_patches_that_a_replacement_loses_are_reported(
    own_plugin: Plugin, emulator: Emulator, name: dict[str, str]
) -> None:
    """They belong to the old image; a replacement with the same content keeps them."""
    old = own_plugin.up({**manifest("make"), **name})
    patches = f"/api/snapshots/{old.outputs['name']}/patches"
    for _ in range(2):
        emulator.ask("POST", patches, {"script": "true", "description": ""})
    own_plugin.diff(old, old.inputs)
    own_plugin.engine.lines.clear()
    own_plugin.create(old.inputs, preview=True)
    assert own_plugin.engine.of(urn()) == ["cached: ready at once"]
    changed = own_plugin.checked({**manifest("make all"), **name}, old.inputs)
    own_plugin.diff(old, changed)
    own_plugin.engine.lines.clear()
    own_plugin.create(changed, preview=True)
    lines = own_plugin.engine.of(urn())
    assert lines[0] == "will build: 1 step"
    assert lines[1].startswith(f"2 patches hang on the snapshot '{old.outputs['name']}', and its replacement has none")


def test_without_log_lines_there_is_no_forecast(start_plugin, emulator: Emulator) -> None:
    """If the user wants no lines, the server is not asked either."""
    plugin = start_plugin()
    plugin.configure(apiKey=emulator.api_key, apiUrl=emulator.url, logs="none")
    made = plugin.up(manifest("make"))
    emulator.forget_requests()
    assert said(plugin, manifest("make"), "other") == []
    plugin.diff(made, plugin.checked(manifest("make all"), made.inputs))
    assert (plugin.engine.lines, emulator.requests()) == ([], [])


def test_an_update_of_the_state_is_previewed(own_plugin: Plugin) -> None:
    """The preview of an update returns what the update itself will, which needs no request."""
    made = own_plugin.up(manifest("make"))
    request = proto.UpdateRequest(
        urn=made.urn, id=made.id, olds=struct(made.outputs), news=struct(made.inputs), preview=True
    )
    assert plain(own_plugin.call("Update", request).properties) == made.outputs
