"""Patterns of `ignore`, compared to git itself."""

import os
import random
import shutil
import subprocess

import pytest

from scanned import fill, names, refusal

TREE = ("a.log", "b.py", "build/x", "src/a.log", "src/build/y", "src/c.py", "src/keep.log", "#x", "!x", "end ", "[z]")


@pytest.mark.parametrize(
    ("ignore", "gone"),
    [
        ([], ""),
        (["", "# a comment", "   ", "/", "!"], ""),
        (["*.log"], "a.log src/a.log src/keep.log"),
        (["*.log\n"], "a.log src/a.log src/keep.log"),
        (["/*.log"], "a.log"),
        (["*.log", "!keep.log"], "a.log src/a.log"),
        (["!keep.log", "*.log"], "a.log src/a.log src/keep.log"),
        (["build/"], "build/x src/build/y"),
        (["/build"], "build/x"),
        (["c.py/"], ""),
        (["src/build"], "src/build/y"),
        (["src/", "!src/keep.log"], "src/a.log src/build/y src/c.py src/keep.log"),
        (["src/*", "!src/keep.log"], "src/a.log src/build/y src/c.py"),
        (["src/**", "!src/c.py"], "src/a.log src/build/y src/keep.log"),
        (["src/*", "!src/build"], "src/a.log src/c.py src/keep.log"),
        (["src/**", "!src/build"], "src/a.log src/build/y src/c.py src/keep.log"),
        (["**/build"], "build/x src/build/y"),
        (["src/**/y"], "src/build/y"),
        (["*", "!*/", "!*.py"], "a.log build/x src/a.log src/build/y src/keep.log #x !x end| [z]"),
        (["?.log"], "a.log src/a.log"),
        (["[!a-b].*"], "src/c.py"),
        (["*[!a]y"], "b.py src/c.py"),
        (["\\#x", "\\!x", "end\\ ", "\\[z\\]"], "#x !x end| [z]"),
        (["end "], ""),
        (["[unclosed"], ""),
    ],
)
def test_patterns_mean_what_they_mean_in_a_gitignore(tmp_path, ignore, gone):
    """Each list of patterns excludes exactly the files that git would ignore."""
    fill(tmp_path, *TREE)
    expected = set(TREE) - {name.replace("|", " ") for name in gone.split()}
    assert set(names(tmp_path, ignore)) == expected


@pytest.mark.skipif(shutil.which("git") is None, reason="compares with git, which is not installed")
@pytest.mark.parametrize("seed", range(40))
def test_random_patterns_ignore_what_git_ignores(tmp_path, seed):
    """Git lists the same files for random trees and patterns."""
    rng = random.Random(seed)
    root = tmp_path / "root"
    for _ in range(25):
        parts = rng.choices(["a", "b", "ab", "a.py", "b.txt", "x y", ".h", "[a]"], k=rng.randint(1, 4))
        if not any(root.joinpath(*parts[:end]).is_file() for end in range(1, len(parts))):
            path = root.joinpath(*parts)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.is_dir() or path.touch()
    globs = ["a", "b", "ab", "*", "?", "**", "*.py", "a*", "[ab]", "[!a]", ".*", "x y", "\\[a\\]", "*b*"]
    ignore = []
    for _ in range(rng.randint(1, 5)):
        body = "/".join(rng.choices(globs, k=rng.randint(1, 3)))
        ignore.append(rng.choice(["", "", "!"]) + rng.choice(["", "", "/"]) + body + rng.choice(["", "", "/", " "]))
    (tmp_path / "patterns").write_text("\n".join(ignore))
    subprocess.run(["git", "init", "-q", "."], cwd=root, check=True)
    listing = ["git", "ls-files", "-z", "--others", "--exclude-from", str(tmp_path / "patterns")]
    expected = subprocess.run(listing, cwd=root, check=True, capture_output=True, text=True).stdout
    assert names(root, [".git", *ignore, ".git"]) == sorted(expected.split("\0")[:-1])


# Lines of published templates, with byte order marks, line ends and characters that editors leave behind.
TEMPLATES = {
    "Python": "# Byte-compiled\n__pycache__/\n*.py[codz]\n*$py.class\n\n*.so\n.env\n.venv\nenv/\n/site\n!keep.so\n",
    "Windows": "\ufeff[Bb]in/\r\n[Oo]bj/\r\n*.user\r\n!?*.[Cc]ache/\r\n*~\r\n~$*\r\n\r\n# end\r\n",
    "first line": "\ufeff*.log\n\ufeff*.user\n",
    "macOS": ".DS_Store\n._*\nIcon[\r]\n\n.Spotlight-V100\n",
    "macOS of old": ".DS_Store\nIcon\r\r\n",
    "blanks": "  \n\t\n trailing.log  \nend\\ \n\tx\n*.user\t\n",
    "brackets": "[[]*\n[]]x\nx]\n[a-]\n*[!a-z].log\n[^k]*.so\n[\n",
    "signs": "\\#*\n\\!*\n#*#\n.#*\n*~\n{a,b}\n$RECYCLE.BIN/\n",
    "depth": "**/obj\na/**/z\nout/**\n!out/keep.so\n/*.user\nsub/*\n!sub/keep.so\n/\n//\n***\n!*/\n!*.py",
    "bytes": "?\n*é\n[é]\nü*\n",
}
MESSY = (
    *(
        "Icon",
        "Icon\r",
        "Icon\r\r",
        ".DS_Store",
        "._x",
        "a.log",
        "\ufeffa.log",
        "trailing.log",
        "1.log",
        "end ",
        "\tx",
        "b.user",
    ),
    *(
        "\ufeffb.user",
        "b.user\t",
        "bin/x",
        "Obj/y",
        "x.Cache/z",
        "~$doc",
        "back~",
        "#auto#",
        ".#lock",
        "!x",
        "{a,b}",
        "[x",
        "]x",
        "x]",
    ),
    *(
        "-",
        "a/b/z",
        "a/z",
        "out/p",
        "out/keep.so",
        "sub/q",
        "sub/keep.so",
        "keep.so",
        "lib.so",
        "m.pyc",
        "__pycache__/m.pyc",
    ),
    *(
        "env/x",
        "src/env/x",
        ".env",
        "src/site/x",
        "site/x",
        "é",
        "aé",
        "ü.log",
        "$RECYCLE.BIN/x",
        "main.py",
        "src/main.py",
    ),
)


@pytest.mark.skipif(shutil.which("git") is None, reason="compares with git, which is not installed")
@pytest.mark.parametrize("template", TEMPLATES)
def test_lines_of_templates_ignore_what_git_ignores(tmp_path, template):
    """Git lists the same files for the same `.gitignore`, which is split at its line feeds."""
    root = fill(tmp_path, *(f"root/{name}" for name in MESSY)) / "root"
    (root / ".gitignore").write_bytes(TEMPLATES[template].encode())
    subprocess.run(["git", "init", "-q", "."], cwd=root, check=True)
    listing = ["git", "ls-files", "-z", "--others", "--exclude-standard"]
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "XDG_CONFIG_HOME": str(tmp_path)}
    expected = subprocess.run(listing, cwd=root, check=True, capture_output=True, env=environment).stdout.decode()
    lines = TEMPLATES[template].split("\n")
    assert names(root, [*lines, "/.git"]) == sorted(expected.split("\0")[:-1])


def test_an_ignored_file_may_be_of_any_kind(tmp_path):
    """An ignored pipe, link or invalid name is no error, nor is anything in an ignored directory."""
    fill(tmp_path, "kept", "cache/x")
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / "cache" / "pipe")
    (tmp_path / "venv").symlink_to("/")
    (tmp_path / "gone.lnk").symlink_to("nowhere")
    assert names(tmp_path, ["pipe", "venv/", "*.lnk", "cache/"]) == ["kept"]


@pytest.mark.parametrize(
    ("pattern", "word"),
    [
        ("a\nb", "line break"),
        ("a\0b", "NUL"),
        ("s3cret\\", "backslash"),
        ("[[:digit:]]", "0-9"),
        ("s3cret[z-a]", "not a"),
    ],
)
def test_a_pattern_that_would_not_work_is_refused_by_its_number(tmp_path, pattern, word):
    """A mistake in a pattern is an error instead of being embedded silently; the pattern's text is not repeated."""
    message = str(refusal(tmp_path, ["*.log", pattern]))
    assert "ignore[1]" in message
    assert word in message
    assert "s3cret" not in message
