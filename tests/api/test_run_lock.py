"""Detecting which runs on this machine still hold their streams open."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from pulumi_opencomputer.api.run_lock import RunLock, is_run_alive, this_run
from pulumi_opencomputer.api.stream_guard import Guard, GuardProcess
from wire import until

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX locks")

PROVIDER = textwrap.dedent("""
    import socket, sys, time
    from pathlib import Path
    from pulumi_opencomputer.api.run_lock import RunLock
    from pulumi_opencomputer.api.stream_guard import Guard, GuardProcess

    lock = RunLock(Path(sys.argv[1]))
    if sys.argv[2] == "stream":
        connection = socket.create_connection(("127.0.0.1", int(sys.argv[3])))
        guard = Guard(GuardProcess(lock=lock))
        guard.attach(connection)
        assert guard.attached
    else:
        lock.hold()
    print(lock.id, flush=True)
    time.sleep(60)
""")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def provider(folder: Path, what: str, port: int = 0) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROVIDER, str(folder), what, str(port)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def kill(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def test_a_run_is_alive_as_long_as_its_process(folder):
    """It makes no difference how the process ends."""
    process, run = provider(folder, "nothing")
    assert is_run_alive(run, folder) is True
    kill(process)
    assert is_run_alive(run, folder) is False


def test_a_killed_run_is_alive_as_long_as_its_guard_holds_the_stream(folder):
    """The build continues during that time, so its record is not dead."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        process, run = provider(folder, "stream", listener.getsockname()[1])
        server, _ = listener.accept()
        kill(process)
        assert is_run_alive(run, folder) is True
        # The server ends the build's stream.
        server.close()
    until(lambda: is_run_alive(run, folder) is False)


def test_a_run_of_another_machine_is_unknown(folder):
    """It counts neither as alive nor as dead."""
    assert is_run_alive("0" * 32, folder) is None
    RunLock(folder).hold()
    assert is_run_alive("0" * 32, folder) is None


@pytest.mark.parametrize("name", ["", "../etc/passwd", "A" * 32, "0" * 31, "0" * 33, "\0" * 32])
def test_an_invalid_id_is_not_looked_up(folder, name):
    """The id comes from a record, which anybody may have written."""
    RunLock(folder).hold()
    assert is_run_alive(name, folder) is None


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o707])
def test_a_folder_that_others_can_write_to_is_not_trusted(folder, mode):
    """Otherwise other users could make a run look dead."""
    lock = RunLock(folder)
    assert lock.hold() is not None
    folder.chmod(mode)
    assert is_run_alive(lock.id, folder) is None
    assert RunLock(folder).hold() is None


def test_a_link_in_place_of_the_folder_is_not_followed(folder, tmp_path):
    """It might lead to another user's folder."""
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    folder.symlink_to(tmp_path / "elsewhere")
    assert RunLock(folder).hold() is None


def test_a_released_lock_is_not_alive(folder):
    """A process can also check its own lock."""
    lock = RunLock(folder)
    assert lock.hold() == lock.hold()
    assert is_run_alive(lock.id, folder) is True
    lock.release()
    assert is_run_alive(lock.id, folder) is False


def test_old_files_of_ended_runs_are_removed(folder):
    """The file of a run that is alive stays, however old it is."""
    ended, alive, young = RunLock(folder), RunLock(folder), RunLock(folder)
    for lock in (ended, alive, young):
        lock.hold()
    ended.release()
    young.release()
    for lock in (ended, alive):
        os.utime(folder / lock.id, (0, 0))
    new = RunLock(folder)
    new.hold()
    assert {file.name for file in folder.iterdir()} == {alive.id, young.id, new.id}


def test_a_process_has_one_lock():
    """All builds of a process share it."""
    assert this_run() is this_run()


def test_without_a_folder_for_locks_a_guard_still_works(tmp_path):
    """It is then unknown whether the run is alive."""
    (tmp_path / "file").write_text("")
    near, far = socket.socketpair()
    with near, far:
        process = GuardProcess(lock=RunLock(tmp_path / "file" / "runs"))
        guard = Guard(process)
        guard.attach(near)
        assert guard.attached
        guard.dismiss()
        process.close()
