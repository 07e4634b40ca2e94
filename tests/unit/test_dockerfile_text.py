"""The reader of Dockerfiles, compared to BuildKit's own parser."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pulumi_opencomputer.manifest.dockerfile_text import RefusedError, Source, listed, pairs

buildkit = pytest.importorskip("dockerfile")

_PARTS = st.sampled_from(
    [
        *" \t\\`'\"=#$\n\n\r",
        "a",
        "b",
        "\\\n",
        "`\n",
        "\\ \n",
        "\n# c\n",
        "\nRUN ",
        "\nENV ",
        "\nENV a=",
        "--x=y ",
        "é",
        "[",
        "\xa0",
    ]
)


@settings(max_examples=500, deadline=None)
@given(
    parts=st.lists(_PARTS, max_size=16), directive=st.sampled_from(["", "# escape=`\n", "#syntax=x\n# Escape = \\\n"])
)
@example(parts=["a", "\\\n", " # c\n", "\n", " b"], directive="")
@example(parts=["a\\\\\n", "RUN b"], directive="")
def test_instructions_are_read_as_buildkit_reads_them(parts, directive):
    """The same holds for continued lines, comments, escapes, options, and the words of ENV."""
    text = f"{directive}FROM x\nRUN a{''.join(parts)}"
    try:
        # BuildKit lists a line of continuations only as an instruction without a name.
        theirs = [each for each in buildkit.parse_string(text) if each.cmd]
    except buildkit.GoParseError:
        return
    source = Source(text)
    ours = list(source.instructions())
    assert [(each.line, each.name) for each in ours] == [(each.start_line, each.cmd.upper()) for each in theirs]
    for our, their in zip(ours, theirs, strict=True):
        if their.json:
            continue
        if our.name == "RUN":
            assert [our.rest] == list(their.value or [""])
            assert our.flags == their.flags
        if our.name == "ENV" and our.rest:
            found = pairs(our.rest, source.escape)
            if found[0][1] is not None:
                assert [text for pair in found for text in pair] == list(their.value)


@pytest.mark.parametrize("rest", ['["a", "b c"]', "[]", "[ -f x ]", "['a']", '[ "a" ]', '["a"', "a", '["\\u0041\\n"]'])
def test_lists_are_distinguished_from_commands_as_in_buildkit(rest):
    """A list of JSON strings is one; anything else is a command."""
    (their,) = buildkit.parse_string(f"RUN {rest}")
    assert listed(rest) == (list(their.value) if their.json else None)


@pytest.mark.parametrize("rest", ["[1]", '["a"] b'])
def test_invalid_lists_are_refused(rest):
    """Docker refuses a list with a number, and drops the text after a list."""
    with pytest.raises(RefusedError):
        listed(rest)
