"""Packages, paths and variables reach the server's shell as they are declared."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from typing import Any

import opencomputer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_opencomputer.manifest.builder import Manifest
from server_shell import arrives, refusal, refused_places, sent, warned

REQUIREMENTS = [
    "pandas>=2,<3",
    "pandas >= 2, < 3",
    "pandas ==2.2.3",
    'x; python_version<"3.12"',
    "x[a,b]>=1 ; extra == 'it''s'".replace("''", ""),
    "uvicorn[standard]~=0.30",
    "torch==2.3.0+cpu",
    "a (>=1)",
    "numpy [extra]",
    "pip @ https://files.example/pip.whl?a=1&b=2#sha256=abc",
    "pip@https://files.example/$file;v=1",
    "https://files.example/pip.whl?a=1&b=2",
    "git+https://git.example/a/b@main#egg=b&subdirectory=c",
    "name!=1.0,<2",
]


@pytest.mark.parametrize("requirement", REQUIREMENTS)
def test_a_requirement_arrives_as_one_word(shell, requirement):
    """Bounds, markers, URLs and extras reach pip unchanged, although the shell interprets some characters."""
    assert arrives(shell, "pipInstall", ["first", requirement, "last"]) == ["first", requirement, "last"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pandas", ["pandas"]),
        ("pandas==2.*", ["pandas==2.*"]),
        ("uvicorn[standard]", ["uvicorn[standard]"]),
        ("numpy pandas", ["numpy", "pandas"]),
        ("--index-url https://u:p@host/simple numpy", ["--index-url", "https://u:p@host/simple", "numpy"]),
        ("-e git+https://host/a#egg=b", ["-e", "git+https://host/a#egg=b"]),
        ("requests==2.31.0 --hash=sha256:abc", ["requests==2.31.0", "--hash=sha256:abc"]),
        ("'requests>=2.31'", ["requests>=2.31"]),
        ('"requests>=2.31"', ["requests>=2.31"]),
        ("requests'>=2.31'", ["requests>=2.31"]),
        ("requests\\>=2.31", ["requests>=2.31"]),
        ("'x; python_version<\"3.12\"' y", ['x; python_version<"3.12"', "y"]),
        ("größe!", ["größe!"]),
        ("a\\\nb", ["ab"]),
    ],
)
def test_texts_that_arrive_correctly_are_sent_unchanged(shell, text, words):
    """Plain words, options, patterns, several words in one string, and quoted words keep their hash."""
    assert sent("pipInstall", [text]) == [text]
    assert arrives(shell, "pipInstall", [text]) == words
    assert warned({"pipInstall": [text]}, {"aptInstall": [text]}) == []


@pytest.mark.parametrize(
    "pin", ["jq", "jq=1.6-2.1ubuntu3", "libc6:i386", "nginx/jammy-updates", "a=1:2~rc1+b", "nginx=1.18*", "-t", "jq-"]
)
def test_an_apt_pin_arrives(shell, pin):
    """The shell does not change a version, a suite or an architecture, so it is sent as it is."""
    assert sent("aptInstall", [pin]) == [pin]
    assert arrives(shell, "aptInstall", ["curl", pin]) == ["curl", pin]


def test_harmful_line_ends_around_packages_are_removed(shell):
    """A list read from a file's lines is installed completely. The last entry's line end does no harm, and stays."""
    assert sent("pipInstall", ["numpy\n", "\npandas\n", "jax\n"]) == ["numpy", "pandas", "jax\n"]
    assert arrives(shell, "pipInstall", ["numpy\n", "\npandas\n", "jax\n"]) == ["numpy", "pandas", "jax"]


@pytest.mark.parametrize(
    ("key", "texts", "index", "what"),
    [
        ("pipInstall", ["numpy", "# CV", "opencv-python-headless"], 1, "holds a comment"),
        ("pipInstall", ["numpy # fast"], 0, "holds a comment"),
        ("aptInstall", ["curl", "jq #"], 1, "holds a comment"),
        ("aptInstall", ["jq>=1.6"], 0, "holds an unquoted >"),
        ("pipInstall", ["pandas>=2.*"], 0, "holds an unquoted >"),
        ("pipInstall", ["pandas>=2 numpy>=1"], 0, "holds an unquoted >"),
        ("pipInstall", ["-i https://host/?a=1&b=2", "x"], 0, "holds an unquoted &"),
        ("pipInstall", ["$PACKAGE"], 0, "holds an unquoted $"),
        ("aptInstall", ["linux-headers-`uname -r`"], 0, "holds an unquoted `"),
        ("pipInstall", ['"$PACKAGE"'], 0, "holds $ in double quotes"),
        ("pipInstall", ["a\nb"], 0, "holds a line break"),
        ("pipInstall", ["it's"], 0, "holds a quote that is not closed"),
        ("pipInstall", ['"a'], 0, "holds a quote that is not closed"),
        ("pipInstall", ["a\\", "b"], 0, "holds a backslash at its end"),
        ("pipInstall", ["~/x.whl"], 0, "holds an unquoted ~"),
        ("pipInstall", ["a; reboot"], 0, "holds an unquoted ;"),
    ],
)
def test_packages_that_would_not_arrive_are_refused(key, texts, index, what):
    """The error has the entry's path, what is wrong, and what to write."""
    path, reason = refusal(key, texts)
    assert path == f"manifest.steps[0].{key}[{index}]"
    assert reason.startswith(what)
    assert "remove it" in reason or "single quotes" in reason


@pytest.mark.parametrize("path", ["/srv/a b", "/a;b", "/it's", "/a\nb", "/$HOME", "/a&b", "/a #b", "/a\\b"])
def test_a_working_directory_that_would_not_arrive_is_refused(path):
    """`mkdir -p` gets it without quotes."""
    assert refusal("workdir", path)[0] == "manifest.steps[0].workdir"


@pytest.mark.parametrize("path", ["/", "/srv/app", "/größe", "/a~b#c", "/a/../b"])
def test_a_plain_working_directory_arrives(shell, path):
    """It arrives as one word."""
    assert arrives(shell, "workdir", path) == [path]


@pytest.mark.parametrize("path", ["/a/", "/a/b//", "/", "/a/.", "/a/b/.."])
@pytest.mark.parametrize("body", [{"content": "x"}, {"source": __file__}])
def test_a_file_in_place_of_a_directory_is_refused(path, body):
    """The server normalises the path, and would write a file where a directory is meant."""
    found, reason = refusal("addFile", {"path": path, **body})
    assert found == "manifest.steps[0].addFile.path"
    assert "end it with the file's name" in reason


def test_a_directory_may_end_in_a_slash():
    """Its path names a directory anyway."""
    assert sent_directory("/a/") == sent_directory("/a/")


def sent_directory(path: str) -> Any:
    return Manifest.from_dict({"steps": [{"addDir": {"path": path, "files": []}}]}).to_dict()


@pytest.mark.parametrize(
    "value",
    [
        "",
        "a b",
        "postgres://u@h/d?a=b&c=d",
        "a;b|c<d>e*f?g",
        "%h [x] {y} (z) !",
        "größe",
        "a~b=c:d,e",
    ],
)
def test_a_value_that_arrives_is_no_warning(value):
    """Spaces and most other characters are protected by the server's own quotes."""
    assert warned({"env": {"URL": value, "OTHER_1": value}}) == []


@pytest.mark.parametrize("value", ["it's", 'a"b', "a$b", "a`b", "a\\b", "a\nb", "a#b"])
def test_values_that_would_change_are_one_warning_per_step(value):
    """It names the variables, what happens to them, and what to do, but no value."""
    ((path, reason),) = warned({"env": {"A": value, "FINE": "x", "B": value}})
    assert path == "manifest.steps[0].env"
    assert reason.startswith("sets A, B to a value that does not arrive as declared: ")
    assert "add_file" in reason
    assert value not in reason


@pytest.mark.parametrize("name", ["spring.profiles.active", "a-b"])
def test_a_name_that_a_login_shell_cant_set_is_a_warning(name):
    """The profile's script stops there, and the variables after it are not set."""
    ((path, reason),) = warned({"env": {name: "x", "B": "it's"}})
    assert path == "manifest.steps[0].env"
    assert f"sets {name} with a name that a login shell can't set" in reason
    assert "sets B to a value" in reason


# Entries of a program: the text, and the words it stands for.
NAMES = st.from_regex(r"[a-z][a-z0-9.-]{0,6}[a-z0-9]", fullmatch=True)
VERSIONS = st.from_regex(r"[0-9]{1,2}(\.[0-9]{1,2}){0,2}", fullmatch=True)
BOUNDS = st.lists(
    st.builds("{}{}".format, st.sampled_from(["==", ">=", "<", "~=", "!=", ">", "==="]), VERSIONS.map("1.{}".format)),
    max_size=2,
).map(",".join)
EXTRAS = st.sampled_from(["", "[a]", "[a,b-c]"])
MARKERS = st.sampled_from(["", '; python_version < "3.12"', "; sys_platform == 'linux' and extra=='x'"])
ADDRESSES = st.from_regex(r"https://h\.example/[a-z0-9?&=;$#%+~()*!]{0,12}", fullmatch=True)
ONE_REQUIREMENT = st.builds("{}{}{}{}".format, NAMES, EXTRAS, BOUNDS, MARKERS) | st.builds(
    "{} @ {}".format, NAMES, ADDRESSES
)
ANY_TEXT = st.text(st.sampled_from("ab01 .=<>;&|#$`'\"\\()[]{}*?~!\n\t-@:/,é"), min_size=1, max_size=12)
ENTRIES = (
    ONE_REQUIREMENT.map(lambda text: (text, [text.strip()]))
    | ADDRESSES.map(lambda text: (text, [text]))
    | ANY_TEXT.map(lambda text: (shlex.quote(text), [text]))
    | st.lists(NAMES, min_size=1, max_size=3).map(lambda names: (" ".join(names), names))
)


@given(st.lists(ENTRIES, min_size=1, max_size=4))
def test_valid_packages_arrive(shell, entries):
    """Requirements, quoted texts and plain words reach pip as intended, in any mixture."""
    texts, words = [text for text, _ in entries], [word for _, expected in entries for word in expected]
    assert arrives(shell, "pipInstall", texts) == words


# Patterns that match something wherever the shell runs: a path, or the folder's own entries `.` and `..`.
MATCHES_A_PATH = re.compile(r"/|\.[^\s]*[*?\[]")


def plain_words(text: str) -> list[str]:
    """The words of a text by independent rules, which only know quotes and backslashes."""
    lexer = shlex.shlex(text.replace("\\\n", ""), posix=True, punctuation_chars=False)
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t\n", True, ""
    return list(lexer)


@given(
    st.sampled_from(["pipInstall", "aptInstall"]),
    st.lists(ANY_TEXT.filter(lambda text: text.strip() and not MATCHES_A_PATH.search(text)), min_size=1, max_size=3),
)
def test_any_text_arrives_or_is_refused(shell, key, texts):
    """The tool gets nothing that a reader of the declaration would not expect; no file is written."""
    if refused_places(key, texts):
        return
    expected = [word for text in sent(key, texts) for word in plain_words(text)]
    assert arrives(shell, key, texts) == [word.replace("\\$", "$").replace("\\`", "`") for word in expected]


@given(ANY_TEXT.map("/{}".format))
def test_any_working_directory_arrives_or_is_refused(shell, path):
    """The directory that is created is the declared one."""
    assert refused_places("workdir", path) or arrives(shell, "workdir", path) == [path]


def ways(declared: dict[str, Any]) -> Iterator[Callable[[], Manifest]]:
    manifest = Manifest.from_dict(declared)
    yield lambda: manifest
    yield lambda: Manifest.from_dict(manifest.to_dict())
    yield lambda: Manifest.from_dict(Manifest.from_dict(manifest.to_dict()).to_dict())


@pytest.mark.parametrize(
    "steps",
    [[{"pipInstall": [text, "x"]}] for text in REQUIREMENTS]
    + [[{"pipInstall": ["numpy\n", "x\n"]}], [{"run": ["a\n", "b\n"]}], [{"pipInstall": ["'a>=1' b"]}]],
)
def test_a_round_trip_keeps_the_hash(steps):
    """A word that is already quoted stays as it is."""
    assert len({way().cache_key() for way in ways({"base": "base", "steps": steps})}) == 1


def test_an_sdk_image_has_the_hash_of_the_same_packages():
    """The SDK sends them unquoted; they are quoted when its image is read."""
    theirs = opencomputer.Image.base().pip_install(["pandas>=2,<3"]).run_commands("a\n", "b")
    ours = Manifest.base().pip_install(["pandas>=2,<3"]).run_commands("a\n", "b")
    assert Manifest.from_dict(theirs.to_dict()).cache_key() == ours.cache_key()
    assert ours.to_dict()["steps"][0]["args"] == {"packages": ["'pandas>=2,<3'"]}
