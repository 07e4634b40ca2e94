"""The edge's index of records. GET and lists show what it contains, and DELETE only reaches that."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ..clock import Clock
from ..database import Database
from ..events import Event, Published
from ..options import EdgeOptions
from ..records import Record

CELL_ID = "emulated-cell-1"
LARGEST_RECORD = 2_000_000
LONGEST_LIST = 200
# The same database index as the service's, so records of the same second are listed in the same order as there: the
# oldest first.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS images_index (
    id TEXT PRIMARY KEY, org_id TEXT NOT NULL, content_hash TEXT NOT NULL, checkpoint_id TEXT, name TEXT,
    manifest BLOB NOT NULL, status TEXT NOT NULL, created_at INTEGER NOT NULL, last_used_at INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS idx_images_org_created ON images_index(org_id, created_at DESC);
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, due REAL NOT NULL, deleted INTEGER NOT NULL, id TEXT NOT NULL,
    org_id TEXT, content_hash TEXT, checkpoint_id TEXT, name TEXT, manifest BLOB, status TEXT, created_at INTEGER,
    last_used_at INTEGER);
"""
_COLUMNS = "id, org_id, content_hash, checkpoint_id, name, manifest, status, created_at, last_used_at"
_UPSERT = f"""
INSERT INTO images_index ({_COLUMNS}) SELECT {_COLUMNS} FROM events WHERE seq = ?
ON CONFLICT(id) DO UPDATE SET content_hash = excluded.content_hash, checkpoint_id = excluded.checkpoint_id,
    name = excluded.name, manifest = excluded.manifest, status = excluded.status, last_used_at = excluded.last_used_at
"""  # noqa: S608
_SHOWN = "rowid, id, org_id, content_hash, checkpoint_id, name, status, created_at, last_used_at"


class Index:
    """The edge's copy of the cell's records. Methods block, and may be called from any thread.

    Args:
        data: The database's folder, or None for memory.
        options: How long events take to arrive.
        clock: The time, which decides when events are due.
    """

    def __init__(self, data: Path | None, options: EdgeOptions, clock: Clock) -> None:
        self._clock = clock
        self._lag = self._first_lag = options.lag_seconds
        self._seed = options.lag_seed
        self._random = random.Random(options.lag_seed)  # noqa: S311
        self._database = Database(data, "index.sqlite", _SCHEMA)
        with self._database.transaction() as database:
            # The previous process's clock may have been moved forward, so that its events are due far in the future.
            database.execute("UPDATE events SET due = min(due, ?)", (clock.now() + self._lag[1],))

    @property
    def lag(self) -> tuple[float, float]:
        """The shortest and the longest time that an event takes, in seconds."""
        return self._lag

    @lag.setter
    def lag(self, seconds: tuple[float, float]) -> None:
        self._lag = seconds

    def reset_lag(self) -> None:
        """Restore the initial lag."""
        self._lag = self._first_lag

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def clear(self) -> None:
        """Remove all records and events, and restart the random lags from their seed."""
        self._random = random.Random(self._seed)  # noqa: S311
        with self._database.transaction() as database:
            database.execute("DELETE FROM images_index")
            database.execute("DELETE FROM events")

    def hear(self, event: Event) -> None:
        """Receive an event. It takes effect once its lag is over; a record above 2 MB never appears."""
        with self._database.transaction() as database:
            due = self._clock.now() + self._random.uniform(*self._lag)
            record = event.record
            if not isinstance(event, Published):
                database.execute("INSERT INTO events (due, deleted, id) VALUES (?, 1, ?)", (due, record.id))
            elif event.size <= LARGEST_RECORD:
                database.execute(
                    f"INSERT INTO events (due, deleted, {_COLUMNS}) VALUES (?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
                    (due, *_values(record, event.read_manifest())),
                )

    def pending(self) -> int:
        """Return how many events are still on their way."""
        with self._caught_up() as database:
            return int(database.execute("SELECT count(*) FROM events").fetchone()[0])

    def shows(self, org_id: str, name: str) -> bool:
        """Tell whether the index shows a record with this name."""
        return self._rowid(org_id, name) is not None

    def read(self, org_id: str, name: str) -> tuple[Record, bytes] | None:
        """Return the record with this name and its manifest; None if the index shows none."""
        rowid = self._rowid(org_id, name)
        return next(iter(self.read_all([rowid])), None) if rowid is not None else None

    def listed(self, org_id: str, *, named_only: bool) -> list[tuple[int, int]]:
        """Return the rowid and the size of the manifest of each listed record, newest first, at most 200."""
        chosen = "org_id = ? AND name IS NOT NULL AND name <> ''" if named_only else "org_id = ?"
        query = f"SELECT rowid, length(manifest) FROM images_index WHERE {chosen} ORDER BY created_at DESC LIMIT ?"  # noqa: S608
        with self._caught_up() as database:
            return database.execute(query, (org_id, LONGEST_LIST)).fetchall()

    def read_all(self, rowids: Sequence[int]) -> list[tuple[Record, bytes]]:
        """Return the records with these rowids that still exist, and their manifests."""
        query = f"SELECT {_SHOWN}, manifest FROM images_index WHERE rowid = ?"  # noqa: S608
        with self._database.lock:
            found = (self._database.connection.execute(query, (rowid,)).fetchone() for rowid in rowids)
            return [(_record(row), bytes(row[-1])) for row in found if row]

    def _rowid(self, org_id: str, name: str) -> int | None:
        query = "SELECT rowid FROM images_index WHERE org_id = ? AND name = ? LIMIT 1"
        with self._caught_up() as database:
            found = database.execute(query, (org_id, name)).fetchone()
        return found[0] if found else None

    def _caught_up(self) -> AbstractContextManager[sqlite3.Connection]:
        self._catch_up()
        return self._database.transaction()

    def _catch_up(self) -> None:
        with self._database.transaction() as database:
            query = "SELECT seq, deleted, id FROM events WHERE due <= ? ORDER BY due, seq"
            for seq, deleted, record_id in database.execute(query, (self._clock.now(),)).fetchall():
                if deleted:
                    database.execute("DELETE FROM images_index WHERE id = ?", (record_id,))
                else:
                    database.execute(_UPSERT, (seq,))
                database.execute("DELETE FROM events WHERE seq = ?", (seq,))


def _values(record: Record, manifest: bytes) -> tuple[object, ...]:
    created, used = (_seconds(text) for text in (record.created_at, record.last_used_at))
    head = (record.id, record.org_id, record.content_hash, record.checkpoint_id, record.name)
    return (*head, manifest, record.status, created, used)


def _record(row: tuple[Any, ...]) -> Record:
    rowid, record_id, org_id, content_hash, checkpoint_id, name, status, created, used, _ = row
    created, used = _text(created), _text(used)
    return Record(rowid, record_id, org_id, content_hash, checkpoint_id, name, status, created, used, CELL_ID)


def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")[:19] + "+00:00").timestamp())


def _text(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
