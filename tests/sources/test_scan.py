"""Scanning: the lock changes only with the contents, and only what may have changed is read again."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest

from genimg_core.errors import CorruptFileError
from genimg_core.sources.folder import FolderParams
from genimg_core.sources.scan import list_source, listing_for, read_lock, scan

OLD = (time.time_ns() // 10**9 - 3600) * 10**9


@pytest.fixture
def images(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("cat/a.png", "cat/b.png", "dog/c.png"):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
        os.utime(path, ns=(OLD, OLD))
    return tmp_path / "images"


PARAMS = FolderParams(path="images")
LOCK = Path("data/datasets/base/source.lock")


def test_the_lock_says_what_is_there_and_nothing_of_where(images):
    result = scan("base", PARAMS)
    assert result.changed and read_lock(LOCK) == result.lock
    tree = json.loads(LOCK.read_text())
    assert set(tree) == {"schema", "kind", "files", "bytes", "digest"}
    assert (tree["schema"], tree["kind"], tree["files"], tree["bytes"]) == (1, "folder", 3, 27)
    assert tree["digest"].startswith("sha256:") and "images" not in LOCK.read_text()
    images.rename("elsewhere")
    assert not scan("base", FolderParams(path="elsewhere")).changed


def test_an_unchanged_source_leaves_the_lock_alone(images):
    scan("base", PARAMS)
    os.utime(LOCK, ns=(OLD, OLD))
    for path in images.rglob("*.png"):
        os.utime(path, ns=(OLD + 5, OLD + 5))
    assert not scan("base", PARAMS).changed
    assert LOCK.stat().st_mtime_ns == OLD
    assert [path.name for path in LOCK.parent.iterdir()] == ["source.lock"]


def test_unchanged_files_are_not_read_again(images):
    scan("base", PARAMS)
    # The contents change behind the scan's back: size and time say that they did not.
    (images / "cat/a.png").write_bytes(b"CAT/A.PNG")
    os.utime(images / "cat/a.png", ns=(OLD, OLD))
    assert not scan("base", PARAMS).changed


def test_same_size_and_another_time_is_read_again(images):
    first = scan("base", PARAMS)
    (images / "cat/a.png").write_bytes(b"CAT/A.PNG")
    second = scan("base", PARAMS)
    assert second.changed and second.lock.bytes == first.lock.bytes and second.lock.digest != first.lock.digest


def test_a_file_written_just_before_the_scan_is_not_trusted(images):
    now = time.time_ns()
    os.utime(images / "cat/a.png", ns=(now, now))
    scan("base", PARAMS)
    (images / "cat/a.png").write_bytes(b"CAT/A.PNG")
    os.utime(images / "cat/a.png", ns=(now, now))
    assert scan("base", PARAMS).changed


@pytest.mark.parametrize("change", ["add", "remove", "rename", "relabel"])
def test_every_kind_of_change_changes_the_lock(images, change):
    before = scan("base", PARAMS).lock
    if change == "add":
        (images / "new.png").write_bytes(b"")
    elif change == "remove":
        (images / "cat/a.png").unlink()
    elif change == "rename":
        (images / "cat/a.png").rename(images / "cat/z.png")
    else:
        (images / "cat").rename(images / "lion")
    after = scan("base", PARAMS)
    assert after.changed and after.lock.digest != before.digest


def test_the_listing_only_ever_saves_reading(images):
    result = scan("base", PARAMS)
    assert listing_for("base", result.lock) == result.listing
    listing = Path(".genimg/scan/base/listing.parquet")
    for spoiled in (b"", b"no parquet", listing.read_bytes()[:-9]):
        listing.write_bytes(spoiled)
        assert listing_for("base", result.lock) is None
        assert list_source("base", PARAMS) == result.listing


def test_another_folders_listing_is_not_believed(images):
    scan("base", PARAMS)
    other = images.parent / "other" / "cat"
    other.mkdir(parents=True)
    (other / "a.png").write_bytes(b"CAT/A.PNG")
    os.utime(other / "a.png", ns=(OLD, OLD))
    (file,) = scan("base", FolderParams(path="other")).listing
    assert file.sha256 == __import__("hashlib").sha256(b"CAT/A.PNG").hexdigest()


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"schema": 99}', "<<<<<<< HEAD"])
def test_a_spoiled_lock(images, text):
    LOCK.parent.mkdir(parents=True)
    LOCK.write_text(text)
    with pytest.raises(CorruptFileError, match="genimg scan"):
        read_lock(LOCK)
    assert scan("base", PARAMS).changed
    assert read_lock(LOCK).files == 3


def test_of_eight_thousand_unchanged_files_none_is_read_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number in range(8000):
        path = tmp_path / "images" / str(number % 20) / f"{number}.png"
        if number < 20:
            path.parent.mkdir(parents=True)
        path.write_bytes(b"%d" % number)
        os.utime(path, ns=(OLD, OLD))
    scan("base", PARAMS)
    opened: list[str] = []

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if watching and event == "open" and str(arguments[0]).endswith(".png"):
            opened.append(str(arguments[0]))

    watching = True
    sys.addaudithook(watch)  # it stays for good, so it can be told to look away
    try:
        assert not scan("base", PARAMS).changed
        assert not opened
        (tmp_path / "images" / "3" / "3.png").write_bytes(b"another")
        opened.clear()
        assert scan("base", PARAMS).changed
        assert len(opened) == 1
    finally:
        watching = False
