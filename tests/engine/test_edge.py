"""The quickstart, a change, a failing build and destroy behind the public edge, whose index lags."""

from __future__ import annotations

import pytest

from emulator_process import Emulator
from project import Project

PROGRAM = """
    toolchain = Manifest.base().apt_install(["ripgrep"]).run_commands("{command}")
    image = Image("toolchain", toolchain)
    daily = Snapshot("daily", image, name="toolchain")
    trial = Snapshot("trial", image)
    pulumi.export("daily", daily.snapshot_id)
    pulumi.export("trial", trial.name)
"""


def _left(emulator: Emulator) -> set[str]:
    """Return the names that the control plane has, whatever the index shows."""
    return {record["name"] for record in emulator.records() if record["name"]}


def _whole_life(project: Project, emulator: Emulator) -> None:
    project.program(PROGRAM.format(command="make one"))
    project.up()
    assert _left(emulator) == {"toolchain", project.outputs()["trial"]}
    first = project.outputs()["daily"]
    project.program(PROGRAM.format(command="make two"))
    project.up()
    assert _left(emulator) == {"toolchain", project.outputs()["trial"]}
    assert project.outputs()["daily"] != first
    project.program(PROGRAM.format(command="echo FAIL_BUILD"))
    assert "The build failed at step 2" in project.up(fails=True).text
    assert _left(emulator) == {"toolchain", project.outputs()["trial"]}
    project.destroy()
    assert _left(emulator) == set()


@pytest.mark.emulator(edge_lag="1")
def test_whole_life_passes_behind_the_edge(project: Project, emulator: Emulator) -> None:
    """No command fails, except for the failing build, and no record is left that a DELETE can reach."""
    _whole_life(project, emulator)


@pytest.mark.full
@pytest.mark.emulator(edge_lag="0.3")
def test_whole_life_passes_behind_an_edge_that_is_quick(project: Project, emulator: Emulator) -> None:
    """The same with an index that lags very little."""
    _whole_life(project, emulator)


@pytest.mark.full
@pytest.mark.emulator(edge_lag="8")
def test_whole_life_passes_behind_an_edge_that_is_slow(project: Project, emulator: Emulator) -> None:
    """The same with an index that lags a lot."""
    _whole_life(project, emulator)


@pytest.mark.full
@pytest.mark.emulator(edge_lag="0..8")
def test_whole_life_passes_behind_an_edge_whose_events_overtake_each_other(
    project: Project, emulator: Emulator
) -> None:
    """The same with a different lag for each event."""
    _whole_life(project, emulator)
