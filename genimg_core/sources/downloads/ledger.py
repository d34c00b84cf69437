"""What became of each URL: .genimg/downloads/ledger.sqlite, one row for each, written as soon as it is known.

URLs stand in it by their hash and as they may be shown: a signed one is no secret to be found here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from genimg_core.errors import CorruptFileError

LEDGER = Path(".genimg/downloads/ledger.sqlite")
_SCHEMA = 1
_BATCH = 500
_TYPES = {"str": "TEXT NOT NULL", "int": "INTEGER NOT NULL", "str | None": "TEXT"}


@dataclass(frozen=True)
class Entry:
    """One URL: its file, or why there is none."""

    key: str
    """See `names.key_of`."""
    path: str
    """See `names.path_of`."""
    url: str
    """As it may be shown."""
    sha256: str | None = None
    bytes: int = 0
    reason: str | None = None
    """None where there is a file."""
    detail: str | None = None
    status: int = 0
    """The last HTTP status; 0 where there was no answer."""
    etag: str | None = None
    last_modified: str | None = None
    robots: str | None = None
    """X-Robots-Tag."""
    attempts: int = 0
    """Requests made for it, of all scans together; redirects are not counted."""
    checked_at: int = 0
    """Unix time of the last one."""
    rules: str = ""
    """See `DownloadParams.rules`."""


_COLUMNS = [field.name for field in fields(Entry)]


class Ledger:
    """The open ledger. Several processes may have it open."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    def by_key(self, keys: Iterable[str]) -> dict[str, Entry]:
        """The rows that there are, by key."""
        return {entry.key: entry for entry in self._select("key", keys)}

    def by_path(self, paths: Iterable[str]) -> dict[str, Entry]:
        """The rows that there are, by path."""
        return {entry.path: entry for entry in self._select("path", paths)}

    def stored(self) -> set[str]:
        """The sha256 of every file that a row stands for."""
        with _told(self._path):
            return {row[0] for row in self._connection.execute("SELECT sha256 FROM urls WHERE sha256 IS NOT NULL")}

    def write(self, entry: Entry) -> None:
        """Add or replace a row, durable against everything but a power cut."""
        marks = ", ".join("?" * len(_COLUMNS))
        with _told(self._path):
            self._connection.execute(f"INSERT OR REPLACE INTO urls VALUES ({marks})", astuple(entry))

    def _select(self, column: str, values: Iterable[str]) -> Iterator[Entry]:
        wanted = list(values)
        for start in range(0, len(wanted), _BATCH):
            batch = wanted[start : start + _BATCH]
            query = f"SELECT {', '.join(_COLUMNS)} FROM urls WHERE {column} IN ({', '.join('?' * len(batch))})"
            with _told(self._path):
                rows = self._connection.execute(query, batch).fetchall()
            yield from (Entry(*row) for row in rows)


@contextmanager
def open_ledger(path: Path = LEDGER) -> Iterator[Ledger]:
    """Open it, made if it is not there.

    Raises:
        CorruptFileError: it is no ledger of this version, or cannot be read or written.
    """
    with _told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # isolation_level=None: each statement is a transaction of its own.
        connection = sqlite3.connect(path, timeout=60, isolation_level=None)
    try:
        with _told(path):
            _prepare(connection)
        yield Ledger(connection, path)
    finally:
        connection.close()


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version not in (0, _SCHEMA):
        raise sqlite3.DatabaseError(f"its schema is {version}, this version's is {_SCHEMA}")
    columns = ", ".join(f"{field.name} {_TYPES[field.type]}" for field in fields(Entry))
    connection.execute(f"CREATE TABLE IF NOT EXISTS urls ({columns}, PRIMARY KEY (key)) WITHOUT ROWID")
    connection.execute("CREATE INDEX IF NOT EXISTS urls_path ON urls (path)")
    connection.execute(f"PRAGMA user_version = {_SCHEMA}")


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise CorruptFileError(
            f"the ledger of downloads {path} cannot be used ({error})",
            "if the disk has space and the folder may be written, delete the ledger: all URLs are then fetched again",
        ) from None
