"""The settings of the build log: which of its lines are shown, and the file that keeps all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emulator_process import Emulator
from plugin_process import Plugin, create_request, secret, urn

pytestmark = pytest.mark.long

Start = Callable[..., Plugin]
STEPS = {"manifest": {"steps": [{"aptInstall": ["jq"]}, {"run": ["make"]}]}}
OUTPUT = [f"output {number}" for number in range(40)]
SECRET = "hunter2-correct-horse"


@pytest.fixture
def talkative(emulator: Emulator) -> Emulator:
    """A server whose commands print 40 lines."""
    emulator.fail({"kind": "build", "contains": "make", "output": OUTPUT})
    return emulator


def configured(start: Start, emulator: Emulator, **settings: Any) -> Plugin:
    plugin = start()
    plugin.configure(apiKey=emulator.api_key, apiUrl=emulator.url, **settings)
    return plugin


def fail_make(emulator: Emulator) -> None:
    told = {"exit": 2, "stderr": "no rule", "output": OUTPUT}
    emulator.fail({"kind": "build", "contains": "make", "outcome": "fail", **told})


def fails(plugin: Plugin, inputs: dict[str, Any], name: str = "daily") -> str:
    """Create a resource whose build fails; return the error."""
    of = urn(name)
    return plugin.fails("Create", create_request(plugin.checked(inputs, of=of), of=of))[1]


def test_full_shows_all_of_the_servers_lines(start_plugin: Start, talkative: Emulator) -> None:
    """The default shows 30 lines of a step, and counts the others."""
    for settings, number in (({}, 30), ({"logs": "steps"}, 30), ({"logs": "full"}, 40)):
        talkative.clear()
        talkative.fail({"kind": "build", "contains": "make", "output": OUTPUT})
        plugin = configured(start_plugin, talkative, **settings)
        plugin.up(STEPS)
        lines = plugin.engine.of(urn())
        shown = [line for line in lines if "| output" in line]
        assert shown[:number] == [f"[2/2] | {line}" for line in OUTPUT[:number]]
        assert (len(shown) == len(OUTPUT)) == (number == len(OUTPUT))
        assert ("[2/2] | … and 10 more lines of the server" in lines) == (number == 30)


def test_failures_shows_only_the_lines_of_failed_builds(start_plugin: Start, emulator: Emulator) -> None:
    """The lines appear after the failure, before the error."""
    plugin = configured(start_plugin, emulator, logs="failures")
    plugin.up({"manifest": {"steps": [{"run": ["true"]}]}}, of=urn("other"))
    fail_make(emulator)
    error = fails(plugin, STEPS)
    assert plugin.engine.of(urn("other")) == []
    assert plugin.engine.of(urn())[0].startswith("[1/2] apt install jq (")
    assert plugin.engine.of(urn())[1:] == [f"[2/2] | {line}" for line in OUTPUT]
    assert "no rule" in error


def test_none_shows_only_the_error(start_plugin: Start, emulator: Emulator) -> None:
    """The error still has the reason of the failure."""
    plugin = configured(start_plugin, emulator, logs="none")
    fail_make(emulator)
    assert "no rule" in fails(plugin, STEPS)
    assert plugin.engine.of(urn()) == []


def test_an_environment_variable_sets_it_for_every_stack(start_plugin: Start, talkative: Emulator) -> None:
    """This is the same as for other settings."""
    plugin = start_plugin(OPENCOMPUTER_LOGS="none")
    plugin.configure(apiKey=talkative.api_key, apiUrl=talkative.url)
    plugin.up(STEPS)
    assert plugin.engine.of(urn()) == []


def test_a_file_keeps_the_complete_log_of_each_build(start_plugin: Start, emulator: Emulator, tmp_path: Path) -> None:
    """It includes failed builds and lines that are not shown; its path is relative to the program's folder."""
    fail_make(emulator)
    plugin = configured(start_plugin, emulator, logs="none", logFile="logs/build.log")
    plugin.up({"manifest": {"steps": [{"run": ["true"]}]}}, of=urn("other"))
    error = fails(plugin, STEPS)
    lines = [line.partition(" ")[2] for line in (tmp_path / "logs" / "build.log").read_text().splitlines()]
    assert lines[0] == f"other: build of {urn('other')}"
    assert lines[1].startswith("other: [1/1] run true (")
    assert lines[2].startswith("other: ready in ")
    assert lines[3] == f"daily: build of {urn()}"
    assert lines[5:45] == [f"daily: [2/2] | {line}" for line in OUTPUT]
    assert lines[45:] == [f"daily: failed: {line}" for line in error.splitlines()]


def test_the_file_contains_no_secret(start_plugin: Start, emulator: Emulator, tmp_path: Path) -> None:
    """Secrets are removed from the output of steps and from errors."""
    told = {"exit": 2, "stderr": f"no such token: {SECRET}", "output": [f"token {SECRET}"], "step": 2}
    emulator.fail({"kind": "build", "contains": "make", "outcome": "fail", **told})
    plugin = configured(start_plugin, emulator, logFile="build.log")
    fails(plugin, {"manifest": {"steps": [{"env": {"TOKEN": secret(SECRET)}}, {"run": ["make"]}]}})
    text = (tmp_path / "build.log").read_text()
    assert "[2/2] | token [secret]" in text
    assert SECRET not in text


def test_a_file_that_cannot_be_written_fails_no_build(start_plugin: Start, emulator: Emulator, tmp_path: Path) -> None:
    """There is a single warning for all builds of a run."""
    (tmp_path / "logs").write_text("")
    plugin = configured(start_plugin, emulator, logFile="logs/build.log")
    plugin.up(STEPS)
    plugin.up(STEPS, of=urn("other"))
    warnings = [text for _, severity, text in plugin.engine.lines if severity == 2]
    assert len(warnings) == 1
    assert "can't write the build log" in warnings[0]
