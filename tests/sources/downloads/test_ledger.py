"""The ledger and the store."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from genimg_core.errors import CorruptFileError, SetupError
from genimg_core.sources.downloads.blobs import BlobStore
from genimg_core.sources.downloads.ledger import Entry, open_ledger


def _entry(number: int, **more) -> Entry:
    return Entry(f"key{number}", f"a.org/{number}", f"http://a.org/{number}", **more)


def test_rows_come_back_as_they_were_written(tmp_path):
    path = tmp_path / "a/b/ledger.sqlite"
    entries = [_entry(n, sha256="00" * 32 if n % 2 else None, bytes=n, etag='"é"', attempts=n) for n in range(1203)]
    with open_ledger(path) as ledger:
        for entry in entries:
            ledger.write(entry)
        ledger.write(_entry(7, reason="http_404"))
    entries[7] = _entry(7, reason="http_404")
    with open_ledger(path) as ledger:
        assert ledger.by_key([*(entry.key for entry in entries), "none"]) == {entry.key: entry for entry in entries}
        assert ledger.by_path(["a.org/7", "a.org/x"]) == {"a.org/7": entries[7]}


def test_two_processes_may_write_at_once(tmp_path):
    def write(start: int) -> None:
        with open_ledger(tmp_path / "l.sqlite") as ledger:
            for number in range(start, start + 200):
                ledger.write(_entry(number))

    threads = [threading.Thread(target=write, args=(start,)) for start in (0, 100, 300)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    with open_ledger(tmp_path / "l.sqlite") as ledger:
        assert len(ledger.by_key(f"key{n}" for n in range(500))) == 500


def test_another_version_s_ledger_is_a_clear_error(tmp_path):
    connection = sqlite3.connect(tmp_path / "l.sqlite")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(CorruptFileError, match=r"schema is 99(?s:.)*delete the ledger"), open_ledger(tmp_path /
                                                                                                     "l.sqlite"):
        pass


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    store = BlobStore(tmp_path / "store")
    store.open()
    sha256 = hashlib.sha256(b"onetwo").hexdigest()
    with store.receive() as file:
        file.write(b"one")
        assert not store.has(sha256, 6)
        file.write(b"two")
        assert file.keep() == (sha256, 6)
    assert store.has(sha256, 6) and not store.has(sha256, 5) and store.read(sha256) == b"onetwo"
    with pytest.raises(KeyError), store.receive() as file:
        file.write(b"half")
        raise KeyError
    assert [path for path in (tmp_path / "store").rglob("*") if path.is_file()] == [
        tmp_path / "store" / sha256[:2] / sha256]


def test_what_a_dead_process_left_is_removed_later(tmp_path):
    store = BlobStore(tmp_path)
    store.open()
    (tmp_path / "incoming/old").write_bytes(b"x")
    (tmp_path / "incoming/young").write_bytes(b"x")
    day_ago = time.time() - 86_400
    os.utime(tmp_path / "incoming/old", (day_ago, day_ago))
    store.open()
    assert [path.name for path in (tmp_path / "incoming").iterdir()] == ["young"]


def test_a_full_disk_is_a_clear_error_and_leaves_nothing(tmp_path):
    """/dev/full stands for the disk: each write to it fails as on a full one."""
    store = BlobStore(tmp_path)
    store.open()
    with pytest.raises(SetupError, match=r"No space left(?s:.)*not fetched again"), store.receive() as file:
        file._stream.close()
        file._stream = Path("/dev/full").open("wb", buffering=0)
        file.write(b"x" * 100_000)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
