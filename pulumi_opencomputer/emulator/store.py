"""The records, in SQLite. What was reported to a client survives if the process is killed at any moment."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .clock import Clock
from .database import Database
from .events import Deleted, Listener, Published, nobody
from .records import DUPLICATE, NewRecord, Record, SaveError, refuse_unsavable
from .requests import ImageRequest

_SCHEMA = """
CREATE TABLE IF NOT EXISTS image_cache (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, org_id TEXT NOT NULL, content_hash TEXT NOT NULL,
    checkpoint_id TEXT, name TEXT, status TEXT NOT NULL, created_at TEXT NOT NULL, last_used_at TEXT NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS idx_image_cache_org_hash ON image_cache(org_id, content_hash);
CREATE UNIQUE INDEX IF NOT EXISTS idx_image_cache_org_name ON image_cache(org_id, name);
CREATE TABLE IF NOT EXISTS manifests (seq INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS lost_checkpoints (id TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS checkpoint_patches (
    id TEXT PRIMARY KEY, checkpoint_id TEXT NOT NULL, sequence INTEGER NOT NULL, script TEXT NOT NULL,
    description TEXT NOT NULL, created_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sandboxes (
    id TEXT PRIMARY KEY, org_id TEXT NOT NULL, template TEXT NOT NULL, checkpoint_id TEXT, status TEXT NOT NULL,
    started_at TEXT NOT NULL);
"""
_TABLES = ("image_cache", "manifests", "lost_checkpoints", "checkpoint_patches", "sandboxes")
_COLUMNS = "seq, id, org_id, content_hash, checkpoint_id, name, status, created_at, last_used_at"
_CHOSEN_BY = {"id": "id", "name": "name", "contentHash": "content_hash", "orgId": "org_id", "status": "status"}
_SETTABLE = {"status": "status", "checkpointId": "checkpoint_id", "name": "name", "orgId": "org_id"}
_SANDBOX_COLUMNS = "id, template, checkpoint_id, status, started_at"


class Store:
    """All records of one control plane. Methods block, may be called from any thread, and are atomic.

    Args:
        data: The database's folder, created if missing, or None for memory.
        clock: The time that is stored in records.
        ideal: Whether to remove the records of builds that an earlier process did not finish.

    Attributes:
        listener: Called with each event for the edge's index.
    """

    def __init__(self, data: Path | None, clock: Clock, *, ideal: bool = False) -> None:
        self.listener: Listener = nobody
        self._clock = clock
        self._database = Database(data, "records.sqlite", _SCHEMA)
        self._lock = self._database.lock
        self._db = self._database.connection
        self._transaction = self._database.transaction
        if ideal:
            self._clear_interrupted()

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def clear(self) -> None:
        """Remove every record, patch and sandbox."""
        with self._transaction():
            for table in _TABLES:
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608

    # Records

    def by_hash(self, org_id: str, content_hash: str) -> Record | None:
        """Return the organisation's record with exactly this content hash."""
        return self._one("org_id = ? AND content_hash = ?", org_id, content_hash)

    def by_name(self, org_id: str, name: str) -> Record | None:
        """Return the organisation's record with this name."""
        return self._one("org_id = ? AND name = ?", org_id, name)

    def by_id(self, org_id: str, record_id: str) -> Record | None:
        """Return the organisation's record with this id."""
        return self._one("org_id = ? AND id = ?", org_id, record_id)

    def insert(self, new: NewRecord) -> Record:
        """Add a record and return it.

        Raises:
            SaveError: The database refuses it.
        """
        refuse_unsavable(new)
        now = self._clock.text()
        values = (str(uuid.uuid4()), new.org_id, new.content_hash, new.checkpoint_id, new.name, new.status, now, now)
        with self._transaction():
            try:
                inserted = self._db.execute(
                    "INSERT INTO image_cache (id, org_id, content_hash, checkpoint_id, name, status, created_at,"
                    " last_used_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    values,
                )
            except sqlite3.IntegrityError as error:
                index = "idx_image_cache_org_" + ("name" if ".name" in str(error) else "hash")
                raise SaveError(DUPLICATE.format(index), duplicate=True) from None
            seq = inserted.lastrowid
            self._db.execute("INSERT INTO manifests VALUES (?, ?)", (seq, new.image.stored.read()))
            return self._known("seq = ?", seq)

    def add_named(self, org_id: str, name: str, image: ImageRequest, checkpoint_id: str) -> tuple[Record, bytes]:
        """Add the named record of a finished build; return the record for the response, and its manifest.

        If the build's own record has a name, that one is returned instead.

        Raises:
            SaveError: The database refuses the record.
        """
        with self._lock:
            built = self.by_hash(org_id, image.content_hash)
            suffix = f":named:{name}" if built and built.name is None else ""
            new = NewRecord(org_id, image.content_hash + suffix, name, image, "ready", checkpoint_id)
            try:
                record = self.insert(new)
            except SaveError:
                if built is None or suffix:
                    raise
                return built, self._manifest(built.seq)
            self._publish(record.id)
            return record, image.sent.read()

    def set_ready(self, record_id: str, checkpoint_id: str) -> None:
        """Mark a record as ready, if it still exists."""
        now = self._clock.text()
        with self._lock:
            self._update("status = 'ready', checkpoint_id = ?, last_used_at = ?", (checkpoint_id, now), record_id)
            self._publish(record_id)

    def set_failed(self, record_id: str) -> None:
        """Mark a record as failed, if it still exists."""
        with self._lock:
            self._update("status = 'failed'", (), record_id)
            record = self._one("id = ?", record_id)
            if record and ":named:" in record.content_hash:
                self._publish(record_id)

    def touch(self, record_id: str) -> None:
        """Record that a record was used now."""
        self._update("last_used_at = ?", (self._clock.text(),), record_id)

    def label(self, record_id: str, name: str) -> None:
        """Give a build's record a name, unless that is taken."""
        with self._lock:
            try:
                self._update("name = ?", (name,), record_id)
            except sqlite3.IntegrityError:
                return
            self._publish(record_id)

    def delete(self, org_id: str, name: str) -> bool:
        """Remove the record with this name; return whether there was one."""
        with self._lock:
            record = self.by_name(org_id, name)
            if record is None:
                return False
            self.drop(record)
            self.listener(Deleted(record))
        return True

    def drop(self, record: Record) -> None:
        """Remove a record without an event to the index."""
        with self._transaction():
            self._db.execute("DELETE FROM manifests WHERE seq = ?", (record.seq,))
            self._db.execute("DELETE FROM image_cache WHERE seq = ?", (record.seq,))

    # What GET shows

    def read(self, org_id: str, name: str) -> tuple[Record, bytes] | None:
        """Return the record with this name and its manifest; None if there is none."""
        with self._lock:
            record = self.by_name(org_id, name)
            return (record, self._manifest(record.seq)) if record else None

    def listed(self, org_id: str, *, named_only: bool) -> list[tuple[int, int]]:
        """Return the seq and the size of the manifest of each listed record, newest first."""
        chosen = "org_id = ? AND name IS NOT NULL" if named_only else "org_id = ?"
        tables = "image_cache JOIN manifests USING (seq)"
        query = f"SELECT seq, length(body) FROM {tables} WHERE {chosen} ORDER BY seq DESC"  # noqa: S608
        with self._lock:
            return self._db.execute(query, (org_id,)).fetchall()

    def read_all(self, seqs: Sequence[int]) -> list[tuple[Record, bytes]]:
        """Return the records with these seqs that still exist, and their manifests."""
        with self._lock:
            records = (self._one("seq = ?", seq) for seq in seqs)
            return [(record, self._manifest(record.seq)) for record in records if record]

    # Checkpoints

    def delete_checkpoint(self, checkpoint_id: str) -> bool:
        """Delete a checkpoint and its patches; return whether a record had it. The index gets no event."""
        with self._transaction():
            self._db.execute("DELETE FROM checkpoint_patches WHERE checkpoint_id = ?", (checkpoint_id,))
            query = "UPDATE image_cache SET checkpoint_id = NULL WHERE checkpoint_id = ?"
            return self._db.execute(query, (checkpoint_id,)).rowcount > 0

    def lose_checkpoint(self, checkpoint_id: str) -> bool:
        """Lose a checkpoint's bytes: the next create of its content removes the record and builds again.

        Returns:
            Whether a record has this checkpoint.
        """
        with self._transaction():
            self._db.execute("INSERT OR IGNORE INTO lost_checkpoints VALUES (?)", (checkpoint_id,))
            return self._one("checkpoint_id = ?", checkpoint_id) is not None

    def is_lost(self, checkpoint_id: str) -> bool:
        """Tell whether a checkpoint's bytes are lost."""
        with self._lock:
            query = "SELECT 1 FROM lost_checkpoints WHERE id = ?"
            return self._db.execute(query, (checkpoint_id,)).fetchone() is not None

    def add_patch(self, checkpoint_id: str, script: str, description: str) -> dict[str, Any]:
        """Add a patch to a checkpoint and return it as the API shows it."""
        with self._transaction():
            query = "SELECT coalesce(max(sequence), 0) + 1 FROM checkpoint_patches WHERE checkpoint_id = ?"
            sequence = self._db.execute(query, (checkpoint_id,)).fetchone()[0]
            values = (str(uuid.uuid4()), checkpoint_id, sequence, script, description, self._clock.text())
            self._db.execute("INSERT INTO checkpoint_patches VALUES (?, ?, ?, ?, ?, ?)", values)
        return self.patches(checkpoint_id)[-1]

    def patches(self, checkpoint_id: str) -> list[dict[str, Any]]:
        """Return a checkpoint's patches as the API shows them, oldest first."""
        query = "SELECT * FROM checkpoint_patches WHERE checkpoint_id = ? ORDER BY sequence"
        with self._lock:
            found = self._db.execute(query, (checkpoint_id,)).fetchall()
        fields = ("id", "checkpointId", "sequence", "script", "description", "createdAt")
        return [{**dict(zip(fields, patch, strict=True)), "strategy": "on_wake"} for patch in found]

    def delete_patch(self, checkpoint_id: str, patch_id: str) -> bool:
        """Remove a patch; return whether there was one."""
        query = "DELETE FROM checkpoint_patches WHERE checkpoint_id = ? AND id = ?"
        with self._transaction():
            return self._db.execute(query, (checkpoint_id, patch_id)).rowcount > 0

    # Sandboxes

    def add_sandbox(self, org_id: str, template: str, checkpoint_id: str | None) -> dict[str, Any]:
        """Add a running sandbox and return it as the API shows it."""
        sandbox_id = f"sb-{uuid.uuid4().hex[:8]}"
        with self._transaction():
            values = (sandbox_id, org_id, template, checkpoint_id, "running", self._clock.text())
            self._db.execute("INSERT INTO sandboxes VALUES (?, ?, ?, ?, ?, ?)", values)
        sandbox = self.sandbox(org_id, sandbox_id)
        assert sandbox is not None  # noqa: S101
        return sandbox

    def sandbox(self, org_id: str, sandbox_id: str) -> dict[str, Any] | None:
        """Return a sandbox as the API shows it, even if it is stopped; None if it never existed."""
        query = f"SELECT {_SANDBOX_COLUMNS} FROM sandboxes WHERE org_id = ? AND id = ?"  # noqa: S608
        with self._lock:
            found = self._db.execute(query, (org_id, sandbox_id)).fetchone()
        return _shown_sandbox(found) if found else None

    def stop_sandbox(self, org_id: str, sandbox_id: str) -> bool:
        """Stop a sandbox; return whether it ever existed."""
        query = "UPDATE sandboxes SET status = 'stopped' WHERE org_id = ? AND id = ?"
        with self._transaction():
            return self._db.execute(query, (org_id, sandbox_id)).rowcount > 0

    # The emulator's own

    @property
    def changes(self) -> int:
        """The number of changes so far, by which callers notice whether anything has changed."""
        return self._db.total_changes

    def everything(self, limit: int = -1) -> list[dict[str, Any]]:
        """Return the records of all organisations without their manifests, newest first.

        Args:
            limit: The maximum number of records; -1 for all.
        """
        with self._lock:
            query = f"SELECT {_COLUMNS} FROM image_cache ORDER BY seq DESC LIMIT ?"  # noqa: S608
            return [asdict(Record(*found)) for found in self._db.execute(query, (limit,))]

    def sandboxes(self, limit: int) -> list[dict[str, Any]]:
        """Return the newest sandboxes of all organisations, newest first."""
        with self._lock:
            query = f"SELECT {_SANDBOX_COLUMNS} FROM sandboxes ORDER BY rowid DESC LIMIT ?"  # noqa: S608
            return [_shown_sandbox(found) for found in self._db.execute(query, (limit,))]

    def counts(self) -> dict[str, int]:
        """Return how many snapshots, images and sandboxes there are."""
        queries = {
            "snapshots": "image_cache WHERE name IS NOT NULL",
            "images": "image_cache WHERE name IS NULL",
            "sandboxes": "sandboxes WHERE status = 'running'",
        }
        with self._lock:
            return {name: self._count(query) for name, query in queries.items()}

    def change(self, where: dict[str, Any], fields: dict[str, Any]) -> int:
        """Change records without an event to the index; return how many were changed.

        Args:
            where: Values that the records must have: of `id`, `name`, `contentHash`, `orgId`, `status`.
            fields: Their new values: of `status`, `checkpointId`, `name`, `orgId`, or `age`, the seconds since
                `createdAt`.

        Raises:
            ValueError: A field is unknown, or a value is taken.
        """
        unknown = [name for name in where if name not in _CHOSEN_BY]
        unknown += [name for name in fields if name not in _SETTABLE and name != "age"]
        if unknown or not where or not fields:
            raise ValueError(f"unknown or missing fields: {', '.join(unknown) or 'where and set are needed'}")
        changed = {_SETTABLE[name]: value for name, value in fields.items() if name != "age"}
        if "age" in fields:
            changed["created_at"] = self._clock.text(float(fields["age"]))
        assignments = ", ".join(f"{column} = ?" for column in changed)
        condition = " AND ".join(f"{_CHOSEN_BY[name]} IS ?" for name in where)
        query = f"UPDATE image_cache SET {assignments} WHERE {condition}"  # noqa: S608
        with self._transaction():
            try:
                return self._db.execute(query, (*changed.values(), *where.values())).rowcount
            except sqlite3.IntegrityError as error:
                raise ValueError(str(error)) from None

    # Inside

    def _count(self, chosen: str) -> int:
        return int(self._db.execute(f"SELECT count(*) FROM {chosen}").fetchone()[0])  # noqa: S608

    def _publish(self, record_id: str) -> None:
        record = self._one("id = ?", record_id)
        if record:
            query = "SELECT length(body) FROM manifests WHERE seq = ?"
            size = self._db.execute(query, (record.seq,)).fetchone()[0]
            self.listener(Published(record, size, lambda: self._manifest(record.seq)))

    def _one(self, condition: str, *values: object) -> Record | None:
        with self._lock:
            query = f"SELECT {_COLUMNS} FROM image_cache WHERE {condition} LIMIT 1"  # noqa: S608
            found = self._db.execute(query, values).fetchone()
        return Record(*found) if found else None

    def _known(self, condition: str, *values: object) -> Record:
        record = self._one(condition, *values)
        assert record is not None  # noqa: S101
        return record

    def _manifest(self, seq: int) -> bytes:
        found = self._db.execute("SELECT body FROM manifests WHERE seq = ?", (seq,)).fetchone()
        return bytes(found[0])

    def _update(self, assignments: str, values: tuple[object, ...], record_id: str) -> None:
        with self._transaction():
            self._db.execute(f"UPDATE image_cache SET {assignments} WHERE id = ?", (*values, record_id))  # noqa: S608

    def _clear_interrupted(self) -> None:
        with self._transaction():
            chosen = "SELECT seq FROM image_cache WHERE status = 'building' AND name IS NULL"
            self._db.execute(f"DELETE FROM manifests WHERE seq IN ({chosen})")  # noqa: S608
            self._db.execute("DELETE FROM image_cache WHERE status = 'building' AND name IS NULL")
            self._db.execute("UPDATE image_cache SET status = 'failed' WHERE status = 'building'")


def _shown_sandbox(found: Sequence[Any]) -> dict[str, Any]:
    shown = dict(zip(("sandboxID", "templateID", "fromCheckpointId", "status", "startedAt"), found, strict=True))
    return {key: value for key, value in shown.items() if value is not None}
