"""The user's settings for generated names (``pulumi:autonaming``), as the engine passes them on."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import empty_pb2
from pulumi.runtime import proto

from plugin_process import IMAGE, Plugin, plain, struct, urn

OPTIONS = proto.CheckRequest.AutonamingOptions
MANIFEST = {"steps": [{"run": ["make"]}]}


def check(plugin: Plugin, options: Any, *, of: str = urn(), olds: Any = None, **more: Any) -> Any:
    """Check a snapshot, by default one without a name."""
    news = {"manifest": MANIFEST, **more}
    request = proto.CheckRequest(urn=of, olds=struct(olds or {}), news=struct(news), autonaming=options)
    return plugin.call("Check", request)


def name(plugin: Plugin, options: Any, **more: Any) -> str:
    """The name that a snapshot gets."""
    answer = check(plugin, options, **more)
    assert not answer.failures, answer.failures
    return plain(answer.inputs)["name"]


def test_the_plugin_announces_its_support_of_autonaming(plugin: Plugin) -> None:
    """The engine passes these settings only to providers that support them."""
    hello = plugin.call("Handshake", proto.ProviderHandshakeRequest())
    assert hello.supports_autonaming_configuration
    assert plugin.call("GetPluginInfo", empty_pb2.Empty()).version


@pytest.mark.parametrize("mode", [OPTIONS.PROPOSE, OPTIONS.ENFORCE])
def test_a_pattern_names_the_snapshot(plugin: Plugin, mode: Any) -> None:
    """A name made from the user's pattern replaces our own."""
    assert name(plugin, OPTIONS(proposed_name="team-daily-abc", mode=mode)) == "team-daily-abc"


def test_a_name_in_the_program_has_precedence(plugin: Plugin) -> None:
    """It is used even if generated names are forbidden."""
    assert name(plugin, OPTIONS(mode=OPTIONS.DISABLE), name="fixed") == "fixed"


def test_a_name_is_kept_as_long_as_the_content_stays(plugin: Plugin) -> None:
    """The engine proposes another name in each run, but that does not replace a snapshot."""
    first = plain(check(plugin, OPTIONS(proposed_name="daily-1", mode=OPTIONS.PROPOSE)).inputs)
    again = OPTIONS(proposed_name="daily-2", mode=OPTIONS.PROPOSE)
    assert name(plugin, again, olds=first) == "daily-1"
    assert name(plugin, again, olds=first, manifest={"steps": [{"run": ["other"]}]}) == "daily-2"


def test_an_invalid_proposed_name_is_ignored(plugin: Plugin) -> None:
    """For a mere proposal the provider can use its own name instead; an invalid enforced name is an error."""
    assert name(plugin, OPTIONS(proposed_name="team/daily", mode=OPTIONS.PROPOSE)).startswith("daily-")
    (failure,) = check(plugin, OPTIONS(proposed_name="team/daily", mode=OPTIONS.ENFORCE)).failures
    assert failure.reason.startswith("name: as pulumi:autonaming makes it, must not hold '/'")


def test_a_name_is_required_if_generated_names_are_disabled(plugin: Plugin) -> None:
    """An image has no name, so it needs none."""
    (failure,) = check(plugin, OPTIONS(mode=OPTIONS.DISABLE)).failures
    assert failure.reason == "name: is required: pulumi:autonaming is disabled for this resource. (OC1002)"
    assert not check(plugin, OPTIONS(mode=OPTIONS.DISABLE), of=urn("toolchain", IMAGE)).failures


@pytest.mark.parametrize(
    ("options", "warned"),
    [
        (OPTIONS(mode=OPTIONS.DISABLE), True),
        (OPTIONS(proposed_name="daily", mode=OPTIONS.ENFORCE), True),
        (OPTIONS(proposed_name="team-daily", mode=OPTIONS.ENFORCE), True),
        (OPTIONS(proposed_name="team-daily-4f2a", mode=OPTIONS.ENFORCE), False),
    ],
    ids=["disabled", "verbatim", "a pattern that is not random", "a random pattern"],
)
def test_names_that_make_pulumi_delete_first_are_a_warning(own_plugin: Plugin, options: Any, warned: bool) -> None:
    """The engine then deletes a snapshot before it builds the next one, even if the program names it."""
    check(own_plugin, options, olds={"name": "team-daily", "manifest": MANIFEST}, name="fixed")
    assert (
        any("deletes each resource before it builds the replacement" in line for line in own_plugin.engine.of(urn()))
        == warned
    )
