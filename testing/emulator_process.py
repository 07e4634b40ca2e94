"""An emulator in a separate process that tests start, kill and restart."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from pulumi_opencomputer.testing import RunningEmulator

if TYPE_CHECKING:
    from typing_extensions import Self

DEADLINE = 30.0
API_KEY = "test-key-of-the-emulator"
MODULE = (sys.executable, "-m", "pulumi_opencomputer.emulator")


class Emulator(RunningEmulator):
    """A running emulator.

    Attributes:
        url: Its address; the same after a restart.
        api_key: The key that it accepts.
        log_path: The file with the standard error of all its processes.
    """

    def __init__(
        self,
        folder: Path,
        *,
        api_key: str = API_KEY,
        command: Sequence[str] = MODULE,
        more_arguments: Sequence[str] = (),
        **options: float | str | bool,
    ) -> None:
        """Start an emulator whose database and log are in a folder.

        `options` are command-line options, such as ``step_seconds=0.1`` or ``ideal=True``; by default steps take no
        time. `command` starts another program that takes the same options. `more_arguments` are appended unchanged.
        """
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__("", api_key)
        self.log_path = folder / "emulator.log"
        self._command = [*command, "--data", str(folder / "data"), *_arguments({"step_seconds": 0, **options})]
        self._command += more_arguments
        self._start("0")

    @property
    def process(self) -> subprocess.Popen[str]:
        """The current process, or the last one."""
        return self._process

    def kill(self) -> None:
        """Kill the process with SIGKILL, whatever it is doing."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Stop the process with SIGTERM; return its exit code."""
        return self._end(signal.SIGTERM)

    def restart(self) -> None:
        """Start the process again with the same database and URL."""
        assert self._process.poll() is not None, "it still runs"
        self._start(self.url.rpartition(":")[2])

    def create(self, name: str, image: dict[str, Any]) -> dict[str, Any]:
        """Create a snapshot of an image in the API's form, as another client would; return its record."""
        self.ask("POST", "/api/snapshots", {"name": name, "image": image})
        return self.snapshot(name)

    def delete_checkpoint(self, checkpoint_id: str) -> None:
        """Delete a checkpoint, as any client with a key can."""
        self._delete(f"/_emulator/checkpoints/{checkpoint_id}")

    def lose_checkpoint(self, checkpoint_id: str) -> None:
        """Make a checkpoint's bytes go missing."""
        self._delete(f"/_emulator/checkpoints/{checkpoint_id}/bytes")

    def skew(self, seconds: float) -> None:
        """Make the server's clock wrong by some seconds."""
        self.ask("POST", "/_emulator/clock", {"skew": seconds})

    def set_edge(self, **changes: Any) -> None:
        """Change the edge's settings, such as ``lag=[0, 8]`` or ``hasCell=False``."""
        self.ask("POST", "/_emulator/edge", changes)

    def forget_requests(self) -> None:
        """Clear `requests`."""
        self._delete("/_emulator/requests")

    def clear(self) -> None:
        """Delete all records, builds and requests."""
        self._delete("/_emulator/records")

    def log(self) -> str:
        """Return what the processes have written to standard error."""
        return self.log_path.read_text(encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def _delete(self, path: str) -> None:
        self.ask("DELETE", path)

    def _start(self, port: str) -> None:
        with self.log_path.open("a", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [*self._command, "--port", port],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "OPENCOMPUTER_API_KEY": self.api_key},
            )
        self.url = json.loads(self._first_line())["url"]

    def _first_line(self) -> str:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], DEADLINE)
        line = self._process.stdout.readline() if ready else ""
        if not line:
            self.kill()
            raise RuntimeError(f"The emulator did not start:\n{self.log()}")
        return line

    def _end(self, signum: int) -> int:
        if self._process.poll() is None:
            self._process.send_signal(signum)
        code = self._process.wait(DEADLINE)
        if self._process.stdout is not None:
            self._process.stdout.close()
        return code


def wait_until(condition: Any, deadline: float = DEADLINE) -> Any:
    """Poll until `condition()` is truthy, and return its value; fail after `deadline` seconds."""
    end = time.monotonic() + deadline
    while not (value := condition()):
        assert time.monotonic() < end, "this did not happen in time"
        time.sleep(0.01)
    return value


def _arguments(options: dict[str, float | str | bool]) -> list[str]:
    given = [(f"--{name.replace('_', '-')}", value) for name, value in options.items() if value is not False]
    return [part for flag, value in given for part in ([flag] if value is True else [flag, str(value)])]
