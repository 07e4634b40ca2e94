"""Local files: what a scan finds, what is ignored, and what is refused."""

import os
import random
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from pulumi_opencomputer.content.local_files import scan_directory, scan_file
from pulumi_opencomputer.errors import LocalFileError


def fill(root, *names):
    """Make files, each holding its own name; a name with a slash at its end makes a directory."""
    for name in names:
        path = root / name
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
    return root


def names(root, ignore=()):
    return [entry.relative for entry in scan_directory(str(root), ignore).entries]


def contents(root, ignore=()):
    entries = scan_directory(str(root), ignore).entries
    return {entry.relative: b"".join(entry.file.chunks()).decode() for entry in entries}


def refusal(root, ignore=()):
    with pytest.raises(LocalFileError) as caught:
        scan_directory(str(root), ignore)
    return caught.value


@contextmanager
def plain_user():
    """Run as a user whom permissions bind: nobody, where the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_path():
    """A directory that other users may enter, which pytest's own is not."""
    with tempfile.TemporaryDirectory() as path:
        Path(path).chmod(0o755)
        yield Path(path)


# What a scan finds


NAMES = ("a/b", "a-b", "a.b", "a/", "a/z/y", "B", "é", "\ufffd", "\U0001f600", "with space", "line\nend", "back\\slash")


def test_files_are_sorted_by_the_utf8_bytes_of_their_relative_paths(tmp_path):
    """The order is that of the paths as bytes, not of directories, cases or UTF-16."""
    found = names(fill(tmp_path, *NAMES))
    assert found == sorted(found, key=str.encode)
    assert set(found) == {name for name in NAMES if not name.endswith("/")}


@pytest.mark.parametrize("seed", range(5))
def test_order_of_creation_place_umask_and_times_do_not_matter(tmp_path, seed):
    """The same files give the same listing and bytes, however and wherever they were put on disk."""
    first, second = tmp_path / "first", tmp_path / "some" / "where" / "else"
    fill(first, *NAMES)
    mask = os.umask(0o077)
    try:
        fill(second, *random.Random(seed).sample(NAMES, len(NAMES)))
    finally:
        os.umask(mask)
    for entry in scan_directory(str(second)).entries:
        os.utime(entry.file.path, (seed, seed))
    assert list(contents(first).items()) == list(contents(second).items())


def test_counts_are_of_files_and_their_bytes(tmp_path):
    """The totals leave out what is ignored."""
    found = scan_directory(str(fill(tmp_path, "one", "two/three", "skip.log")), ["*.log"])
    assert (len(found.entries), found.total_bytes) == (2, len("one") + len("two/three"))


@pytest.mark.parametrize("ignore", [(), ("*",)])
def test_directories_without_files_are_left_out(tmp_path, ignore):
    """Empty directories leave no trace, and nothing at all is a valid result."""
    assert names(fill(tmp_path, "empty/", "deep/er/"), ignore) == []


def test_the_executable_bit_is_reported(tmp_path):
    """The owner's bit tells an executable file."""
    fill(tmp_path, "run", "read")
    (tmp_path / "run").chmod(0o744)
    assert {e.relative: e.file.executable for e in scan_directory(str(tmp_path)).entries} == {
        "run": True,
        "read": False,
    }


def test_a_tree_deeper_than_the_recursion_limit_is_scanned(tmp_path):
    """The walk does not recurse."""
    levels = [tmp_path / "d"]
    for _ in range(1200):
        levels.append(levels[-1] / "d")
    for level in levels:
        level.mkdir()
    (levels[-1] / "f").touch()
    try:
        assert names(tmp_path) == ["d/" * len(levels) + "f"]
    finally:  # pytest's own clean-up recurses
        (levels[-1] / "f").unlink()
        for level in reversed(levels):
            level.rmdir()


# Ignored

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
    """Each list of patterns leaves out exactly the files that git would ignore."""
    fill(tmp_path, *TREE)
    expected = set(TREE) - {name.replace("|", " ") for name in gone.split()}
    assert set(names(tmp_path, ignore)) == expected


@pytest.mark.skipif(shutil.which("git") is None, reason="compares with git, which is not installed")
@pytest.mark.parametrize("seed", range(40))
def test_random_patterns_ignore_what_git_ignores(tmp_path, seed):
    """Git itself lists the same files for random trees and patterns."""
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


# Lines as they stand in published templates: with marks, line ends and characters that editors leave behind.
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
    """Git lists the same files for the same bytes of a `.gitignore`, split at their line feeds."""
    root = fill(tmp_path, *(f"root/{name}" for name in MESSY)) / "root"
    (root / ".gitignore").write_bytes(TEMPLATES[template].encode())
    subprocess.run(["git", "init", "-q", "."], cwd=root, check=True)
    listing = ["git", "ls-files", "-z", "--others", "--exclude-standard"]
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "XDG_CONFIG_HOME": str(tmp_path)}
    expected = subprocess.run(listing, cwd=root, check=True, capture_output=True, env=environment).stdout.decode()
    lines = TEMPLATES[template].split("\n")
    assert names(root, [*lines, "/.git"]) == sorted(expected.split("\0")[:-1])


def test_what_is_ignored_may_be_anything(tmp_path):
    """A pipe, a link to elsewhere or a bad name does no harm once it is ignored, nor does what is below."""
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
    """A mistake in a pattern is told, not silently embedded around; the pattern's text is not repeated."""
    message = str(refusal(tmp_path, ["*.log", pattern]))
    assert "ignore[1]" in message
    assert word in message
    assert "s3cret" not in message


# Links


def test_links_inside_the_directory_are_followed(tmp_path):
    """A link to a file or directory inside stands for what it leads to."""
    fill(tmp_path, "real/file")
    (tmp_path / "file").symlink_to("real/file")
    (tmp_path / "twice").symlink_to("file")
    (tmp_path / "absolute").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "up").symlink_to("../real/file")
    expected = ["absolute/file", "absolute/up", "file", "real/file", "real/up", "twice"]
    assert contents(tmp_path) == dict.fromkeys(expected, "real/file")


@pytest.mark.parametrize(
    ("target", "word"),
    [
        ("..", "out of"),
        ("../outside", "out of"),
        ("../root-beside/file", "out of"),
        ("/dev/null", "out of"),
        ("way-out", "out of"),
        ("nowhere", "nowhere"),
        ("link", "can't be followed"),
        (".", "lies in"),
        ("..//root", "lies in"),
        ("pipe", "a pipe"),
    ],
)
def test_a_link_that_can_not_be_embedded_is_refused(tmp_path, target, word):
    """A link that leaves the directory, leads nowhere, in a circle or to a pipe is told with what to do."""
    root = fill(tmp_path, "outside", "root/sub/x", "root-beside/file") / "root"
    os.mkfifo(root / "pipe")
    (root / "way-out").symlink_to("../outside")
    (root / "link").symlink_to(target)
    error = refusal(root, ["way-out", "/pipe"])
    assert error.relative == "link"
    assert "link" in str(error)
    assert word in str(error)
    assert "add it to ignore" in str(error)


def test_two_directories_that_link_to_each_other_are_refused(tmp_path):
    """A circle over several links ends in an error, too."""
    fill(tmp_path, "a/", "b/")
    (tmp_path / "a" / "b").symlink_to("../b")
    (tmp_path / "b" / "a").symlink_to("../a")
    assert refusal(tmp_path).relative in {"a/b/a", "b/a/b"}


@pytest.mark.parametrize("packages", [9, 12, 16])
def test_links_that_multiply_files_are_refused_at_once(tmp_path, packages):
    """Packages of a workspace that link to all earlier ones, without a circle, double the files with each one."""
    for number in range(packages):
        modules = fill(tmp_path, f"p{number}/file", f"p{number}/node_modules/") / f"p{number}" / "node_modules"
        for earlier in range(number):
            (modules / f"p{earlier}").symlink_to(f"../../p{earlier}")
    error = refusal(tmp_path)
    assert "node_modules/" in error.relative
    assert "multiplies its files" in str(error)
    assert "add it to ignore" in str(error)
    assert len(names(tmp_path, ["node_modules/"])) == packages


def test_few_linked_packages_and_many_links_to_one_directory_are_embedded(tmp_path):
    """What stays small is as it was: links are followed, each as often as it stands there."""
    fill(tmp_path, "shared/file")
    for number in range(200):
        fill(tmp_path, f"user{number}/")
        (tmp_path / f"user{number}" / "shared").symlink_to("../shared")
    for number in range(6):
        modules = fill(tmp_path, f"p{number}/file", f"p{number}/node_modules/") / f"p{number}" / "node_modules"
        for earlier in range(number):
            (modules / f"p{earlier}").symlink_to(f"../../p{earlier}")
    assert len(names(tmp_path)) == 1 + 200 + (2**6 - 1)


def test_the_source_itself_may_be_a_link(tmp_path):
    """What the user names is followed, wherever it leads."""
    fill(tmp_path, "real/file")
    (tmp_path / "dir").symlink_to("real")
    (tmp_path / "file").symlink_to("real/file")
    assert names(tmp_path / "dir") == ["file"]
    assert b"".join(scan_file(str(tmp_path / "file")).chunks()) == b"real/file"


# What can't be embedded


def test_a_pipe_or_socket_is_refused(tmp_path, monkeypatch):
    """What is no file is named together with its kind, relative to the directory."""
    fill(tmp_path, "pipes/", "sockets/")
    os.mkfifo(tmp_path / "pipes" / "p")
    monkeypatch.chdir(tmp_path / "sockets")  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        assert str(refusal(tmp_path, ["sockets"])).startswith("pipes/p is a pipe")
        assert str(refusal(tmp_path, ["pipes"])).startswith("sockets/s is a socket")


def test_a_name_that_is_not_utf8_is_refused_unless_ignored(tmp_path):
    """The error shows such a name with its bytes as escapes; a pattern can still leave it out."""
    try:
        (tmp_path / os.fsdecode(b"bad\xff\n.txt")).touch()
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    message = str(refusal(tmp_path))
    assert message.startswith(r"bad\xff\n.txt has a name that is not UTF-8")
    assert message.isprintable()
    assert names(tmp_path, ["bad*"]) == []


@pytest.mark.parametrize("unreadable", ["file", "dir"])
def test_what_may_not_be_read_is_refused(open_path, unreadable):
    """A file or directory below without permission is named; so is one that is the source itself."""
    target = fill(open_path, "sub/file", "sub/dir/") / "sub" / unreadable
    target.chmod(0o000)
    with plain_user():
        error = refusal(open_path)
        with pytest.raises(LocalFileError) as alone:
            (scan_file if unreadable == "file" else scan_directory)(str(target))
    target.chmod(0o700)
    assert error.relative == f"sub/{unreadable}"
    assert "ermission denied" in str(error)
    assert "ermission denied" in str(alone.value)
    assert "ignore" not in str(alone.value)


@pytest.mark.parametrize(
    ("scan", "source", "words"),
    [
        (scan_file, "missing-s3cret", "does not exist"),
        (scan_file, "file-s3cret/below", "does not exist"),
        (scan_file, "dir-s3cret", "add_local_dir"),
        (scan_file, "pipe-s3cret", "a pipe"),
        (scan_file, "x" * 300, "can't be looked at"),
        (scan_file, "nul\0", "NUL"),
        (scan_directory, "missing-s3cret", "does not exist"),
        (scan_directory, "file-s3cret", "add_local_file"),
        (scan_directory, "pipe-s3cret", "a pipe"),
        (scan_directory, "", "not empty"),
    ],
)
def test_a_source_that_is_not_what_it_should_be_is_refused(tmp_path, monkeypatch, scan, source, words):
    """The reason says what is wrong and does not repeat the path, which stands under its property."""
    os.mkfifo(fill(tmp_path, "file-s3cret", "dir-s3cret/") / "pipe-s3cret")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LocalFileError, match=words) as caught:
        scan(source)
    assert caught.value.relative == ""
    assert "s3cret" not in str(caught.value)


def test_permission_lost_after_the_scan_is_told(open_path):
    """A file that may no longer be opened is an error that says so."""
    path = fill(open_path, "f") / "f"
    file = scan_file(str(path))
    path.chmod(0o000)
    with plain_user(), pytest.raises(LocalFileError, match="Permission denied"):
        list(file.chunks())


def test_a_relative_source_is_still_found_from_another_working_directory(tmp_path, monkeypatch):
    """Paths are absolute from the scan on."""
    fill(tmp_path, "dir/file", "elsewhere/")
    monkeypatch.chdir(tmp_path)
    found = [scan_file("dir/file"), scan_directory("dir").entries[0].file]
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert [b"".join(file.chunks()) for file in found] == [b"dir/file"] * 2
