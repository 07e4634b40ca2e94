"""What a preview says of a create: whether it is ready at once, or how much is to be built."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.runtime import proto

from emulator_process import Emulator
from plugin_process import IMAGE, UNKNOWN, Plugin, plain, struct, urn


def manifest(*commands: str) -> dict[str, Any]:
    """A manifest with one step a command."""
    return {"manifest": {"steps": [{"run": [command]} for command in commands]}}


def said(plugin: Plugin, inputs: dict[str, Any], name: str = "daily") -> list[str]:
    """Preview a create; give the lines on its record."""
    of = urn(name)
    plugin.create(plugin.checked(inputs, of=of), of=of, preview=True)
    return plugin.engine.of(of)


def of_the_run(plugin: Plugin) -> list[str]:
    """The lines that are about no single resource."""
    return plugin.engine.of("")


def test_outputs_are_known_as_far_as_they_can_be(own_plugin: Plugin, emulator: Emulator) -> None:
    """A preview knows hash and name, leaves the rest unknown, and builds nothing."""
    made = own_plugin.create(own_plugin.checked(manifest("make")), preview=True)
    assert made.id == ""
    assert made.outputs["contentHash"] == made.inputs["contentHash"]
    assert made.outputs["name"] == made.inputs["name"]
    unknown = {key for key, value in made.outputs.items() if value == UNKNOWN}
    known_later = {"builtHash", "checkpointId", "status", "apiUrl", "orgId", "snapshotId", "createdAt", "lastUsedAt"}
    assert unknown == known_later
    assert emulator.images() == []


def test_what_is_cached_is_ready_at_once(own_plugin: Plugin) -> None:
    """A content that the server has built needs no build."""
    own_plugin.up(manifest("make"), of=urn("toolchain", IMAGE))
    assert said(own_plugin, manifest("make")) == ["cached: ready at once"]


@pytest.mark.parametrize(("commands", "line"), [((), "the base alone"), (("a",), "1 step"), (("a", "b"), "2 steps")])
def test_what_is_not_cached_will_be_built(own_plugin: Plugin, commands, line: str) -> None:
    """The number of steps says how much."""
    assert said(own_plugin, manifest(*commands)) == [f"will build: {line}"]


def test_a_second_resource_of_a_content_waits_for_the_first(own_plugin: Plugin) -> None:
    """One content is built once, and its other resources are told apart from builds of their own."""
    assert said(own_plugin, manifest("make"), "first") == ["will build: 1 step"]
    second = said(own_plugin, manifest("make"), "second")
    assert second == ["cached by then: another resource has the same content"]


def test_one_request_serves_all_resources(own_plugin: Plugin, emulator: Emulator) -> None:
    """However many resources a preview has, the list is asked for once."""
    emulator.forget_requests()
    for number in range(5):
        said(own_plugin, manifest(f"make {number}"), f"daily-{number}")
    assert [(entry["method"], entry["path"]) for entry in emulator.requests()] == [("GET", "/api/images")]


def test_an_unknown_content_is_not_asked_for(own_plugin: Plugin, emulator: Emulator) -> None:
    """Of a content that is not known yet, nothing can be said."""
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
def test_without_an_answer_the_reason_is_said_once(
    start_plugin, emulator: Emulator, settings: dict[str, str], reason: str
) -> None:
    """A preview needs neither a key nor a server: it is no error, and nothing is said of the resources."""
    plugin = start_plugin()
    plugin.configure(**{"apiUrl": emulator.url, **settings})
    for number in range(3):
        assert said(plugin, manifest("make"), f"daily-{number}") == []
    (line,) = of_the_run(plugin)
    assert line.startswith("no forecast of what will be built: ")
    assert reason in line


def test_forecasts_stay_as_lines_of_the_run(own_plugin: Plugin) -> None:
    """On a resource's record they are gone with the preview."""
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


def test_of_many_forecasts_ten_stay_and_the_number_of_the_others(own_plugin: Plugin) -> None:
    """It is said when the engine ends the plugin: only then no further resource comes."""
    own_plugin.up(manifest("true"), of=urn("toolchain", IMAGE))
    own_plugin.engine.lines.clear()
    for number in range(13):
        said(own_plugin, manifest(f"make {number}"), f"daily-{number}")
    said(own_plugin, manifest("true"), "old")
    assert len(of_the_run(own_plugin)) == 10
    own_plugin.end()
    assert of_the_run(own_plugin)[10:] == ["and 4 more: 3 to be built, 1 cached"]


def test_a_run_that_follows_begins_anew(own_plugin: Plugin, emulator: Emulator) -> None:
    """An engine that finds a plugin running configures it again; the server may have more by then."""
    said(own_plugin, manifest("make"))
    own_plugin.configure(apiKey=emulator.api_key, apiUrl=emulator.url)
    own_plugin.up(manifest("make"))
    own_plugin.configure(apiKey=emulator.api_key, apiUrl=emulator.url)
    assert said(own_plugin, manifest("make"), "other") == ["cached: ready at once"]


def test_a_list_that_is_cut_leaves_a_doubt_that_is_said_once(own_plugin: Plugin, emulator: Emulator) -> None:
    """What is not among its 200 records may be cached all the same."""
    own_plugin.up(manifest("true"), of=urn("toolchain", IMAGE))
    for number in range(200):
        emulator.create(f"other-{number}", {"base": "base", "steps": []})
    own_plugin.engine.lines.clear()
    lines = [said(own_plugin, manifest("make", word), f"daily-{word}") for word in ("a", "b")]
    assert lines == [["will build: 2 steps, unless it is cached"]] * 2
    assert [line for line in of_the_run(own_plugin) if "longer than a preview reads" in line] == of_the_run(own_plugin)[
        :1
    ]


def test_a_name_that_is_anothers_is_told_before_anything_is_built(own_plugin: Plugin, emulator: Emulator) -> None:
    """In the words of the error that the deployment would end with; one's own name is no reason to speak."""
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
def test_patches_that_a_replacement_loses_are_told(
    own_plugin: Plugin, emulator: Emulator, name: dict[str, str]
) -> None:
    """They hang on the old image; a replacement of the same content keeps them."""
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


def test_without_lines_nothing_is_foretold(start_plugin, emulator: Emulator) -> None:
    """Who wants no lines is asked for none, and neither is the server."""
    plugin = start_plugin()
    plugin.configure(apiKey=emulator.api_key, apiUrl=emulator.url, logs="none")
    made = plugin.up(manifest("make"))
    emulator.forget_requests()
    assert said(plugin, manifest("make"), "other") == []
    plugin.diff(made, plugin.checked(manifest("make all"), made.inputs))
    assert (plugin.engine.lines, emulator.requests()) == ([], [])


def test_a_rewritten_state_is_previewed(own_plugin: Plugin) -> None:
    """An update in a preview answers as the update itself, which asks nobody."""
    made = own_plugin.up(manifest("make"))
    request = proto.UpdateRequest(
        urn=made.urn, id=made.id, olds=struct(made.outputs), news=struct(made.inputs), preview=True
    )
    assert plain(own_plugin.call("Update", request).properties) == made.outputs
