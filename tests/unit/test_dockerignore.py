"""Which files a ``.dockerignore`` excludes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulumi_opencomputer.content.local_files import scan_directory
from pulumi_opencomputer.errors import InvalidInputError
from pulumi_opencomputer.manifest.builder import Manifest
from pulumi_opencomputer.manifest.dockerignore import DockerIgnore

# The patterns of Docker's documentation, and patterns that mean something else in a .gitignore.
PATTERNS = [
    ("*.log", ["a.log"], ["a/b.log"]),
    ("**/*.log", ["a.log", "a/b.log", "a/b/c.log"], ["a.logs"]),
    ("a", ["a", "a/b/c"], ["b/a", "ab"]),
    ("/a/", ["a", "a/b"], ["b/a"]),
    ("*/temp*", ["a/temp", "a/temp.txt/b"], ["temp", "a/b/temp"]),
    ("*/*/temp*", ["a/b/temporary"], ["a/temp"]),
    ("temp?", ["tempa"], ["temp", "tempab", "temp/"]),
    ("a/**", ["a/b", "a/b/c"], ["a", "ab"]),
    ("a/**/b", ["a/b", "a/x/y/b"], ["a/xb", "ab"]),
    ("a**", ["a", "ab", "a/b"], ["ba"]),
    ("**", ["a", "a/b"], []),
    ("*\n!a/b", ["a", "a/c", "x"], ["a/b", "a/b/c"]),
    ("a\n!a/b\na/b/c", ["a/c", "a/b/c"], ["a/b", "a/b/d"]),
    ("*.md\n!README*.md\nREADME-secret.md", ["x.md", "README-secret.md"], ["README-a.md"]),
    ("!a\na", ["a"], []),
    ("# a\n  b  \n\n#c", ["b"], ["# a", "a", "#c"]),
    ("\ufeffa\r\nb\r\n", ["a", "b"], []),
    ("a/../b", ["b"], ["a"]),
    ("./a", ["a"], ["b/a"]),
    ("[a-c]x", ["ax", "cx"], ["dx", "[a-c]x"]),
    ("[^a]x", ["bx"], ["ax"]),
    ("\\*x", ["*x"], ["ax"]),
    ("a.b$+(", ["a.b$+("], ["axb$+("]),
    (".git\n**/.git", [".git/x", "a/.git/x"], [".github", "a/.gitignore"]),
    ("**/a/**", ["a/b", "x/a/b"], ["x/a"]),
    ("**\n! a", ["b"], ["a"]),
    ("**a", ["a", "ba", "b/ca/d"], ["ab"]),
    ("a]", ["a]"], ["a"]),
    ("/", [], ["a"]),
]


@pytest.mark.parametrize(("text", "left_out", "kept"), PATTERNS)
def test_patterns_mean_what_they_mean_to_docker(text, left_out, kept):
    """They begin at the root, `**` is any text, and the last one that matches a path or a parent directory decides."""
    ignored = DockerIgnore(text)
    assert [path for path in left_out if not ignored.ignores(path)] == []
    assert [path for path in kept if ignored.ignores(path)] == []


_NAMES = ["a", "b", "[x]", "!c", "#d", "e f", "g*", "h\\", "i "]
_LINES = st.sampled_from(
    ["a", "b", "*", "**/a", "!a", "!a/b", "a/b", "!**/b", "*/*", "\\[x]", "**/e*", "!e f/a", "**/g\\*"]
)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("tree")
    for first in _NAMES:
        for second in ("a", "b", "g*"):
            (root / first / second).mkdir(parents=True)
            (root / first / second / "a").touch()
            (root / first / second / "e f").touch()
        (root / first / "x").touch()
    return root


@settings(max_examples=150, deadline=None)
@given(lines=st.lists(_LINES, max_size=5), below=st.sampled_from(["", "a", "a/b", "e f", "[x]"]))
def test_a_step_leaves_out_exactly_the_files_that_docker_leaves_out(tree, lines, below):
    """The step's patterns, read like a .gitignore, exclude the paths that the .dockerignore excludes one by one."""
    ignored = DockerIgnore("\n".join(lines))
    patterns, is_whole = ignored.left_out(tree, below)
    prefix = below + "/" if below else ""
    everything = [entry.relative for entry in scan_directory(str(tree / below)).entries]
    kept = [path for path in everything if not ignored.ignores(prefix + path)]
    found = [] if is_whole else [entry.relative for entry in scan_directory(str(tree / below), patterns).entries]
    assert found == kept


def test_an_excluded_directory_is_one_pattern_and_is_not_entered(tmp_path):
    """Installed packages may have many files, or unreadable ones."""
    for name in ("node_modules/x/y", "src/main.js", "src/a.log"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".dockerignore").write_text("node_modules\n**/*.log\n")
    (tmp_path / "Dockerfile").write_text("FROM ubuntu:22.04\nCOPY . /app\n")
    (step,) = Manifest.from_dockerfile(tmp_path / "Dockerfile").steps
    assert step["addDir"]["ignore"] == ["/node_modules/", "/src/a.log"]


def test_an_ignore_file_of_the_dockerfile_replaces_that_of_the_context(tmp_path):
    """As in BuildKit, it has the Dockerfile's name with .dockerignore added."""
    (tmp_path / ".dockerignore").write_text("a\n")
    (tmp_path / "My.dockerignore").write_text("b\n")
    (tmp_path / "My").write_text("FROM ubuntu:22.04\nCOPY a /a\n")
    (tmp_path / "a").touch()
    assert len(Manifest.from_dockerfile(tmp_path / "My").steps) == 1


@pytest.mark.parametrize("line", ["[b", "!", "!/", "b\\", "\\b", "[*]", "[]", "[b/c]"])
def test_an_invalid_pattern_is_an_error_with_its_line(tmp_path, line):
    """The error names the file and the line. Docker refuses such a line, or understands something else by it."""
    (tmp_path / ".dockerignore").write_text(f"a\n{line}\n")
    (tmp_path / "Dockerfile").write_text("FROM ubuntu:22.04\n")
    with pytest.raises(InvalidInputError, match=r"\.dockerignore:2: is not a valid pattern"):
        Manifest.from_dockerfile(tmp_path / "Dockerfile")
