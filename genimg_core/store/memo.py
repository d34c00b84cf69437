"""A memory of what was computed per image: only ever a short cut, safe to delete, never trusted blindly.

One SQLite file under `.genimg/memo`. A value is found by (key, image_id), where the key is a hash of the code, its
settings and the libraries that decode. A file or value that is damaged counts as not there.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

MEMO = Path(".genimg") / "memo"
_NO_FAULT_OF_THE_FILE = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY,
                         sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM)
"""Then a run does without, and the next one finds what is there."""
COMMIT_EVERY = 64
"""Values per transaction. They wait in memory and are written at once: the file is locked for a few milliseconds at a
time, so that runs beside each other share it, and what an interrupted run has written the next one finds."""
COMMIT_BYTES = 4 * 2**20
"""Fewer values where they are large."""
PAGE_BYTES = 16384
"""A value fills about one page."""


def memo_key(module: str, settings: dict[str, Any], versions: dict[str, str]) -> str:
    """Hash of everything but the image that decides a result.

    Args:
        module: dotted name of the code; its import closure counts.
        settings: JSON-able.
        versions: of the libraries involved.
    """
    from genimg_core.stages.closure import code_hash

    tree = {"code": code_hash(module), "settings": settings, "versions": versions}
    return hashlib.sha256(json.dumps(tree, sort_keys=True).encode()).hexdigest()[:32]


class Memo:
    """Values by image_id, under one key.

    Args:
        file: the SQLite file; made if it is not there, replaced if it is none.
        key: `memo_key(…)`.
    """

    def __init__(self, file: Path, key: str) -> None:
        self._key = key
        self._waiting: dict[str, bytes] = {}
        self._waiting_bytes = 0
        self._database: sqlite3.Connection | None = None
        for _ in range(2):
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                self._database = _open(file)
                break
            except (sqlite3.Error, OSError) as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF in _NO_FAULT_OF_THE_FILE:
                    break
                with suppress(OSError):
                    _discard(file)

    def __enter__(self) -> Memo:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._write()
        if self._database is not None:
            self._database.close()
            self._database = None

    def known(self, image_ids: Iterable[str]) -> set[str]:
        """Those of the image_ids that have a value."""
        found = self._do("SELECT image_id FROM memo WHERE key = ?", (self._key,))
        return {image_id for (image_id,) in found} & set(image_ids)

    def get(self, image_id: str) -> bytes | None:
        """The value, or None."""
        return self.get_all([image_id]).get(image_id)

    def get_all(self, image_ids: Sequence[str]) -> dict[str, bytes]:
        """The values that there are, of a few images: one question locks the file once."""
        found = {image_id: self._waiting[image_id] for image_id in image_ids if image_id in self._waiting}
        marks = ", ".join("?" * len(image_ids))
        for image_id, value, checksum in self._do(
                f"SELECT image_id, value, checksum FROM memo WHERE key = ? AND image_id IN ({marks})",
                (self._key, *image_ids)):
            if isinstance(value, bytes) and zlib.crc32(value) == checksum:
                found.setdefault(image_id, value)
        return found

    def put(self, image_id: str, value: bytes) -> None:
        """Remember a value."""
        if self._database is not None:
            self._waiting[image_id] = value
            self._waiting_bytes += len(value)
        if len(self._waiting) >= COMMIT_EVERY or self._waiting_bytes >= COMMIT_BYTES:
            self._write()

    def _write(self) -> None:
        """Everything that waits, in one transaction."""
        rows = [(self._key, image_id, value, zlib.crc32(value)) for image_id, value in self._waiting.items()]
        self._waiting, self._waiting_bytes = {}, 0
        if not rows:
            return
        self._do("BEGIN IMMEDIATE")
        for row in rows:
            self._do("INSERT OR REPLACE INTO memo (key, image_id, value, checksum) VALUES (?, ?, ?, ?)", row)
        self._do("COMMIT")

    def _do(self, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Run it; a database that fails (damaged, disk full, locked for long) is not asked again."""
        if self._database is None:
            return []
        try:
            return self._database.execute(statement, values).fetchall()
        except sqlite3.Error:
            self._database.close()
            self._database = None
            return []


def forget_image(image_id: str, folder: Path = MEMO) -> int:
    """Delete every value of an image, under all keys of all files; how many there were."""
    gone = 0
    for file in sorted(folder.glob("*.sqlite")):
        try:
            database = _open(file)
        except sqlite3.Error:
            continue
        try:
            database.execute("PRAGMA secure_delete = ON")
            gone += database.execute("DELETE FROM memo WHERE image_id = ?", (image_id,)).rowcount
        except sqlite3.Error:
            continue
        finally:
            database.close()
    return gone


def count_unused(file: Path, keys: Iterable[str], image_ids: Iterable[str]) -> tuple[int, int]:
    """How many values are under none of `keys` or of none of `image_ids`, and their bytes."""
    return _unused(file, keys, image_ids, "SELECT count(*), coalesce(sum(length(value)), 0) FROM memo")


def delete_unused(file: Path, keys: Iterable[str], image_ids: Iterable[str]) -> None:
    """Delete those values, and give their room back to the disk."""
    _unused(file, keys, image_ids, "DELETE FROM memo", "VACUUM")


def _unused(file: Path, keys: Iterable[str], image_ids: Iterable[str], statement: str,
            *after: str) -> tuple[int, int]:
    try:
        database = _open(file)
    except sqlite3.Error:
        return 0, 0
    try:
        for name, values in (("used_key", keys), ("used_image", image_ids)):
            database.execute(f"CREATE TEMP TABLE {name} (value TEXT PRIMARY KEY)")
            database.executemany(f"INSERT OR IGNORE INTO {name} VALUES (?)", ((value,) for value in values))
        found = database.execute(f"{statement} WHERE key NOT IN (SELECT value FROM used_key) "
                                 "OR image_id NOT IN (SELECT value FROM used_image)").fetchone()
        for one in after:
            database.execute(one)
    except sqlite3.Error:
        return 0, 0
    finally:
        database.close()
    return found or (0, 0)


def _open(file: Path) -> sqlite3.Connection:
    database = sqlite3.connect(file, timeout=60, isolation_level=None)
    try:
        # Not a write-ahead log: values are appended once and never changed, and a log would write each of them twice.
        database.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        database.execute("PRAGMA journal_mode = DELETE")
        database.execute("PRAGMA synchronous = OFF")
        database.execute("CREATE TABLE IF NOT EXISTS memo (key TEXT NOT NULL, image_id TEXT NOT NULL, "
                         "value BLOB NOT NULL, checksum INTEGER NOT NULL, PRIMARY KEY (key, image_id))")
        database.execute("SELECT key, image_id, value, checksum FROM memo LIMIT 1").fetchall()
    except sqlite3.Error:
        database.close()
        raise
    return database


def _discard(file: Path) -> None:
    for suffix in ("", "-journal", "-wal", "-shm"):
        path = file.with_name(file.name + suffix)
        if path.is_file() or path.is_symlink():
            path.unlink()
