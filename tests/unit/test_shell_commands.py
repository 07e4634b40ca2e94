"""Commands that the server joins into one line run as declared, or are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server_shell import Shell, refusal, refused_places, sent, warned

COMMANDS: list[str] = [
    "a 1",
    "a 'x # y'",
    'a "x # y" # comment\na 2',
    "a $# ${x#y} $((1<<2))",
    "a <<EOF\nhello # not a comment'\nEOF\na 3",
    "a <<-'E O F' && a x\n\t$x\n\tE O F\na",
    "a <<A <<B\n1\nA\n2\nB\na",
    "a \\\n  4",
    "# says what follows\na 5",
    "(a 6)",
    "{ a 7; }",
    "a `a 8`",
    "a $(a 9 # inside\n)",
    "a $(case a in a) a ;; esac)",
    "if a; then\n  a 10\nfi",
    "for x in 1 2; do a $x; done",
    "a 11 > file",
    "a 12 & wait",
    "! a || a 13",
    "a x\\ ",
    'a "$(a "14")" "${y:-"15"}"',
    "a a#b",
    "a $$ > /dev/null",
    "a 16\n\n",
    "a 17 \\\n",
]


def run_all(shell: Shell, commands: list[str]) -> tuple[bytes, bool]:
    """The output of the commands, each in its own shell, and whether all succeed."""
    written = b""
    for command in commands:
        output, code, _ = shell.run(command)
        written += output
        if code:
            return written, False
    return written, True


def joined(shell: Shell, commands: list[str]) -> tuple[bytes, bool]:
    output, code, _ = shell.run(" && ".join(sent("run", commands)))
    return output, code == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_can_be_joined_runs_as_declared(shell, command):
    """This also holds between other commands. The command is sent unchanged, except for line breaks at its end."""
    commands = ["a first", command, "a last"]
    assert sent("run", commands) == ["a first", command if command.endswith("\\\n") else command.rstrip("\n"), "a last"]
    assert sent("run", [command]) == [command]
    assert joined(shell, commands) == run_all(shell, commands)
    assert warned({"run": commands}) == []


@pytest.mark.parametrize(
    ("command", "what"),
    [
        ("cat > f <<EOF\nhello\nEOF", "ends in a here-document"),
        ("cat > f <<'EOF'\nhello\nEOF\n", "ends in a here-document"),
        ("cat <<-EOF\n\thello\n\tEOF", "ends in a here-document"),
        ("cat <<EOF\nhello", "ends in a here-document"),
        ("cat <<EOF", "ends in a here-document"),
        ("a # comment", "ends in a comment"),
        ("a # comment\n", "ends in a comment"),
        ("# comment", "ends in a comment"),
        ("a;", "ends in an operator"),
        ("a ;\n", "ends in an operator"),
        ("a &&", "ends in an operator"),
        ("a |", "ends in an operator"),
        ("a >", "ends in an operator"),
        ("a &", "ends in &"),
        ("a \\", "ends in a backslash"),
        ("a 'x", "has a quote"),
        ('a "x', "has a quote"),
        ("a $(x", "has a quote"),
        ("a `x", "has a quote"),
        ("a ${x", "has a quote"),
    ],
)
def test_a_command_that_breaks_or_swallows_the_next_is_refused(command, what):
    """The error has its path and a solution. The last command may end in any way."""
    path, reason = refusal("run", ["a", command, "a"])
    assert path == "manifest.steps[0].run[1]"
    assert reason.startswith(what)
    assert "step of its own" in reason
    assert sent("run", [command]) == [command]
    if command != "# comment":
        assert sent("run", ["a", command]) == ["a", command]


def test_a_comment_alone_at_the_end_is_refused():
    """The shell expects a command after `&&`."""
    path, reason = refusal("run", ["a", "# nothing"])
    assert (path, reason.split(",")[0]) == ("manifest.steps[0].run[1]", "holds only a comment")


PIECES = [
    *[
        "a",
        "a",
        " ",
        "\n",
        "'",
        '"',
        "\\",
        ";",
        "&",
        "|",
        "||",
        "&&",
        "#",
        " #",
        "<",
        ">",
        "(",
        ")",
        "$",
        "`",
        "{",
        "}",
        "!",
    ],
    *["<<E\n", "<<-E\n", "<<'E'\n", "\nE", "\nE\n", "E", "$(", "${x", "$((1", "))", "\t", "\\\n", "a a", "1>&2", "a #"],
    *["case a in a) a;; esac", "if a; then a; fi"],
]


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map("".join).filter(str.strip))
def test_any_command_runs_as_declared_or_is_refused(shell, command):
    """The next command runs if it succeeds, and does not if it fails, as if each had its own shell."""
    if "$$" in command:
        return  # A process id differs in each run.
    first, code, files = shell.run(command)
    expected = (sorted(first + (b"" if code else b"last")), files)
    places = refused_places("run", [command, "printf last"])
    if places:
        assert places == ["manifest.steps[0].run[0]"]
        return
    output, _, files = shell.run(" && ".join(sent("run", [command, "printf last"])))
    # Sorted, because background jobs print in any order.
    assert (sorted(output), files) == expected
