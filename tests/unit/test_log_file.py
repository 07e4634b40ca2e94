"""The file that keeps the complete log of each build."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from pulumi_opencomputer.lifecycle.log_file import LogFile

NOON = 1_700_000_000.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "of today" / "build.log"


def test_each_line_has_a_time_and_a_resource(path: Path) -> None:
    """Missing folders are created, and existing content is kept."""
    for _ in range(2):
        file = LogFile(str(path), lambda: NOON)
        file.add("daily", "[1/2] pip install pandas (2.0 s)", pytest.fail)
        file.close()
    line = "2023-11-14T22:13:20Z daily: [1/2] pip install pandas (2.0 s)\n"
    assert path.read_text() == 2 * line


def test_only_its_owner_may_read_it(path: Path) -> None:
    """A build's output may contain something confidential that nobody expected."""
    LogFile(str(path)).add("daily", "line", pytest.fail)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_lines_of_simultaneous_builds_are_not_mixed(path: Path) -> None:
    """Builds of one process, and of two, write to the same file."""
    files = [LogFile(str(path)) for _ in range(2)]

    def write(number: int) -> None:
        for line in range(200):
            files[number % 2].add(f"resource-{number}", f"{line} {'x' * 500}", pytest.fail)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = [line.partition(" ")[2] for line in path.read_text().splitlines()]
    for number in range(8):
        own = [line for line in lines if line.startswith(f"resource-{number}: ")]
        assert own == [f"resource-{number}: {line} {'x' * 500}" for line in range(200)]
    assert len(lines) == 1600


def test_lines_contain_no_control_characters(path: Path) -> None:
    """The file may be printed to a terminal, and a line break in a name must not start a new line."""
    LogFile(str(path)).add("da\nily", "a\x1b[31mb\ud800\nc", pytest.fail)
    assert path.read_text().partition(" ")[2] == "da ily: ab\ufffd c\n"


@pytest.mark.parametrize("obstacle", ["file in place of a folder", "folder", "no permission", "pipe"])
def test_a_file_that_cannot_be_written_is_one_warning(path: Path, obstacle: str) -> None:
    """However many lines are lost, the builds continue."""
    path.parent.mkdir(parents=True)
    match obstacle:
        case "file in place of a folder":
            path.parent.rmdir()
            path.parent.write_text("")
        case "folder":
            path.mkdir()
        case "no permission":
            if os.geteuid() == 0:
                pytest.skip("root may write everywhere")
            path.parent.chmod(0o500)
        case "pipe":
            os.mkfifo(path)
    warnings: list[str] = []
    file = LogFile(str(path))
    for _ in range(3):
        file.add("daily", "line", warnings.append)
    assert len(warnings) == 1
    assert str(path) in warnings[0]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
def test_a_full_disk_is_one_warning(path: Path) -> None:
    """The warning says so, and nothing is raised."""
    path.parent.mkdir(parents=True)
    warnings: list[str] = []
    file = LogFile(str(path))
    file.add("daily", "fits", pytest.fail)
    full = os.open("/dev/full", os.O_WRONLY)
    assert file._file is not None
    os.dup2(full, file._file)
    os.close(full)
    for _ in range(3):
        file.add("daily", "does not", warnings.append)
    assert len(warnings) == 1
    assert "No space left on device" in warnings[0]
    assert path.read_text().endswith("daily: fits\n")
