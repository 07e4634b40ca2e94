"""Build events as the log lines of a resource."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_opencomputer.config import LogLines
from pulumi_opencomputer.lifecycle.log import ResourceLog, Severity, no_log
from shown_build import STEPS, Build


@pytest.fixture
def build():
    return Build()


def test_a_step_is_one_line_with_its_duration(build):
    """The line appears when the step ends; until then an ephemeral line names the step."""
    build.say("Building image with 3 steps (sandbox=sb-1)", "build")
    for number, seconds in ((1, 12.34), (2, 60), (3, 0.04)):
        build.start(number)
        build.end(number, after=seconds)
    assert build.shown.lines == [
        "[1/3] apt install jq (12.3 s)",
        "[2/3] pip install pandas (60.0 s)",
        "[3/3] run true (0.0 s)",
    ]
    assert build.shown.passing == ["1/3 apt install jq", "2/3 pip install pandas", "3/3 run true"]


def test_the_servers_text_of_known_events_is_never_shown(build):
    """Steps, cache hits and saving are described in our own words, because the server's text repeats the manifest."""
    build.say("Building image with 3 steps (sandbox=hunter2)", "build")
    build.say("Step 1/3: hunter2", "hunter2")
    build.say("Step 1/3 completed", "hunter2")
    build.say("Creating checkpoint...", "checkpoint")
    build.say("Image found in cache (hash=hunter2)", "cache_hit")
    assert "hunter2" not in "".join(build.shown.lines + build.shown.passing)


@pytest.mark.parametrize(
    ("message", "kind", "step", "line"),
    [
        ("Collecting pandas", "run", 2, "[2/3] | Collecting pandas"),
        ("Step 1/3 completed with 2 warnings", "run", 1, "[1/3] | Step 1/3 completed with 2 warnings"),
        ("Step 4/3: x", "run", 4, "| Step 4/3: x"),
        ("Step 2/3: x", "run", 1, "[1/3] | Step 2/3: x"),
        ("Uploading layer 1 of 3", "checkpoint", 4, "| Uploading layer 1 of 3"),
        ("Waiting for a worker", "build", 0, "| Waiting for a worker"),
        ("warning: disk almost full", "warning", 0, "| warning: disk almost full"),
    ],
)
def test_unknown_messages_are_shown(build, message, kind, step, line):
    """A later server may send the output of commands, or steps of its own."""
    build.say(message, kind, step=step)
    assert build.shown.lines == [line]


def test_the_servers_lines_keep_their_place_between_ours(build):
    """None is lost, and each line of a message becomes a line of the log."""
    build.start(1)
    build.say("Get:1 http://deb\nGet:2 http://deb\n\n", step=1)
    build.end(1, after=2)
    build.say("cleaning up", "build")
    build.start(2)
    assert build.shown.lines == [
        "[1/3] | Get:1 http://deb",
        "[1/3] | Get:2 http://deb",
        "[1/3] apt install jq (2.0 s)",
        "| cleaning up",
    ]


def test_a_limited_number_of_lines_per_step_is_kept(build):
    """Some of the others are shown as ephemeral lines; their number is reported when the step ends."""
    build.start(1)
    for number in range(1000):
        build.say(f"line {number}", step=1, after=0.01)
    build.end(1)
    build.start(2)
    build.say("quiet", step=2)
    assert build.shown.lines[:2] == ["[1/3] | line 0", "[1/3] | line 1"]
    assert build.shown.lines[29:] == [
        "[1/3] | line 29",
        "[1/3] | … and 970 more lines of the server",
        "[1/3] apt install jq (10.0 s)",
        "[2/3] | quiet",
    ]
    assert 10 < len(build.shown.passing) < 30
    assert "[1/3] | line 30" in build.shown.passing


def test_a_limited_number_of_lines_per_build_is_kept():
    """The limit holds even if each line names another step; the number of the others is reported at the end."""
    build = Build(["run true"] * 100)
    for number in range(5000):
        build.say(f"line {number}", step=number % 101)
    build.progress.close()
    assert build.shown.lines[0] == "| line 0"
    assert sum("more line" not in line for line in build.shown.lines) == 500
    assert len(build.shown.lines) < 700
    assert "[100/100] | … and 45 more lines of the server" in build.shown.lines


def test_a_long_line_is_cut_only_where_it_is_ephemeral(build):
    """A terminal only shows the beginning of an ephemeral line; a log is searched for the end too."""
    for number in range(31):
        build.say(f"{number} " + "x" * 5000, step=1)
    assert build.shown.lines[0] == "[1/3] | 0 " + "x" * 5000
    assert build.shown.passing == ["[1/3] | 30 " + "x" * 288 + "…"]


def test_a_long_command_is_cut_only_where_it_is_ephemeral(build):
    """Two long commands may differ only at their ends."""
    build = Build(["run cut…"], whole=["run " + "x" * 500])
    build.say("Step 1/1: whatever the server says")
    build.say("Step 1/1 completed", after=2)
    assert build.shown.passing == ["1/1 run cut…"]
    assert build.shown.lines == ["[1/1] run " + "x" * 500 + " (2.0 s)"]


def test_output_keeps_its_indentation(build):
    """A traceback is unreadable without it."""
    build.say("  File x, line 1\n    import y", step=1)
    assert build.shown.lines == ["[1/3] |   File x, line 1", "[1/3] |     import y"]


def test_secrets_are_removed_from_the_servers_lines():
    """The redaction of the manifest's secrets is applied to each line."""
    build = Build(redact=lambda text: text.replace("hunter2", "[secret]"))
    build.say("token hunter2 accepted", step=1)
    assert build.shown.lines == ["[1/3] | token [secret] accepted"]


@pytest.mark.parametrize("step", [2, 1, 0, 7, None])
def test_the_servers_lines_of_a_step_with_a_secret_are_only_counted(step):
    """The server may give any step number, or none: while such a step runs, no line is shown."""
    build = Build(withholds=lambda number: number == 2)
    build.start(1)
    build.say("shown", step=1)
    build.end(1)
    build.start(2)
    build.say("aHVudGVyMg==\nhunter", step=step)
    build.end(2)
    build.say("shown again", step=3)
    build.progress.close()
    text = "\n".join(build.shown.lines + build.shown.passing)
    assert "hunter" not in text
    assert "aHVud" not in text
    assert "2 lines of the server withheld, because the step holds a secret" in text
    assert "[1/3] | shown" in build.shown.lines
    assert "[3/3] | shown again" in build.shown.lines


def test_a_line_of_a_step_with_a_secret_is_withheld_before_and_after_it_runs():
    """Lines may arrive early or late."""
    build = Build(withholds=lambda number: number == 2)
    build.say("hunter2", step=2)
    build.start(2)
    build.end(2)
    build.say("hunter2", step=2)
    build.progress.close()
    assert "hunter2" not in "".join(build.shown.lines + build.shown.passing)


def test_a_cache_hit_is_reported_once(build):
    """Repeated messages and further requests don't report it again."""
    for _ in range(2):
        build.say("Image found in cache (hash=012345678901)", "cache_hit")
    build.progress.restart()
    build.say("Image found in cache (hash=012345678901)", "cache_hit")
    assert build.shown.lines == ["from cache"]


def test_a_cache_hit_ends_the_waiting(build):
    """The waiting time is not shown any more."""
    build.progress.wait_for("waiting for the server")
    build.say("Image found in cache (hash=012345678901)", "cache_hit")
    build.now = 30
    build.ticker.tick()
    assert build.shown.passing == ["waiting for the server"]


def test_a_further_request_shows_its_steps_but_no_cache_hit(build):
    """When the content was just built here, a cache hit of the next request is no news."""
    build.start(1)
    build.end(1, after=2)
    build.progress.restart()
    build.start(1)
    build.end(1, after=3)
    build.progress.restart()
    build.say("Image found in cache (hash=012345678901)", "cache_hit")
    assert build.shown.lines == ["[1/3] apt install jq (2.0 s)", "[1/3] apt install jq (3.0 s)"]


def test_a_repeated_event_is_not_shown_again(build):
    """This holds for starts and ends; the duration counts from the first start."""
    build.start(1)
    build.start(1, after=5)
    build.end(1, after=5)
    build.end(1, after=5)
    build.start(1, after=5)
    assert build.shown.lines == ["[1/3] apt install jq (10.0 s)"]
    assert build.shown.passing == ["1/3 apt install jq"]


def test_steps_that_overlap_have_their_own_durations(build):
    """The times are kept per step, so events out of order don't mix them up."""
    build.start(1)
    build.start(2, after=10)
    build.end(1, after=5)
    build.end(2, after=20)
    assert build.shown.lines == ["[1/3] apt install jq (15.0 s)", "[2/3] pip install pandas (25.0 s)"]


@pytest.mark.parametrize(
    "message",
    [
        "Step 0/3: x",
        "Step 4/3: x",
        "Step 4/3 completed",
        "Step -1/3: x",
        "Step 1: x",
        "Step x/3: x",
        f"Step {'9' * 5000}/3: x",
        f"Step 1/{'9' * 5000}: x"[:-3],
        "step 1/3: x",
        "anything",
    ],
)
def test_a_message_about_an_unknown_step_is_shown_unchanged(build, message):
    """The build continues, whatever the server sends."""
    build.say(message)
    assert build.shown.lines == [f"| {message}"]
    assert build.shown.passing == []


@pytest.mark.parametrize("message", ["Step 2/3 completed", "", " \n "])
def test_an_event_without_news_is_ignored(build, message):
    """It may be the end of a step that never began, or an empty message."""
    build.say(message)
    assert (build.shown.lines, build.shown.passing) == ([], [])


def talk(build):
    """Log a step that prints 40 lines."""
    build.start(1)
    for number in range(40):
        build.say(f"line {number}", step=1)
    build.end(1, after=2)


def test_full_shows_all_of_the_servers_lines():
    """None is ephemeral, and none is only counted."""
    build = Build(lines=LogLines.FULL)
    talk(build)
    assert build.shown.lines == [f"[1/3] | line {number}" for number in range(40)] + ["[1/3] apt install jq (2.0 s)"]


def test_the_log_file_has_all_lines_whatever_is_shown():
    """It also has the lines that the screen only counts."""
    written = []
    for lines in LogLines:
        build = Build(lines=lines)
        talk(build)
        written.append(build.written)
    assert written == [[f"[1/3] | line {number}" for number in range(40)] + ["[1/3] apt install jq (2.0 s)"]] * 4


def test_failures_shows_a_build_once_it_has_failed():
    """Nothing is shown before the failure; then all lines are."""
    build = Build(lines=LogLines.FAILURES)
    talk(build)
    assert (build.shown.lines, build.shown.passing) == ([], [])
    build.log.fail("the error\nof two lines")
    assert len(build.shown.lines) == 41
    assert build.written[-2:] == ["failed: the error", "failed: of two lines"]


def test_none_shows_only_warnings():
    """Even a failed build shows no lines: the error has the reason."""
    build = Build(lines=LogLines.NONE)
    talk(build)
    build.log.fail("the error")
    build.log.warn("odd")
    assert (build.shown.lines, build.shown.passing) == (["odd"], [])
    assert build.written[-1] == "warning: odd"


def test_only_the_newest_lines_of_a_long_build_are_remembered():
    """This limits the memory; the number of lost lines is reported."""
    build = Build(lines=LogLines.FAILURES)
    for number in range(5_010):
        build.say(f"line {number}")
    build.log.fail("the error")
    assert build.shown.lines[:2] == ["… 10 earlier lines are left out", "| line 10"]
    assert len(build.shown.lines) == 5_001


@given(st.lists(st.tuples(st.sampled_from(["start", "end"]), st.integers(-1, 5), st.floats(0, 100)), max_size=30))
def test_each_step_is_shown_at_most_once(events):
    """Any sequence of events gives at most one line for each step, with its duration."""
    build = Build()
    for event, number, seconds in events:
        getattr(build, event)(number, after=seconds)
    ours = [line for line in build.shown.lines if not line.startswith("| ")]
    titles = [line.rpartition(" (")[0] for line in ours]
    assert len(set(titles)) == len(titles)
    assert set(titles) <= {f"[{number}/3] {text}" for number, text in enumerate(STEPS, 1)}
    assert all(line.endswith(" s)") for line in ours)


@given(st.lists(st.text(max_size=30) | st.from_regex(r"Step \d+/\d+(: | completed)", fullmatch=True), max_size=10))
def test_no_message_makes_the_log_fail(messages):
    """Any text can be logged, and comes out clean."""
    build = Build()
    for message in messages:
        build.say(message)
    build.progress.close()
    assert all("<{%" not in line and "\x1b" not in line for line in build.shown.lines + build.shown.passing)


def test_lines_are_cleaned():
    """Everything that a terminal or the engine would interpret is removed from every line."""
    seen = []
    log = ResourceLog(lambda severity, message, *, ephemeral=False: seen.append((severity, message, ephemeral)))
    for say in (log.info, log.warn, log.status):
        say("a\x1b[31mb<{%fg 1%}>\x00")
    text = "ab<{ %fg 1%}>"
    assert seen == [(Severity.INFO, text, False), (Severity.WARNING, text, False), (Severity.INFO, text, True)]


def test_a_log_without_an_engine_accepts_every_line():
    """Programs without an engine use it."""
    ResourceLog(no_log).info("text")
