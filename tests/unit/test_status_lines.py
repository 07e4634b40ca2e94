"""The ephemeral status line of a resource: the running step, its time, waits and uploads."""

import threading

import pytest

from pulumi_opencomputer.lifecycle.build_log import BuildLog
from pulumi_opencomputer.lifecycle.log import ResourceLog
from pulumi_opencomputer.lifecycle.progress import BuildProgress, Ticker
from shown_build import STEPS, Build, ResourceLines


@pytest.fixture
def build():
    return Build()


def test_saving_the_image_is_an_ephemeral_line(build):
    """It is not a step of the manifest."""
    for _ in range(2):
        build.say("Creating checkpoint...", "checkpoint", after=1)
    assert (build.shown.lines, build.shown.passing) == ([], ["saving the image"])


def test_a_step_that_continues_keeps_its_ephemeral_line(build):
    """The end of another step does not stop it."""
    build.start(1)
    build.start(2)
    build.end(1)
    build.now = 5
    build.ticker.tick()
    assert build.shown.passing[-1] == "2/3 pip install pandas · 5 s"


def test_the_running_time_is_shown_less_and_less_often(build):
    """In a saved log every ephemeral line is a line of its own."""
    build.start(1)
    for _ in range(130):
        build.now += 1
        build.ticker.tick()
    shown = [line.partition(" · ")[2] for line in build.shown.passing[1:]]
    assert shown == [f"{seconds} s" for seconds in (1, 2, 3, 5, 7, 10, 15, 20, 30, 60, 90, 120)]


def test_each_step_counts_its_own_running_time(build):
    """The time starts at zero again."""
    build.start(1)
    build.now = 100
    build.ticker.tick()
    build.end(1)
    build.start(2)
    build.ticker.tick()
    build.now = 101
    build.ticker.tick()
    assert build.shown.passing[-2:] == ["2/3 pip install pandas", "2/3 pip install pandas · 1 s"]


def test_no_line_is_shown_between_steps_or_after_the_end(build):
    """A line about a finished step would be wrong."""
    build.start(1)
    build.end(1)
    before = list(build.shown.passing)
    build.now = 50
    build.ticker.tick()
    build.start(2)
    build.progress.close()
    build.now = 100
    build.progress.tick()
    assert build.shown.passing == [*before, "2/3 pip install pandas"]
    assert not build.ticker


def test_a_wait_is_shown_with_its_time(build):
    """If it is announced repeatedly, the time counts from the first announcement."""
    for _ in range(3):
        build.progress.wait_for("waiting for the server")
        build.now += 4
    build.ticker.tick()
    assert build.shown.passing == ["waiting for the server", "waiting for the server · 12 s"]


def test_a_long_upload_shows_its_percentage_and_bytes(build):
    """The percentage comes first, and the duration is shown at the end."""
    size = 104_900_000
    build.progress.on_upload(0, size)
    for seconds in range(1, 6):
        build.now = seconds
        build.progress.on_upload(seconds * 10_000_000, size)
        build.ticker.tick()
    build.now = 16.2
    build.progress.on_upload(size, size)
    build.ticker.tick()
    assert build.shown.passing == [
        "uploading 19 %, 20.0 MB of 104.9 MB · 2 s",
        "uploading 28 %, 30.0 MB of 104.9 MB · 3 s",
        "uploading 47 %, 50.0 MB of 104.9 MB · 5 s",
    ]
    assert build.shown.lines == ["uploaded 104.9 MB (16.2 s)"]


def test_a_short_upload_is_not_shown(build):
    """The previous line continues."""
    build.progress.wait_for("putting the new image under the name daily")
    build.progress.on_upload(0, 1000)
    build.now = 1.9
    build.ticker.tick()
    build.progress.on_upload(1000, 1000)
    build.now = 3
    build.ticker.tick()
    waiting = "putting the new image under the name daily"
    assert (build.shown.lines, build.shown.passing) == ([], [waiting, f"{waiting} · 3 s"])


def test_a_repeated_upload_starts_at_zero(build):
    """The first one failed."""
    build.progress.on_upload(0, 1000)
    build.progress.on_upload(500, 1000)
    build.now = 10
    build.progress.on_upload(0, 1000)
    build.now = 11
    build.ticker.tick()
    build.progress.on_upload(1000, 1000)
    assert (build.shown.lines, build.shown.passing) == ([], [])


def test_the_real_ticker_calls_its_members_until_they_leave():
    """One thread serves all builds."""
    ticker, shown = Ticker(interval=0.001), ResourceLines()
    called = threading.Event()

    class Watched(BuildProgress):
        def tick(self):
            called.set()

    members = [Watched(BuildLog(ResourceLog(shown)), STEPS, ticker=ticker) for _ in range(2)]
    for member in members:
        member.wait_for("something")
    assert called.wait(20)
    for member in members:
        member.close()
    assert [thread.name for thread in threading.enumerate()].count("build-progress") >= 1
    assert not ticker._members
