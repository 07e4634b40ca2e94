"""How the command line shows the lines of a log, as far as its own command tells."""

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
    """Looks at processes, each the parent of the one before."""
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
def test_lines_are_bare_with_diff(arguments, expected: bool) -> None:
    """Elsewhere the command line names the resource itself."""
    assert is_bare({}, looking(arguments), lambda: 0) is expected


def test_the_command_line_is_found_above_a_script() -> None:
    """The dynamic provider is started by one."""
    assert is_bare({}, looking(SHELL, ["pulumi", "up", "--diff"]), lambda: 0)


@pytest.mark.parametrize(("arguments", "expected"), [(["pulumi", "up"], True), (["pulumi", "up", "--diff=0"], False)])
def test_a_variable_stands_in_for_the_option(arguments, expected: bool) -> None:
    """Pulumi takes each option from the environment too."""
    assert is_bare({"PULUMI_OPTION_DIFF": "true"}, looking(arguments), lambda: 0) is expected


def test_nothing_is_said_of_what_is_not_there() -> None:
    """A process that is gone, or is not to be looked at, is no error."""
    assert not is_bare({}, process=lambda: 2**22 + 1)
    assert not is_bare({}, looking(), lambda: 0)


def test_real_processes_are_looked_at(tmp_path) -> None:
    """A program called pulumi that starts another, which asks."""
    asks = "from pulumi_opencomputer.engine.display import is_bare; print(is_bare({}))"
    starts = f"import subprocess, sys; subprocess.run([{sys.executable!r}, '-c', {asks!r}], check=True)"
    pulumi = tmp_path / "pulumi"
    pulumi.symlink_to(sys.executable)
    for option, expected in (("--diff", "True\n"), ("--yes", "False\n")):
        command = [str(pulumi), "-c", starts, "up", option]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == expected


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    """An engine's stand-in."""
    started = FakeEngine()
    yield started
    started.stop()


URN = "urn:pulumi:dev::p::opencomputer:index:Snapshot::daily"


@pytest.mark.parametrize(
    ("bare", "urn", "shown"), [(True, URN, "daily: line"), (False, URN, "line"), (True, "", "line")]
)
def test_a_bare_line_begins_with_the_resources_name(engine, bare: bool, urn: str, shown: str) -> None:
    """Lines about no resource have none."""
    EngineLog(engine.address, lambda: bare).log_for(urn)(Severity.INFO, "line")
    assert [text for _, _, text in engine.lines] == [shown]


@pytest.mark.parametrize(("bare", "shown"), [(True, ["daily: line"]), (False, ["line", "daily: line"])])
def test_a_bare_line_that_has_passed_is_not_repeated_as_one_that_stays(engine, bare: bool, shown: list[str]) -> None:
    """Printed by itself, a line that passes stays too."""
    log = EngineLog(engine.address, lambda: bare)
    log.log_for(URN)(Severity.INFO, "line", ephemeral=True)
    log.log_for("")(Severity.INFO, "daily: line")
    assert [text for _, _, text in engine.lines] == shown
