"""The rows, in SQLite: what was answered once is there after a kill at any moment."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from .requests import ImageRequest

ORG_ID = "00000000-0000-4000-8000-000000000001"
LONGEST_NAME = 2600
_MIRROR_ROWS = 200
_SCHEMA = """
CREATE TABLE IF NOT EXISTS image_cache (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, content_hash TEXT NOT NULL, checkpoint_id TEXT,
    name TEXT, status TEXT NOT NULL, created_at TEXT NOT NULL, last_used_at TEXT NOT NULL,
    mirrored REAL, deleted REAL);
CREATE UNIQUE INDEX IF NOT EXISTS idx_image_cache_org_hash ON image_cache(content_hash) WHERE deleted IS NULL;
CREATE UNIQUE INDEX IF NOT EXISTS idx_image_cache_org_name ON image_cache(name) WHERE deleted IS NULL;
CREATE TABLE IF NOT EXISTS manifests (seq INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS sandboxes (
    id TEXT PRIMARY KEY, template TEXT NOT NULL, checkpoint_id TEXT, status TEXT NOT NULL, started_at TEXT NOT NULL);
"""
_COLUMNS = "seq, id, content_hash, checkpoint_id, name, status, created_at, last_used_at"
_DUPLICATE = 'ERROR: duplicate key value violates unique constraint "{}" (SQLSTATE 23505)'


class SaveError(Exception):
    """The database refused a row; the text is what the real one says.

    Attributes:
        duplicate: Whether the row's name or content hash is taken.
    """

    def __init__(self, message: str, *, duplicate: bool = False) -> None:
        super().__init__(message)
        self.duplicate = duplicate


@dataclass(frozen=True)
class Record:
    """A row without its manifest."""

    seq: int
    id: str
    content_hash: str
    checkpoint_id: str | None
    name: str | None
    status: str
    created_at: str
    last_used_at: str

    def parts(self, manifest: bytes) -> list[bytes]:
        """Return the row's JSON around its manifest's, in parts, so that big ones are not copied."""
        head: dict[str, str] = {"id": self.id, "orgId": ORG_ID, "contentHash": self.content_hash}
        if self.checkpoint_id:
            head["checkpointId"] = self.checkpoint_id
        if self.name is not None:
            head["name"] = self.name
        tail = {"status": self.status, "createdAt": self.created_at, "lastUsedAt": self.last_used_at}
        return [_json(head)[:-1] + b',"manifest":', manifest, b"," + _json(tail)[1:]]


@dataclass(frozen=True)
class NewRecord:
    """A row to be inserted: `content_hash` as it shall stand in the row, and the image."""

    content_hash: str
    name: str | None
    image: ImageRequest
    status: str
    checkpoint_id: str | None = None


def now_text() -> str:
    """Return the time as RFC 3339 in UTC, with up to six decimals, trailing zeros cut."""
    text = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return text.rstrip("0").rstrip(".") + "Z"


class Store:
    """All rows of one emulator. Methods block, may be called from any thread, and are atomic.

    Args:
        data: The database's folder, made if missing, or None for memory.
        mirror_lag_seconds: How far reads are behind, in seconds.
        ideal: Whether builds that ended with an earlier process are cleared away.
    """

    def __init__(self, data: Path | None, *, mirror_lag_seconds: float = 0.0, ideal: bool = False) -> None:
        if data is not None:
            data.mkdir(parents=True, exist_ok=True)
        path = ":memory:" if data is None else str(data / "rows.sqlite")
        self._lag = mirror_lag_seconds
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + _SCHEMA)
        if ideal:
            self._clear_interrupted()

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._db.close()

    def clear(self) -> None:
        """Remove every row and sandbox."""
        with self._transaction():
            for table in ("image_cache", "manifests", "sandboxes"):
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608

    # Rows

    def by_hash(self, content_hash: str) -> Record | None:
        """Return the row with exactly this content hash."""
        return self._one("content_hash = ? AND deleted IS NULL", content_hash)

    def by_name(self, name: str) -> Record | None:
        """Return the row of this name."""
        return self._one("name = ? AND deleted IS NULL", name)

    def insert(self, new: NewRecord) -> Record:
        """Add a row and return it.

        Raises:
            SaveError: The database refuses it.
        """
        _refuse_unsavable(new)
        now = now_text()
        shown = None if new.status == "building" and new.name is not None else time.time()
        values = (str(uuid.uuid4()), new.content_hash, new.checkpoint_id, new.name, new.status, now, now, shown)
        with self._transaction():
            try:
                inserted = self._db.execute(
                    "INSERT INTO image_cache (id, content_hash, checkpoint_id, name, status, created_at, last_used_at,"
                    " mirrored) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    values,
                )
            except sqlite3.IntegrityError as error:
                index = "idx_image_cache_org_" + ("name" if ".name" in str(error) else "hash")
                raise SaveError(_DUPLICATE.format(index), duplicate=True) from None
            seq = inserted.lastrowid
            self._db.execute("INSERT INTO manifests VALUES (?, ?)", (seq, new.image.stored))
            return self._known("seq = ?", seq)

    def add_named(self, name: str, image: ImageRequest, checkpoint_id: str) -> tuple[Record, bytes]:
        """Add the named row of a finished build; return the row to answer with, and its manifest.

        A build row that bears a name itself is answered in its stead.

        Raises:
            SaveError: The database refuses the row.
        """
        with self._lock:
            built = self.by_hash(image.content_hash)
            suffix = f":named:{name}" if built and built.name is None else ""
            try:
                row = self.insert(NewRecord(image.content_hash + suffix, name, image, "ready", checkpoint_id))
            except SaveError:
                if built is None or suffix:
                    raise
                return built, self._manifest(built.seq)
            return row, image.sent

    def set_ready(self, row_id: str, checkpoint_id: str) -> None:
        """Mark a row ready, if it is still there."""
        self._update("status = 'ready', checkpoint_id = ?, last_used_at = ?", (checkpoint_id, now_text()), row_id)

    def set_failed(self, row_id: str) -> None:
        """Mark a row failed, if it is still there."""
        self._update("status = 'failed'", (), row_id)

    def touch(self, row_id: str) -> None:
        """Record that a row was used now."""
        self._update("last_used_at = ?", (now_text(),), row_id, shown=False)

    def label(self, row_id: str, name: str) -> None:
        """Give a build row a name, unless that is taken."""
        with self._lock:
            try:
                self._update("name = ?", (name,), row_id)
            except sqlite3.IntegrityError:
                return

    def delete(self, name: str) -> bool:
        """Remove the row of this name; return whether there was one."""
        with self._transaction():
            row = self.by_name(name)
            if row is None:
                return False
            if self._lag:
                self._db.execute("UPDATE image_cache SET deleted = ? WHERE seq = ?", (time.time(), row.seq))
                self._forget("deleted < ?", time.time() - self._lag - 60)
            else:
                self._forget("seq = ?", row.seq)
        return True

    # What GET shows

    def read(self, name: str) -> tuple[Record, bytes] | None:
        """Return the row of this name and its manifest, as the mirror has them."""
        with self._lock:
            condition, values = self._visible()
            row = self._one(f"name = ? AND {condition} ORDER BY seq DESC", name, *values)
            return (row, self._manifest(row.seq)) if row else None

    def listed(self, *, named_only: bool) -> list[tuple[int, int]]:
        """Return the seq and the manifest's bytes of each row that a list holds, newest first."""
        condition, values = self._visible()
        tables = "image_cache JOIN manifests USING (seq)"
        chosen = f"{condition} AND name IS NOT NULL" if named_only else condition
        query = f"SELECT seq, length(body) FROM {tables} WHERE {chosen} ORDER BY seq DESC LIMIT ?"  # noqa: S608
        with self._lock:
            return self._db.execute(query, (*values, _MIRROR_ROWS if self._lag else -1)).fetchall()

    def read_all(self, seqs: Sequence[int]) -> list[tuple[Record, bytes]]:
        """Return those of these rows that are still there, and their manifests."""
        with self._lock:
            rows = (self._one("seq = ?", seq) for seq in seqs)
            return [(row, self._manifest(row.seq)) for row in rows if row]

    # Sandboxes

    def add_sandbox(self, template: str, checkpoint_id: str | None) -> dict[str, Any]:
        """Add a running sandbox and return it as the API shows it."""
        sandbox_id = f"sb-{uuid.uuid4().hex[:8]}"
        with self._transaction():
            values = (sandbox_id, template, checkpoint_id, "running", now_text())
            self._db.execute("INSERT INTO sandboxes VALUES (?, ?, ?, ?, ?)", values)
        sandbox = self.sandbox(sandbox_id)
        assert sandbox is not None  # noqa: S101
        return sandbox

    def sandbox(self, sandbox_id: str) -> dict[str, Any] | None:
        """Return a sandbox as the API shows it, stopped ones as well."""
        with self._lock:
            found = self._db.execute("SELECT * FROM sandboxes WHERE id = ?", (sandbox_id,)).fetchone()
        if found is None:
            return None
        shown = dict(zip(("sandboxID", "templateID", "fromCheckpointId", "status", "startedAt"), found, strict=True))
        return {key: value for key, value in shown.items() if value is not None}

    def stop_sandbox(self, sandbox_id: str) -> bool:
        """Stop a sandbox; return whether it ever existed."""
        with self._transaction():
            return self._db.execute("UPDATE sandboxes SET status = 'stopped' WHERE id = ?", (sandbox_id,)).rowcount > 0

    # Inside

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _one(self, condition: str, *values: object) -> Record | None:
        with self._lock:
            query = f"SELECT {_COLUMNS} FROM image_cache WHERE {condition} LIMIT 1"  # noqa: S608
            found = self._db.execute(query, values).fetchone()
        return Record(*found) if found else None

    def _known(self, condition: str, *values: object) -> Record:
        row = self._one(condition, *values)
        assert row is not None  # noqa: S101
        return row

    def _manifest(self, seq: int) -> bytes:
        found = self._db.execute("SELECT body FROM manifests WHERE seq = ?", (seq,)).fetchone()
        return bytes(found[0])

    def _update(self, assignments: str, values: tuple[object, ...], row_id: str, *, shown: bool = True) -> None:
        mirrored = f", mirrored = {time.time()}" if shown else ""
        with self._transaction():
            self._db.execute(f"UPDATE image_cache SET {assignments}{mirrored} WHERE id = ?", (*values, row_id))  # noqa: S608

    def _forget(self, condition: str, value: float) -> None:
        chosen = f"SELECT seq FROM image_cache WHERE {condition}"  # noqa: S608
        self._db.execute(f"DELETE FROM manifests WHERE seq IN ({chosen})", (value,))  # noqa: S608
        self._db.execute(f"DELETE FROM image_cache WHERE {condition}", (value,))  # noqa: S608

    def _visible(self) -> tuple[str, tuple[float, ...]]:
        if not self._lag:
            return "deleted IS NULL", ()
        then = time.time() - self._lag
        return "mirrored <= ? AND (deleted IS NULL OR deleted > ?)", (then, then)

    def _clear_interrupted(self) -> None:
        with self._transaction():
            self._forget("status = 'building' AND name IS NULL AND seq > ?", 0)
            self._db.execute("UPDATE image_cache SET status = 'failed' WHERE status = 'building'")


def _refuse_unsavable(new: NewRecord) -> None:
    if "\0" in (new.name or ""):
        raise SaveError('ERROR: invalid byte sequence for encoding "UTF8": 0x00 (SQLSTATE 22021)')
    if new.image.unsavable:
        raise SaveError(new.image.unsavable)
    size = len((new.name or "").encode())
    if size > LONGEST_NAME:
        raise SaveError(
            f"ERROR: index row size {size + 88} exceeds btree version 4 maximum 2704 for index"
            ' "idx_image_cache_org_hash" (SQLSTATE 54000)'
        )


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
