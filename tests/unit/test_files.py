"""Local files: what a scan finds, what it ignores, and what it refuses."""

import os
import random
import socket
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from pulumi_opencomputer.content.local_files import scan_directory, scan_file
from pulumi_opencomputer.errors import LocalFileError
from scanned import contents, fill, names, refusal


@contextmanager
def plain_user():
    """Run as a user who is subject to file permissions: as nobody if the tests run as root."""
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
    """A directory that other users may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as path:
        Path(path).chmod(0o755)
        yield Path(path)


# What a scan finds


NAMES = ("a/b", "a-b", "a.b", "a/", "a/z/y", "B", "é", "\ufffd", "\U0001f600", "with space", "line\nend", "back\\slash")


def test_files_are_sorted_by_the_utf8_bytes_of_their_relative_paths(tmp_path):
    """They are sorted by their bytes: not by directory, not by UTF-16, and not ignoring case."""
    found = names(fill(tmp_path, *NAMES))
    assert found == sorted(found, key=str.encode)
    assert set(found) == {name for name in NAMES if not name.endswith("/")}


@pytest.mark.parametrize("seed", range(5))
def test_order_of_creation_location_umask_and_times_do_not_matter(tmp_path, seed):
    """The same files give the same list and bytes, however and wherever they were written."""
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


def test_counts_of_files_and_bytes_leave_out_ignored_files(tmp_path):
    """Ignored files are not part of the totals."""
    found = scan_directory(str(fill(tmp_path, "one", "two/three", "skip.log")), ["*.log"])
    assert (len(found.entries), found.total_bytes) == (2, len("one") + len("two/three"))


@pytest.mark.parametrize("ignore", [(), ("*",)])
def test_directories_without_files_are_left_out(tmp_path, ignore):
    """Empty directories are not listed; a source without any files is valid."""
    assert names(fill(tmp_path, "empty/", "deep/er/"), ignore) == []


def test_the_executable_bit_is_reported(tmp_path):
    """A file is executable if its owner may execute it."""
    fill(tmp_path, "run", "read")
    (tmp_path / "run").chmod(0o744)
    assert {e.relative: e.file.executable for e in scan_directory(str(tmp_path)).entries} == {
        "run": True,
        "read": False,
    }


def test_a_tree_deeper_than_the_recursion_limit_is_scanned(tmp_path):
    """The scan is not recursive."""
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


# Links


def test_links_inside_the_directory_are_followed(tmp_path):
    """A link inside the directory is replaced by the file or directory that it leads to."""
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
        (".", "that contains the link"),
        ("..//root", "that contains the link"),
        ("pipe", "a pipe"),
    ],
)
def test_a_link_that_cannot_be_embedded_is_refused(tmp_path, target, word):
    """It may lead out of the directory, nowhere, in a circle or to a pipe; the error says what to do."""
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
    """A circle of several links is an error too."""
    fill(tmp_path, "a/", "b/")
    (tmp_path / "a" / "b").symlink_to("../b")
    (tmp_path / "b" / "a").symlink_to("../a")
    assert refusal(tmp_path).relative in {"a/b/a", "b/a/b"}


@pytest.mark.parametrize("packages", [9, 12, 16])
def test_links_that_multiply_files_are_refused_at_once(tmp_path, packages):
    """If each package links to all earlier ones, every further package doubles the files, even without a circle."""
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
    """As long as the number of files stays small, a link is followed wherever it occurs."""
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
    """A link that the user names as the source is followed, wherever it leads."""
    fill(tmp_path, "real/file")
    (tmp_path / "dir").symlink_to("real")
    (tmp_path / "file").symlink_to("real/file")
    assert names(tmp_path / "dir") == ["file"]
    assert b"".join(scan_file(str(tmp_path / "file")).chunks()) == b"real/file"


# What can't be embedded


def test_a_pipe_or_socket_is_refused(tmp_path, monkeypatch):
    """The error has its path relative to the directory, and its kind."""
    fill(tmp_path, "pipes/", "sockets/")
    os.mkfifo(tmp_path / "pipes" / "p")
    monkeypatch.chdir(tmp_path / "sockets")  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        assert str(refusal(tmp_path, ["sockets"])).startswith("pipes/p is a pipe")
        assert str(refusal(tmp_path, ["pipes"])).startswith("sockets/s is a socket")


def test_a_name_that_is_not_utf8_is_refused_unless_ignored(tmp_path):
    """The error shows the bytes of such a name as escapes; a pattern can exclude the file."""
    try:
        (tmp_path / os.fsdecode(b"bad\xff\n.txt")).touch()
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    message = str(refusal(tmp_path))
    assert message.startswith(r"bad\xff\n.txt has a name that is not UTF-8")
    assert message.isprintable()
    assert names(tmp_path, ["bad*"]) == []


@pytest.mark.parametrize("unreadable", ["file", "dir"])
def test_unreadable_files_and_directories_are_refused(open_path, unreadable):
    """The error names the file or directory, unless it is the source itself."""
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
        (scan_file, "x" * 300, "can't be read"),
        (scan_file, "nul\0", "NUL"),
        (scan_directory, "missing-s3cret", "does not exist"),
        (scan_directory, "file-s3cret", "add_local_file"),
        (scan_directory, "pipe-s3cret", "a pipe"),
        (scan_directory, "", "not empty"),
    ],
)
def test_a_missing_or_unsuitable_source_is_refused(tmp_path, monkeypatch, scan, source, words):
    """The reason says what is wrong, and does not repeat the path."""
    os.mkfifo(fill(tmp_path, "file-s3cret", "dir-s3cret/") / "pipe-s3cret")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LocalFileError, match=words) as caught:
        scan(source)
    assert caught.value.relative == ""
    assert "s3cret" not in str(caught.value)


def test_permission_lost_after_the_scan_is_an_error(open_path):
    """If the file can't be opened any more, the error says so."""
    path = fill(open_path, "f") / "f"
    file = scan_file(str(path))
    path.chmod(0o000)
    with plain_user(), pytest.raises(LocalFileError, match="Permission denied"):
        list(file.chunks())


def test_a_relative_source_is_still_found_from_another_working_directory(tmp_path, monkeypatch):
    """A scan makes paths absolute."""
    fill(tmp_path, "dir/file", "elsewhere/")
    monkeypatch.chdir(tmp_path)
    found = [scan_file("dir/file"), scan_directory("dir").entries[0].file]
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert [b"".join(file.chunks()) for file in found] == [b"dir/file"] * 2
