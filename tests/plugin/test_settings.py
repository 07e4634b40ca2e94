"""A provider's settings: validated with clear messages, kept secret, and never a reason for a replacement."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.runtime import proto

from emulator_process import Emulator
from plugin_process import UNKNOWN, Plugin, plain, secret, struct

URN = "urn:pulumi:dev::pytest::pulumi:providers:opencomputer::own"
MANIFEST = {"steps": [{"run": ["make"]}]}


def check(plugin: Plugin, **settings: Any) -> Any:
    """Check settings."""
    return plugin.call("CheckConfig", proto.CheckRequest(urn=URN, news=struct(settings)))


def test_valid_settings_pass_and_the_key_is_secret(plugin: Plugin) -> None:
    """The key is marked as secret even if the program did not; properties that the engine adds are kept."""
    answer = check(plugin, apiKey="some-key", apiUrl="https://example.com", allowHttp=True, version="0.1.0")
    assert not answer.failures
    assert plain(answer.inputs)["apiKey"] == secret("some-key")
    assert plain(answer.inputs)["version"] == "0.1.0"


@pytest.mark.parametrize(
    "settings", [{}, {"apiKey": UNKNOWN, "apiUrl": UNKNOWN}, {"apiUrl": UNKNOWN, "allowHttp": True}]
)
def test_absent_and_unknown_settings_pass(plugin: Plugin, settings: dict[str, Any]) -> None:
    """A preview needs no key, and a value that is not known yet may be valid."""
    assert not check(plugin, **settings).failures


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"apiUrl": "ftp://example.com"}, "apiUrl: The API's address"),
        ({"apiUrl": "http://example.com"}, "apiUrl: The API key would go unencrypted to http://example.com."),
        ({"sdkVersion": "new"}, "sdkVersion: The setting opencomputer:sdkVersion"),
        ({"apiKey": "hidden key"}, "apiKey: The API key"),
        ({"allowHttp": "perhaps"}, "must be true or false."),
        ({"allowHttp": 5}, "allowHttp: must be true or false."),
        ({"apiUrl": ["x"]}, "apiUrl: must be a string."),
        ({"logs": "verbose"}, "logs: The setting opencomputer:logs (or OPENCOMPUTER_LOGS) must be one of"),
        (
            {"logFile": "logs/"},
            "logFile: The setting opencomputer:logFile (or OPENCOMPUTER_LOG_FILE) names a directory.",
        ),
        ({"logFile": 5}, "logFile: must be a string."),
        (
            {"apiKye": "x"},
            "apiKye: is not a setting of this provider; it has apiKey, apiUrl, sdkVersion, allowHttp, logs, logFile.",
        ),
    ],
)
def test_an_invalid_setting_is_reported_before_deploying(plugin: Plugin, settings: dict[str, Any], said: str) -> None:
    """The error names the setting, and does not show its value."""
    (failure,) = check(plugin, **settings).failures
    assert said in failure.reason
    assert failure.property == ""
    assert "hidden" not in failure.reason


@pytest.mark.parametrize(
    ("olds", "news", "changed"),
    [
        ({"apiKey": "old"}, {"apiKey": "new"}, {"apiKey": proto.PropertyDiff.UPDATE}),
        (
            {"apiUrl": "https://a"},
            {"apiKey": "k"},
            {"apiKey": proto.PropertyDiff.ADD, "apiUrl": proto.PropertyDiff.DELETE},
        ),
        ({"apiKey": "old"}, {"apiKey": "old", "version": "2.0.0"}, {}),
    ],
)
def test_a_changed_setting_replaces_nothing(plugin: Plugin, olds, news, changed: dict[str, int]) -> None:
    """Another key or address only updates the provider."""
    request = proto.DiffRequest(urn=URN, id="1", olds=struct(olds), news=struct(news), old_inputs=struct(olds))
    found = plugin.call("DiffConfig", request)
    kind = proto.DiffResponse.DIFF_SOME if changed else proto.DiffResponse.DIFF_NONE
    assert (found.changes, list(found.diffs), list(found.replaces)) == (kind, list(changed), [])
    assert {name: each.kind for name, each in found.detailedDiff.items()} == changed


def test_settings_override_the_environment(start_plugin, emulator: Emulator) -> None:
    """Environment variables count only for settings that the provider is not given."""
    plugin = start_plugin(OPENCOMPUTER_API_KEY="wrong-key", OPENCOMPUTER_API_URL=emulator.url)
    plugin.configure(apiKey=secret(emulator.api_key), allowHttp="false")
    assert plugin.up({"manifest": MANIFEST}).outputs["apiUrl"] == emulator.url


def test_each_of_two_providers_has_its_own_key(start_plugin, start_emulator) -> None:
    """Each explicit provider is a process with its own settings."""
    emulators = [start_emulator(api_key=f"key-{number}-of-its-own") for number in range(2)]
    for emulator in emulators:
        plugin = start_plugin()
        plugin.configure(apiKey=emulator.api_key, apiUrl=emulator.url)
        plugin.up({"manifest": MANIFEST, "name": "fixed"})
    assert [len(emulator.snapshots()) for emulator in emulators] == [1, 1]
