"""Hints about the known causes of a failed step, recognised by the messages of the tools."""

from __future__ import annotations

from typing import Any

import pytest

from pulumi_opencomputer.api.events import OtherLine, StepStarted
from pulumi_opencomputer.errors import BuildFailedError, TimedOutError
from pulumi_opencomputer.lifecycle.build_job import Job
from pulumi_opencomputer.lifecycle.build_log import BuildLog
from pulumi_opencomputer.lifecycle.check import HashMemory, check
from pulumi_opencomputer.lifecycle.failure_hints import hint_for
from pulumi_opencomputer.lifecycle.kinds import IMAGE
from pulumi_opencomputer.lifecycle.log import ResourceLog, no_log
from pulumi_opencomputer.manifest.places import Places, encoded

SAID = {
    "E: Unable to locate package riprgep": ("apt_install", 100, "apt knows no package"),
    "E: Version '9.9' for 'jq' was not found": ("apt_install", 100, "apt knows no package"),
    "E: Package 'python2' has no installation candidate": ("apt_install", 100, "apt knows no package"),
    "ERROR: No matching distribution found for nump": ("pip_install", 1, "pip knows no package"),
    "ERROR: Could not find a version that satisfies the requirement pandas==99": ("pip_install", 1, "pip knows no"),
    "ERROR: ResolutionImpossible: for help visit": ("pip_install", 1, "conflicting versions"),
    "ERROR: Invalid requirement: 'pandas=2'": ("pip_install", 1, "does not understand"),
    "error: subprocess-exited-with-error\nGetting requirements": ("pip_install", 1, "had to compile"),
    "bash: line 1: makee: command not found": ("run", 127, "command was not found"),
    "sh: 1: makee: not found": ("run", 127, "command was not found"),
    "sh: 1: Syntax error: Unterminated quoted string": ("run", 2, "quote or a bracket is not closed"),
    "bash: -c: line 1: unexpected EOF while looking for matching `\"'": ("run", 2, "quote or a bracket"),
    "bash: ./install.sh: Permission denied": ("run", 126, "chmod +x"),
    "python3: can't open file '/w/x.py': [Errno 2] No such file or directory": ("run", 2, "does not exist. Add it"),
    "exec failed: deadline exceeded": ("run", None, "300 s for a command"),
    "c++: fatal error: Killed signal terminated program cc1plus\nout of memory": ("run", 1, "builder_memory(4096)"),
    "MemoryError": ("pip_install", 1, "builder_memory(4096)"),
    "OSError: [Errno 28] No space left on device": ("pip_install", 1, "disk is full"),
    "curl: (6) Could not resolve host: exmaple.com": ("run", 6, "can't reach that host"),
    "Killed": ("run", 137, "builder_memory(4096)"),
    "": ("run", 127, "command was not found"),
}


@pytest.mark.parametrize("said", SAID)
def test_a_known_cause_gives_advice(said: str) -> None:
    """The cause is recognised by the command's output, or else by its exit code."""
    step_type, exit_code, words = SAID[said]
    assert words in hint_for(step_type, exit_code, said)


@pytest.mark.parametrize(
    ("step_type", "exit_code", "said"),
    [
        ("run", 1, "make: *** [all] Error 1"),
        ("run", 1, "No matching distribution found for x"),
        ("apt_install", 100, "E: Permission denied"),
        (None, None, ""),
    ],
)
def test_nothing_is_guessed(step_type: str | None, exit_code: int | None, said: str) -> None:
    """A user's command may print anything; a wrong hint is worse than none."""
    assert hint_for(step_type, exit_code, said) == ""


STEPS: list[dict[str, Any]] = [
    {"aptInstall": ["jq"]},
    {"pipInstall": ["nump", "x<3"]},
    {"run": ["make", 'echo "x"']},
    {"env": {"A": "1", "B": "2"}},
    {"workdir": "/w"},
    {"addFile": {"path": "/f", "content": "hello"}},
    {"addDir": {"path": "/d", "files": [{"relativePath": "f", "content": "x"}]}},
]
CALLS = [
    '.apt_install(["jq"])',
    '.pip_install(["nump", "x<3"])',
    '.run_commands("make", "echo \\"x\\"")',
    '.env({"A": …, "B": …})',
    '.workdir("/w")',
    '.add_file("/f", …)',
    '.add_local_dir(…, "/d")',
]


def job(*secret: str, places: Places | None = None) -> Job:
    inputs = {"manifest": {"base": "base", "steps": STEPS}, "secretPaths": list(secret)}
    checked = check(IMAGE, "urn", {}, inputs, HashMemory())
    lines = Places.decoded(encoded("__main__.py:30", [f"__main__.py:{number}" for number in range(1, 8)]))
    return Job("urn", checked.inputs, BuildLog(ResourceLog(no_log)), places=lines if places is None else places)


def failed(job: Job, step: int, text: str = "", step_type: str = "run") -> str:
    error = BuildFailedError("", step=step, step_type=step_type, exit_code=1, text=text)
    job.explain(error)
    job.close()
    return str(error)


@pytest.mark.parametrize(("step", "call"), list(enumerate(CALLS, 1)))
def test_the_call_that_declared_the_step_follows_its_line(step: int, call: str) -> None:
    """It looks as in the program, without the values of variables or the content of files."""
    assert failed(job(), step).splitlines()[1] == f"  at __main__.py:{step} {call}"


def test_a_failure_has_the_step_its_place_a_hint_and_the_servers_text() -> None:
    """Each of them is on its own line."""
    said = "ERROR: No matching distribution found for nump"
    assert failed(job(), 2, said, "pip_install").splitlines() == [
        "The build failed at step 2 (pip_install) with exit code 1: [2/7] pip install nump x<3. (OC1111)",
        '  at __main__.py:2 .pip_install(["nump", "x<3"])',
        "  pip knows no package of that name, or no version of it that fits the sandbox's Python. Check the spelling "
        "and the version at pypi.org.",
        f"  The server said: {said}",
    ]


def test_a_failure_without_a_step_names_the_line_of_the_resource() -> None:
    """The server does not always report which step failed."""
    error = BuildFailedError("The build of the image failed.", text="sandbox died")
    made = job()
    made.explain(error)
    made.close()
    assert str(error).splitlines()[1:] == ["  at __main__.py:30", "  The server said: sandbox died"]


def test_a_step_with_a_secret_is_described_without_its_arguments() -> None:
    """Its line and method are shown. Its output is not searched for a known cause."""
    text = failed(job("manifest.steps[1].pipInstall[0]"), 2, "No matching distribution found for nump", "pip_install")
    assert "at __main__.py:2 .pip_install(…)" in text
    assert "nump" not in text
    assert "pip knows" not in text


def test_the_last_lines_of_a_build_are_shown() -> None:
    """They are lines of the failed step, or of no step; a line that the server's error repeats is left out."""
    made = job()
    for number in (1, 2):
        made.progress.on_event(StepStarted(number, "run", "", number, 7, "x"))
        for line in range(12):
            made.progress.on_event(OtherLine(number, "output", f"line {line} of {number}"))
    lines = failed(made, 2, "line 11 of 2").splitlines()
    assert lines[-10:] == ["  The last lines of the build:", *(f"  | line {line} of 2" for line in range(2, 11))]


def test_a_time_limit_names_the_limit_and_the_step() -> None:
    """It also shows where the program declares that step."""
    made = job()
    made.progress.on_event(StepStarted(3, "run", "", 3, 7, "x"))
    error = TimedOutError("The build did not end within 5 s.")
    made.explain(error)
    made.close()
    assert str(error) == (
        'The build did not end within 5 s. The step that was running: [3/7] run make && echo "x", at __main__.py:3 '
        '.run_commands("make", "echo \\"x\\""). (OC1107)'
    )
