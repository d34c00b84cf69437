"""Shards: deterministic, readable by tar itself, and local to what changes."""

from __future__ import annotations

import hashlib
import random
import tarfile
from pathlib import Path

import pytest

from genimg_core.errors import CorruptFileError
from genimg_core.store import shards
from genimg_core.store.shards import ShardEntry, ShardReader, ShardWriter, plan_shards, write_shards


def _files(count: int, size: int = 700) -> dict[str, bytes]:
    return {f"folder/{i:05d}.png": random.Random(i).randbytes(size + i % 60) for i in range(count)}


def _hashes(folder: Path) -> list[str]:
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())]


def test_what_is_written_is_read_back_and_is_a_tar(tmp_path):
    files = _files(50)
    placements = write_shards(tmp_path / "shards", files.items())
    reader = ShardReader(tmp_path)
    for data in files.values():
        shard, offset = placements[hashlib.sha256(data).hexdigest()]
        assert reader.read(shard, offset, len(data)) == data
    members = {}
    for path in sorted((tmp_path / "shards").iterdir()):
        with tarfile.open(path) as tar:
            for member in tar:
                assert (member.mtime, member.uid, member.gid, member.uname) == (0, 0, 0, "")
                members[member.name] = tar.extractfile(member).read()
    assert members == {hashlib.sha256(data).hexdigest(): data for data in files.values()}


def test_equal_bytes_are_stored_once(tmp_path):
    placements = write_shards(tmp_path / "shards", [("b", b"same"), ("a", b"same"), ("c", b"other")])
    assert len(placements) == 2


def test_no_bytes_at_all_can_be_stored(tmp_path):
    placements = write_shards(tmp_path / "shards", [("empty", b"")])
    (place,) = placements.values()
    assert ShardReader(tmp_path).read(*place, 0) == b""


def test_the_order_of_writing_does_not_change_a_byte(tmp_path):
    files = _files(200)
    entries = [ShardEntry(hashlib.sha256(data).hexdigest(), path, len(data)) for path, data in files.items()]
    contents = {entry.image_id: files[entry.path] for entry in entries}
    for name, order in (("forward", entries), ("backward", entries[::-1])):
        (tmp_path / name).mkdir()
        with ShardWriter(tmp_path / name, order) as writer:
            for entry in order:
                writer.write(entry.image_id, contents[entry.image_id])
            writer.finish()
    assert _hashes(tmp_path / "forward") == _hashes(tmp_path / "backward")


def test_a_new_file_changes_one_shard(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "TARGET_FILES", 50)
    files = _files(1000)
    write_shards(tmp_path / "before", files.items())
    write_shards(tmp_path / "after", [*files.items(), ("folder/00000b.png", b"new")])
    before, after = set(_hashes(tmp_path / "before")), set(_hashes(tmp_path / "after"))
    assert len(before) > 8
    assert len(before - after) == 1
    assert len(after - before) in (1, 2)


def test_large_files_make_shards_of_the_target_size():
    entries = [ShardEntry(f"{i:064d}", f"{i}.jpg", 2**20) for i in range(2000)]
    sizes: dict[str, int] = {}
    for shard, _ in plan_shards(entries).values():
        sizes[shard] = sizes.get(shard, 0) + 2**20
    assert 20 * 2**20 < sum(sizes.values()) / len(sizes) < 48 * 2**20
    assert max(sizes.values()) <= shards.CAP * shards.TARGET_BYTES


def test_the_cap_holds_when_no_hash_ends_a_shard(monkeypatch):
    monkeypatch.setattr(shards, "_starts_shard", lambda entry: False)
    monkeypatch.setattr(shards, "TARGET_FILES", 10)
    placements = plan_shards(ShardEntry(f"{i:064d}", f"{i:03d}", 10) for i in range(100))
    counts: dict[str, int] = {}
    for shard, _ in placements.values():
        counts[shard] = counts.get(shard, 0) + 1
    assert list(counts.values()) == [40, 40, 20]


def test_a_damaged_store_is_told_with_a_remedy(tmp_path):
    placements = write_shards(tmp_path / "shards", [("a", b"x" * 5000)])
    (shard, offset) = next(iter(placements.values()))
    reader = ShardReader(tmp_path)
    with pytest.raises(CorruptFileError, match="cut short"):
        reader.read(shard, offset, 10**6)
    with pytest.raises(CorruptFileError, match="names a shard"):
        reader.read("../../etc/passwd", 0, 10)
    (tmp_path / "shards" / shard).unlink()
    with pytest.raises(CorruptFileError, match="remedy"):
        reader.read(shard, offset, 5000)


def test_a_planned_image_that_never_comes_is_told(tmp_path):
    with ShardWriter(tmp_path, [ShardEntry("a" * 64, "a", 3)]) as writer:
        with pytest.raises(ValueError, match="planned"):
            writer.write("a" * 64, b"four")
        with pytest.raises(ValueError, match="not written"):
            writer.finish()
