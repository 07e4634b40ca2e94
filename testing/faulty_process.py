"""An emulator as a real process, whose answers fail on demand."""

from __future__ import annotations

import sqlite3
import sys
import time
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import httpx

from emulator_process import DEADLINE, Emulator

_PROGRAM = Path(__file__).with_name("faulty_emulator.py")


class FaultyEmulator(Emulator):
    """An emulator whose answers fail on demand; `faulty_emulator.py` tells what a rule holds."""

    def __init__(self, folder: Path, **options: Any) -> None:
        # Tests ask it so often that a new client for each question takes longer than what is tested.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._client = httpx.Client(timeout=DEADLINE, trust_env=False, verify=False, limits=limits)
        super().__init__(
            folder, command=(sys.executable, str(_PROGRAM)), wait_seconds=0.1, keepalive_seconds=0.1, **options
        )

    def fail(self, *rules: dict[str, Any]) -> None:
        """Arm these faults, and no others; none at all switches them off."""
        self._http("PUT", "/_faults", json=list(rules))

    def applied(self) -> list[int]:
        """How often each fault was applied."""
        return [rule["applied"] for rule in self.get("/_faults")]

    def change_build(self, content_hash: str, status: str, *, age: float = 0.0) -> None:
        """Give the unnamed row of a content another status and, in seconds, another age."""
        created = datetime.fromtimestamp(time.time() - age, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        with closing(sqlite3.connect(self.log_path.parent / "data" / "rows.sqlite", timeout=DEADLINE)) as database:
            changed = database.execute(
                "UPDATE image_cache SET status = ?, created_at = ?, checkpoint_id = NULL WHERE content_hash = ?",
                (status, created, content_hash),
            )
            assert changed.rowcount == 1, "there is no such row"
            database.commit()

    def get(self, path: str) -> Any:
        return self._http("GET", path).json()

    def kill(self) -> None:
        self._client.close()
        super().kill()

    def _delete(self, path: str) -> None:
        self._http("DELETE", path)

    def _http(self, method: str, path: str, **request: Any) -> httpx.Response:
        response = self._client.request(method, self.url + path, headers=self.headers, **request)
        response.raise_for_status()
        return response
