"""How the Pulumi command line shows log lines, as far as its own arguments reveal it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence

import pytest

from plugin_process import FakeEngine
from pulumi_opencomputer.engine.display import is_bare
from pulumi_opencomputer.engine.log import EngineLog
from pulumi_opencomputer.lifecycle.log import Severity

SHELL = ["/bin/sh", "/usr/bin/pulumi-resource-pulumi-python", "127.0.0.1:1"]


def looking(*commands: Sequence[str]):
    """A function that looks up processes by number, each the parent of the one before."""
    return lambda process: (process + 1, commands[process]) if process < len(commands) else None


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["pulumi", "up"], False),
        (["pulumi", "up", "--yes", "--diff"], True),
        (["/usr/local/bin/pulumi", "preview", "--diff=true"], True),
        (["pulumi.exe", "preview", "--diff"], True),
        (["pulumi", "up", "--diff=false"], False),
        (["pulumi", "up", "--", "--diff"], False),
        (["bash", "--diff"], False),
        ([], False),
    ],
)
def test_lines_have_no_resource_name_with_diff(arguments, expected: bool) -> None:
    """In its other displays the command line adds the resource's name itself."""
    assert is_bare({}, looking(arguments), lambda: 0) is expected


def test_the_command_line_is_found_above_a_script() -> None:
    """A shell script starts the dynamic provider."""
    assert is_bare({}, looking(SHELL, ["pulumi", "up", "--diff"]), lambda: 0)


@pytest.mark.parametrize(("arguments", "expected"), [(["pulumi", "up"], True), (["pulumi", "up", "--diff=0"], False)])
def test_an_environment_variable_replaces_the_option(arguments, expected: bool) -> None:
    """Pulumi also reads each option from the environment."""
    assert is_bare({"PULUMI_OPTION_DIFF": "true"}, looking(arguments), lambda: 0) is expected


def test_a_process_that_cannot_be_looked_up_is_no_error() -> None:
    """It may have ended, or its command may be unreadable; then the lines don't count as bare."""
    assert not is_bare({}, process=lambda: 2**22 + 1)
    assert not is_bare({}, looking(), lambda: 0)


def test_real_processes_are_looked_at(tmp_path) -> None:
    """A program called pulumi starts another one, which looks for it."""
    asks = "from pulumi_opencomputer.engine.display import is_bare; print(is_bare({}))"
    starts = f"import subprocess, sys; subprocess.run([{sys.executable!r}, '-c', {asks!r}], check=True)"
    pulumi = tmp_path / "pulumi"
    pulumi.symlink_to(sys.executable)
    for option, expected in (("--diff", "True\n"), ("--yes", "False\n")):
        command = [str(pulumi), "-c", starts, "up", option]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == expected


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    """A stand-in for an engine."""
    started = FakeEngine()
    yield started
    started.stop()


URN = "urn:pulumi:dev::p::opencomputer:index:Snapshot::daily"


@pytest.mark.parametrize(
    ("bare", "urn", "shown"), [(True, URN, "daily: line"), (False, URN, "line"), (True, "", "line")]
)
def test_a_bare_line_begins_with_the_resources_name(engine, bare: bool, urn: str, shown: str) -> None:
    """Lines that are not about a resource have no name."""
    EngineLog(engine.address, lambda: bare).log_for(urn)(Severity.INFO, "line")
    assert [text for _, _, text in engine.lines] == [shown]


@pytest.mark.parametrize(("bare", "shown"), [(True, ["daily: line"]), (False, ["line", "daily: line"])])
def test_a_printed_ephemeral_line_is_not_repeated_as_a_permanent_one(engine, bare: bool, shown: list[str]) -> None:
    """In that display an ephemeral line is printed and stays too."""
    log = EngineLog(engine.address, lambda: bare)
    log.log_for(URN)(Severity.INFO, "line", ephemeral=True)
    log.log_for("")(Severity.INFO, "daily: line")
    assert [text for _, _, text in engine.lines] == shown
