"""An emulator in a separate process whose responses fail on demand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx

from emulator_process import DEADLINE, Emulator


class FaultyEmulator(Emulator):
    """An emulator whose responses fail on demand, with short waits."""

    def __init__(self, folder: Path, **options: Any) -> None:
        # Share one client: tests send so many requests that a new one for each would take longer than the test. Over
        # plain http it needs no certificates, which are slow to load.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._client = httpx.Client(timeout=DEADLINE, trust_env=False, verify=False, limits=limits)
        super().__init__(folder, **{"wait_seconds": 0.1, "keepalive_seconds": 0.1, **options})

    def change_build(self, content_hash: str, status: str, *, age: float = 0.0) -> None:
        """Change the status of a content's unnamed record, and its age in seconds."""
        self.change({"contentHash": content_hash}, status=status, age=age, checkpointId=None)

    def get(self, path: str) -> Any:
        return self._ask("GET", path)

    def kill(self) -> None:
        self._client.close()
        super().kill()

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        response = self._client.request(
            method, self.url + path, headers=self.headers, content=None if body is None else json.dumps(body)
        )
        response.raise_for_status()
        return response.json() if response.content else None
