"""Emulators for tests: one that the test starts, or one that is already running, such as a service of a CI job.

With pytest, the fixture `opencomputer_emulator` of this package's plugin does this for you.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Emulator", "RunningEmulator"]

_SECONDS = 30.0
_COMMAND = (sys.executable, "-m", "pulumi_opencomputer.emulator")


class RunningEmulator:
    """An emulator that is already running.

    Every method that sends a request raises `httpx.HTTPError` if the emulator can't be reached or refuses it.

    Args:
        url: The emulator's address.
        api_key: A key that it accepts.

    Attributes:
        url: The emulator's address.
        api_key: The key.
    """

    def __init__(self, url: str, api_key: str = "local") -> None:
        self.url = url.rstrip("/")
        self.api_key = api_key

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that make the provider and OpenComputer's SDKs use this emulator."""
        return {"OPENCOMPUTER_API_URL": self.url, "OPENCOMPUTER_API_KEY": self.api_key}

    @property
    def headers(self) -> dict[str, str]:
        """The headers that authorise a request."""
        return {"X-API-Key": self.api_key}

    def get(self, path: str) -> Any:
        """GET a path with the key, and return the parsed JSON."""
        return self.ask("GET", path)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request with the key and a JSON body; return the response's parsed JSON, or None if it is empty."""
        response = httpx.request(
            method,
            self.url + path,
            headers={**self.headers, "Content-Type": "application/json"},
            # `json.dumps` escapes to ASCII, unlike httpx: a fault's body may contain half of a surrogate pair.
            content=None if body is None else json.dumps(body),
            timeout=_SECONDS,
            trust_env=False,
            # Plain http needs no certificates, and loading them is slow.
            verify=self.url.startswith("https:"),
        )
        response.raise_for_status()
        return response.json() if response.content else None

    def snapshots(self) -> list[dict[str, Any]]:
        """Return the snapshots as the API shows them, newest first."""
        found: list[dict[str, Any]] = self.get("/api/snapshots")
        return found

    def snapshot(self, name: str) -> dict[str, Any]:
        """Return one snapshot as the API shows it."""
        found: dict[str, Any] = self.get(f"/api/snapshots/{quote(name, safe='$&+,:;=@~')}")
        return found

    def images(self) -> list[dict[str, Any]]:
        """Return all records as the API shows them, newest first: images and snapshots."""
        found: list[dict[str, Any]] = self.get("/api/images")
        return found

    def records(self) -> list[dict[str, Any]]:
        """Return all records of the control plane, newest first, without manifests, even those the edge doesn't show.

        Their keys are ``id, org_id, content_hash, checkpoint_id, name, status, created_at, last_used_at``.
        """
        records: list[dict[str, Any]] = self.get("/_emulator/records")
        return records

    def builds(self) -> list[dict[str, str]]:
        """Return the ``contentHash`` and ``outcome`` of each build since the process started, oldest first."""
        found: list[dict[str, str]] = self.get("/_emulator/builds")
        return found

    def requests(self) -> list[dict[str, Any]]:
        """Return the method, path and status of each API request so far, oldest first, including this class's own."""
        found: list[dict[str, Any]] = self.get("/_emulator/requests")
        return found

    def fail(self, *rules: Mapping[str, Any] | str) -> None:
        """Replace the active faults with these; without arguments, remove all. docs/emulator.md lists the faults."""
        self.ask("PUT", "/_emulator/faults", list(rules))

    def applied(self) -> list[int]:
        """Return how often each active fault was applied, in the order of `fail`."""
        return [rule["applied"] for rule in self.get("/_emulator/faults")]

    def advance(self, seconds: float) -> None:
        """Move the emulator's clock forward, so that whatever waits or lags there completes."""
        self.ask("POST", "/_emulator/clock", {"advance": seconds})

    def change(self, where: Mapping[str, Any], **fields: Any) -> None:
        """Change the matching records without telling the edge.

        Example: ``change({"name": "a"}, status="building", age=600)``.
        """
        assert self.ask("PATCH", "/_emulator/records", {"where": where, "set": fields})["changed"], "no such record"  # noqa: S101

    def reset(self) -> None:
        """Restore the state that the emulator had when it started."""
        self.ask("POST", "/_emulator/reset")


class Emulator(RunningEmulator):
    """An emulator in a separate process, with its records in memory.

    A context manager that stops the process when the block ends.

    Args:
        arguments: Command-line arguments, such as ``"--edge", "--edge-lag", "1..8"``. By default steps take no time.
        api_key: The key that it accepts.

    Raises:
        RuntimeError: The emulator does not start; the message says why.
    """

    def __init__(self, *arguments: str, api_key: str = "local") -> None:
        # A file rather than a pipe, which would fill up since nobody reads it unless something fails.
        self._log = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self._process = subprocess.Popen(  # noqa: S603
            [*_COMMAND, "--port", "0", "--step-seconds", "0", *arguments],
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, "OPENCOMPUTER_API_KEY": api_key},
            cwd=Path.cwd(),
        )
        super().__init__(self._address(), api_key)

    def stop(self) -> None:
        """Stop the process; its records are lost."""
        self._process.terminate()
        try:
            self._process.wait(_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
        self._log.close()

    def log(self) -> str:
        """Return what the process has written to standard error."""
        self._log.seek(0)
        return self._log.read()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _address(self) -> str:
        assert self._process.stdout is not None  # noqa: S101
        too_late = threading.Timer(_SECONDS, self._process.kill)
        too_late.start()
        line = self._process.stdout.readline()
        too_late.cancel()
        if not line:
            told = self.log().strip()
            self.stop()
            raise RuntimeError(f"The emulator did not start: {told}")
        return str(json.loads(line)["url"])
