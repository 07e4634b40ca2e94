"""An emulator as a real process, whose answers fail on demand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx

from emulator_process import DEADLINE, Emulator


class FaultyEmulator(Emulator):
    """An emulator whose answers fail on demand, and which waits for nothing long."""

    def __init__(self, folder: Path, **options: Any) -> None:
        # Tests ask it so often that a new client for each question takes longer than what is tested.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._client = httpx.Client(timeout=DEADLINE, trust_env=False, verify=False, limits=limits)
        super().__init__(folder, **{"wait_seconds": 0.1, "keepalive_seconds": 0.1, **options})

    def change_build(self, content_hash: str, status: str, *, age: float = 0.0) -> None:
        """Give the unnamed record of a content another status and, in seconds, another age."""
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
