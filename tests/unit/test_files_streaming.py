"""Guarantees about streaming local files."""

import base64
import os
import random
import signal
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from pulumi_opencomputer.content.hashing import content_hash
from pulumi_opencomputer.content.local_files import scan_directory, scan_file
from pulumi_opencomputer.errors import ContentChangedError


@pytest.mark.parametrize("size", [0, 1, 48 * 1024 - 1, 48 * 1024, 48 * 1024 + 1, 5_000_000])
def test_a_file_is_hashed_as_its_base64(tmp_path, size):
    """In a manifest, a file stands for its padded base64, whatever its size; it can be read more than once."""
    raw = random.Random(size).randbytes(size)
    (tmp_path / "f").write_bytes(raw)
    file = scan_file(str(tmp_path / "f"))
    steps = [{"base": "b", "steps": [{"type": "t", "args": {"c": c}}]} for c in (file, base64.b64encode(raw).decode())]
    assert content_hash(steps[0]) == content_hash(steps[1]) == content_hash(steps[0])


def test_streaming_takes_constant_memory(tmp_path):
    """A file of 64 MB is read in blocks."""
    with (tmp_path / "f").open("wb") as file:
        file.truncate(64 * 1024 * 1024)
    scanned = scan_file(str(tmp_path / "f"))
    tracemalloc.start()
    try:
        total = sum(map(len, scanned.chunks()))
        assert tracemalloc.get_traced_memory()[1] < 4 * 1024 * 1024
    finally:
        tracemalloc.stop()
    assert total == scanned.size


def replace_with_copy(path):
    copy = path.with_name("copy")
    copy.write_bytes(path.read_bytes())
    copy.replace(path)


CHANGES = {
    "longer": lambda path: path.write_text("content and more"),
    "shorter": lambda path: path.write_text("co"),
    "other time": lambda path: os.utime(path, ns=(1, 1)),
    "other inode": replace_with_copy,
    "gone": lambda path: path.unlink(),
    "pipe": lambda path: (path.unlink(), os.mkfifo(path)),
    "directory": lambda path: (path.unlink(), path.mkdir()),
    "device": lambda path: (path.unlink(), path.symlink_to("/dev/zero")),
}


@pytest.fixture
def alarm():
    """Fail a test that waits forever."""
    previous = signal.signal(signal.SIGALRM, lambda *_: pytest.fail("still waiting after 10 s"))
    signal.alarm(10)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, previous)


@pytest.mark.usefixtures("alarm")
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_file_that_changed_since_the_scan_is_an_error(tmp_path, change):
    """Nothing of the other version is yielded, the error names the file, and a pipe does not block the reader."""
    path = tmp_path / "watched"
    path.write_text("content")
    file = scan_file(str(path))
    change(path)
    with pytest.raises(ContentChangedError, match="watched"):
        next(file.chunks())


@pytest.mark.parametrize("change", ["longer", "shorter", "other time"])
def test_a_file_that_changes_while_it_is_read_is_an_error(tmp_path, change):
    """A file of more than one block is compared again after the last block."""
    path = tmp_path / "f"
    path.write_bytes(bytes(1_000_000))
    chunks = scan_file(str(path)).chunks()
    next(chunks)
    CHANGES[change](path)
    with pytest.raises(ContentChangedError):
        list(chunks)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs a file system that tells no sizes")
def test_a_file_with_more_content_than_its_size_is_an_error():
    """If the file system reports a size of zero for a file with content, the file does not count as empty."""
    with pytest.raises(ContentChangedError):
        list(scan_file("/proc/self/status").chunks())


@pytest.mark.parametrize("size", [10, 100_000])
def test_reads_may_be_short(tmp_path, monkeypatch, size):
    """A file system may return fewer bytes than requested: the file is still read to its end."""
    raw = random.Random(size).randbytes(size)
    (tmp_path / "f").write_bytes(raw)
    read = os.read
    monkeypatch.setattr(os, "read", lambda descriptor, count: read(descriptor, min(count, 6)))
    assert b"".join(scan_file(str(tmp_path / "f")).chunks()) == raw


def test_an_abandoned_stream_closes_its_file(tmp_path):
    """An abandoned upload leaves no file descriptor open."""
    (tmp_path / "f").write_bytes(bytes(2_000_000))
    before = set(Path("/dev/fd").iterdir())
    chunks: Any = scan_file(str(tmp_path / "f")).chunks()
    next(chunks)
    chunks.close()
    assert set(Path("/dev/fd").iterdir()) == before


def test_a_fingerprint_differs_between_versions(tmp_path):
    """It is the same while the file is unchanged, and differs even if length and time are the same."""
    path = tmp_path / "f"
    path.write_text("one")
    os.utime(path, ns=(1, 1))
    first = scan_file(str(path)).fingerprint
    assert scan_directory(str(tmp_path)).entries[0].file.fingerprint == first
    path.write_text("two")
    os.utime(path, ns=(1, 1))
    deadline = time.monotonic() + 5  # the clock of a file system ticks in milliseconds
    while scan_file(str(path)).fingerprint == first and time.monotonic() < deadline:
        os.utime(path, ns=(1, 1))
    assert scan_file(str(path)).fingerprint != first
