"""Our own description of a step, and how secrets are hidden in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_opencomputer.manifest.describe import describe_steps
from pulumi_opencomputer.manifest.prepared import prepare
from pulumi_opencomputer.manifest.secrets import Secrets

SECRET = "hunter2-correct-horse"
NOTHING = Secrets({}, ())


def described(*steps, secret=()):
    declared = {"base": "base", "steps": list(steps)}
    return describe_steps(prepare(declared), Secrets(declared, secret))


def hiding(*values: str) -> Secrets:
    declared = {"steps": [{"run": list(values)}]}
    return Secrets(declared, ["steps[0].run"])


def test_each_step_has_a_description(tmp_path):
    """It says what the step does, to what, and how many files and bytes it embeds."""
    (tmp_path / "a").write_bytes(b"x" * 1500)
    steps = [
        {"aptInstall": ["ripgrep", "jq"]},
        {"pipInstall": ["pandas==2.2.3"]},
        {"run": ["true", "false"]},
        {"env": {"A": "1", "B": "2"}},
        {"workdir": "/w"},
        {"addFile": {"path": "/f", "content": "text"}},
        {"addFile": {"path": "/g", "source": str(tmp_path / "a")}},
        {"addDir": {"path": "/d", "source": str(tmp_path)}},
        {"addDir": {"path": "/e", "files": []}},
    ]
    assert described(*steps) == (
        "apt install ripgrep jq",
        "pip install pandas==2.2.3",
        "run true && false",
        "env A B",
        "workdir /w",
        "add file /f",
        "add file /g (1.5 kB)",
        "add directory /d (1 file, 1.5 kB)",
        "add directory /e",
    )


def test_values_of_variables_are_never_shown():
    """They are often secret without being marked as such."""
    assert SECRET not in described({"env": {"A": SECRET}})[0]


def test_a_step_with_a_secret_is_described_without_its_details():
    """The other commands of that step are hidden too."""
    assert described({"run": ["echo open", SECRET]}, {"workdir": "/w"}, secret=["steps[0].run[1]"]) == (
        "run (holds a secret)",
        "workdir /w",
    )


@pytest.mark.parametrize(
    ("paths", "steps"),
    [
        ([""], {0, 1}),
        (["steps"], {0, 1}),
        (["steps[1]"], {1}),
        (["steps[1].env"], {1}),
        (["steps[1].env.A"], {1}),
        (["steps[1].env['A B']"], set()),
        (["steps[10]", "base", "step"], set()),
        ([], set()),
    ],
)
def test_a_path_covers_everything_below_it(paths, steps):
    """A secret Output may be a value, a list, a step or the whole manifest."""
    declared = {"base": "base", "steps": [{"run": ["a"]}, {"env": {"A": "b"}}]}
    secrets = Secrets(declared, paths)
    assert {index for index in (0, 1) if secrets.in_step(index)} == steps


def test_the_paths_of_inputs_begin_at_the_inputs():
    """Paths in the manifest begin with `manifest.`; the others belong to other inputs."""
    manifest = {"base": "base", "steps": [{"run": [SECRET]}, {"run": ["other-command"]}]}
    secrets = Secrets.of_inputs(
        {"manifest": manifest, "secretPaths": ["manifest.steps[0].run[0]", "name", "manifests"]}
    )
    assert (secrets.in_step(0), secrets.in_step(1)) == (True, False)
    whole = Secrets.of_inputs({"manifest": manifest, "secretPaths": ["manifest"]})
    assert (whole.in_step(0), whole.in_step(1)) == (True, True)
    none = Secrets.of_inputs({"manifest": manifest})
    assert (none.in_step(0), none.in_step(1)) == (False, False)


def test_secret_paths_that_are_not_known_yet_hide_everything():
    """Hiding too much is better than showing a secret."""
    secrets = Secrets.of_inputs({"manifest": {"steps": [{"run": [SECRET]}]}, "secretPaths": object()})
    assert secrets.scrub(f"/{SECRET}/") == "/[secret]/"


@pytest.mark.parametrize("declared", [None, "text", 5, [], {"steps": "text"}, {"steps": [5]}])
def test_secrets_accept_a_manifest_of_any_shape(declared):
    """An invalid manifest may hold secrets too."""
    assert Secrets(declared, [""]).scrub("nothing of it") == "nothing of it"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (SECRET, "[secret]"),
        (f"E: {SECRET}: not found", "E: [secret]: not found"),
        (f"{SECRET}{SECRET}", "[secret]"),
        (f"{SECRET} {SECRET}", "[secret] [secret]"),
        (SECRET[:-3], "[secret]"),
        (f"…{SECRET[4:]} failed", "…[secret] failed"),
        (f"cut: {SECRET[3:9]}", "cut: [secret]"),
        ("nothing", "nothing"),
        ("", ""),
    ],
)
def test_a_secret_and_every_piece_of_it_is_hidden(text, shown):
    """The server may cut its texts at any place."""
    assert hiding(SECRET).scrub(text) == shown


def test_a_secret_of_several_lines_is_hidden_on_one_line():
    """Errors are shown on one line, with spaces for line ends. Escape sequences are another form of the same text."""
    secrets = hiding("key\nof\nmany\tlines é")
    assert secrets.scrub("said: key of many lines é.") == "said: [secret]."
    assert secrets.scrub(r"said: key\nof\nmany\tlines \xe9.") == "said: [secret]."


def test_a_short_secret_is_hidden_only_as_a_whole():
    """Pieces of it would match in any text. One of up to two letters is hidden only if it is the whole text."""
    assert hiding("abc").scrub("x abc y ab") == "x [secret] y ab"
    assert hiding("ab").scrub("cab") == "cab"
    assert hiding("ab").scrub("ab") == "[secret]"
    assert hiding("").scrub("text") == "text"


def test_numbers_are_secrets_too():
    """A secret value need not be a string."""
    assert (
        Secrets({"builderMemoryMB": 16384}, ["builderMemoryMB"]).scrub("asked for 16384 MB") == "asked for [secret] MB"
    )


@given(st.text(min_size=6, max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_no_long_piece_of_a_secret_is_left(secret, before, after):
    """This holds for any text around it."""
    shown = hiding(secret).scrub(f"{before}{secret}{after}")
    for part in shown.split("[secret]"):
        assert not any(part[start : start + 6] in secret for start in range(len(part) - 5))


def test_a_description_has_at_most_100_characters(tmp_path):
    """It has to fit into a log line; the size of embedded files is never cut off."""
    (tmp_path / "f").write_bytes(b"x")
    path = "/" + "p" * 300
    texts = described({"run": ["echo " * 100]}, {"workdir": path}, {"addDir": {"path": path, "source": str(tmp_path)}})
    assert [len(text) for text in texts] == [100, 100, 100]
    assert texts[2].endswith("… (1 file, 1 byte)")


def test_a_description_holds_no_control_sequences():
    """Neither those of a terminal nor the engine's own are left."""
    (text,) = described({"run": ["echo \x1b[31mred\x1b[0m\n<{%reset%}> \x07"]})
    assert text == "run echo red <{ %reset%}>"
