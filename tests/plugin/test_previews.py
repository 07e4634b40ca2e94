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
    """Preview a create; give the lines on its row."""
    of = urn(name)
    plugin.create(plugin.checked(inputs, of=of), of=of, preview=True)
    return plugin.engine.of(of)


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


@pytest.mark.parametrize("settings", [{}, {"apiKey": "some-key", "apiUrl": "http://127.0.0.1:1"}, {"apiKey": "wrong"}])
def test_without_an_answer_nothing_is_said(start_plugin, emulator: Emulator, settings: dict[str, str]) -> None:
    """A preview needs neither a key nor a server: it is no error, and says nothing."""
    plugin = start_plugin()
    plugin.configure(**{"apiUrl": emulator.url, **settings})
    assert said(plugin, manifest("make")) == []


def test_a_rewritten_state_is_previewed(own_plugin: Plugin) -> None:
    """An update in a preview answers as the update itself, which asks nobody."""
    made = own_plugin.up(manifest("make"))
    request = proto.UpdateRequest(
        urn=made.urn, id=made.id, olds=struct(made.outputs), news=struct(made.inputs), preview=True
    )
    assert plain(own_plugin.call("Update", request).properties) == made.outputs
