"""A SQLite database whose file only this user can read."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Database:
    """One connection, shared by all threads.

    Args:
        data: The file's folder, created if missing, or None for memory.
        name: The file's name.
        schema: The statements that create missing tables.

    Attributes:
        connection: The connection. Hold `lock` while using it.
        lock: The lock for the connection.
    """

    def __init__(self, data: Path | None, name: str, schema: str) -> None:
        self.lock = threading.RLock()
        path = ":memory:" if data is None else str(_private_file(data, name))
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + schema)

    def close(self) -> None:
        """Close the connection."""
        with self.lock:
            self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run the block with the lock in a transaction, which an exception rolls back."""
        with self.lock:
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
            except BaseException:
                self.connection.execute("ROLLBACK")
                raise
            self.connection.execute("COMMIT")


def _private_file(data: Path, name: str) -> Path:
    # A manifest may hold secrets. SQLite's additional files get the mode of the database file.
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = data / name
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    path.chmod(0o600)
    return path
