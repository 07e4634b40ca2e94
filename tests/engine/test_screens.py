"""What people see: `pulumi up` in real terminals, and in logs that are printed line by line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adapters import DYNAMIC, PLUGIN, Adapter, only
from emulator_process import Emulator
from project import Project, Ran
from tools.screens.scenes import PACKAGE, STEP_SECONDS, UNKNOWN, Moment, Stage, play

TWO_BUILDS = """
    Snapshot("one", Manifest.base().pip_install(["pandas==2.2.3"]).run_commands("make {word}"))
    Snapshot("two", Manifest.base().apt_install(["jq"]).run_commands("make {word}"))
"""
STEP = re.compile(r"\b[12]/2\b")
_HEADING = re.compile(r"  \S+ \(.+\):$|(?:Outputs|Resources):$")


@pytest.fixture
def start_stage(
    tmp_path: Path, start_emulator: Callable[..., Emulator], tools: str, pulumi_home: Path
) -> Callable[[Adapter, int], Stage]:
    """A function that starts a stack of the quickstart whose builds wait for the test."""

    def start(adapter: Adapter, columns: int) -> Stage:
        emulator = start_emulator(step_seconds=STEP_SECONDS)
        return Stage(tmp_path / "stack", emulator, adapter, columns, tools=tools, home=pulumi_home)

    return start


def row(text: str, name: str) -> str:
    """Return the last status line of a resource in Pulumi's table."""
    return [line for line in text.splitlines() if re.search(rf"(Image|Snapshot) +{name} ", line)][-1]


def block(text: str, name: str) -> list[str]:
    """Return the lines about a resource in the list below the last table."""
    lines = text.rpartition("Diagnostics:")[2].splitlines()
    start = next(index for index, line in enumerate(lines) if line.endswith(f" ({name}):"))
    found: list[str] = []
    for line in lines[start + 1 :]:
        if _HEADING.match(line):
            break
        # A line that the terminal has wrapped continues in its first column.
        if line.startswith("    ") or not found:
            found.append(line.strip())
        else:
            found[-1] += line
    return [line for line in found if line]


def first_build(stage: Stage) -> tuple[str, str]:
    """The quickstart's first `pulumi up`: the screen during its second step, and at the end."""
    stage.write()
    moments = iter(play(stage))
    during, end = next(moments), next(moments)
    return during.picture.visible, end.picture.text


def test_the_step_is_told_in_80_columns(start_stage: Callable[[Adapter, int], Stage]) -> None:
    """The step's number and what it does are visible; the finished preview shows a forecast."""
    during, end = first_build(start_stage(PLUGIN, 80))
    assert "2/6 pip inst" in row(during, "toolchain")
    preview = end.partition("Resources:")[0]
    assert "toolchain: will build: 6 steps" in preview
    assert "daily: cached by then: another resource has the same content" in preview
    assert block(end, "daily") == ["from cache"]


def test_the_package_is_told_in_120_columns(start_stage: Callable[[Adapter, int], Stage]) -> None:
    """They fit next to the long type of a dynamic resource; permanent lines are complete, and none says 0.0 s."""
    during, end = first_build(start_stage(DYNAMIC, 120))
    assert f"2/6 pip install {PACKAGE}" in row(during, "toolchain")
    steps = block(end, "toolchain")
    assert re.fullmatch(rf"\[2/6\] pip install {PACKAGE} \(\d+\.\d s\)", steps[1])
    assert steps[-1].startswith("ready in ")
    assert "ready in 0.0 s" not in end
    assert block(end, "daily") == block(end, "trial") == ["from cache"]


@pytest.mark.full
@pytest.mark.parametrize("columns", [80, 100, 120])
def test_every_scene_tells_what_it_should(
    start_stage: Callable[[Adapter, int], Stage], adapter: Adapter, columns: int
) -> None:
    """In each terminal size, with both adapters."""
    moments = {(moment.scene, moment.when): moment for moment in play(start_stage(adapter, columns))}
    _check_building(moments, adapter, columns)
    assert block(_end(moments, "change"), "daily")[-1] == "from cache"
    failed = " ".join(block(_end(moments, "failing-build"), "toolchain"))
    joined = failed.replace(" ", "")
    assert f"[2/6]pipinstall{UNKNOWN}" in joined
    assert f"Nomatchingdistributionfoundfor{UNKNOWN}" in joined
    for name in ("toolchain", "daily", "trial"):
        assert block(_end(moments, "cached"), name)[0] == "from cache"
    assert [line.partition(" (")[0] for line in block(_end(moments, "side-by-side"), "analysis")[:2]] == [
        f"[1/2] pip install {PACKAGE}",
        "[2/2] run make data",
    ]
    assert "ready in 0.0 s" not in "".join(moment.picture.text for moment in moments.values())


def _check_building(moments: dict[tuple[str, str], Moment], adapter: Adapter, columns: int) -> None:
    """Check what shows during builds, as far as there is room for it."""
    create, side_by_side = (moments[scene, "during"].picture.visible for scene in ("create", "side-by-side"))
    told = {
        (DYNAMIC, 100): ("2/6 pip install", "1/2 pip install"),
        (DYNAMIC, 120): (f"2/6 pip install {PACKAGE}", f"1/2 pip install {PACKAGE}"),
        (PLUGIN, 80): ("2/6 pip insta", "1/2 pip"),
        (PLUGIN, 100): (f"2/6 pip install {PACKAGE}", f"1/2 pip install {PACKAGE}"),
        (PLUGIN, 120): (f"2/6 pip install {PACKAGE}", f"1/2 pip install {PACKAGE}"),
    }.get((adapter, columns))
    if (adapter, columns) == (PLUGIN, 120):
        # Here the diff and a longer status stand before it.
        assert "2/6 pip install pandas" in row(moments["change", "during"].picture.visible, "toolchain")
    if told:
        assert told[0] in row(create, "toolchain")
        assert told[1] in row(side_by_side, "analysis")
        assert "1/2 apt" in row(side_by_side, "browser")


def _end(moments: dict[tuple[str, str], Moment], scene: str) -> str:
    return moments[scene, "end"].picture.text


def steps_of(ran: Ran) -> Iterator[str]:
    """Yield the lines printed about a step, except those below their resource's heading."""
    for line in ran.text.partition("Diagnostics:")[0].splitlines():
        if STEP.search(line):
            yield line


def test_a_line_that_stands_by_itself_bears_the_resources_name(project: Project) -> None:
    """With --diff the line begins with the name; in a CI log Pulumi's table puts the name before each line."""
    project.program(TWO_BUILDS.format(word="first"))
    table = list(steps_of(project.up()))
    project.program(TWO_BUILDS.format(word="second"))
    bare = list(steps_of(project.up("--diff")))
    for name, title in (("one", "pip install pandas==2.2.3"), ("two", "apt install jq")):
        assert f"{name}: 1/2 {title}" in bare
        assert [line for line in bare if title in line and not line.startswith(f"{name}: ")] == []
        told = [line for line in table if title in line]
        assert told
        assert [line for line in told if f"Snapshot {name} " not in line] == []


@only(PLUGIN)
def test_many_forecasts_stay_as_ten_lines_and_a_number(project: Project) -> None:
    """In a preview's log, as a pull request shows it."""
    project.program("""
    for number in range(13):
        Snapshot(f"daily-{number}", Manifest.base().run_commands(f"make {number}"))
    """)
    stays = project.preview().text.partition("Diagnostics:")[2]
    assert len(re.findall(r"^    daily-\d+: will build: 1 step$", stays, re.MULTILINE)) == 10
    assert "    and 3 more: 3 to be built\n" in stays


@only(DYNAMIC)
def test_a_dynamic_stack_takes_the_settings_of_logs(project: Project) -> None:
    """The log file's path is relative to the program's folder; it has a failing build's log too."""
    project.config("opencomputer:logs", "none")
    project.config("opencomputer:logFile", "logs/build.log")
    project.program('Snapshot("daily", Manifest.base().run_commands("make", "echo FAIL_BUILD"))')
    ran = project.up(fails=True)
    assert ran.lines("daily") == []
    text = (project.folder / "logs" / "build.log").read_text()
    assert f"daily: build of {project.urn('daily')}" in text
    assert "daily: failed: The build failed at step 1 (run)" in text
    project.config("opencomputer:logs", "loud")
    assert "opencomputer:logs (or OPENCOMPUTER_LOGS) must be one of steps, full" in project.up(fails=True).text
