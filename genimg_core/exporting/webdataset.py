"""WebDataset shards: tars in which the files of one image stand together, `<image_id>.cls`, `.json` and `.png`.

The same data set gives the same bytes: members sorted, headers without times, owners or machines.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from genimg_core.exporting.records import Export, Record
from genimg_core.progress import progress
from genimg_core.stages.contract import write_json

MEGABYTE = 10**6
_BLOCK = 512


def write_webdataset(out: Path, export: Export, shard_bytes: int) -> str:
    """Write `<split>-000000.tar` … and dataset.json, which lists the shards with their images and sha256.

    Args:
        out: exists, and is empty.
        export: what to write.
        shard_bytes: a shard ends before it would grow over this; one image may be larger.

    Returns:
        What was written, in words.
    """
    with progress("exporting", export.count) as advance:
        shards = [shard for split in export.splits
                  for shard in _write_split(out, export, split, shard_bytes, advance)]
    write_json(out / "dataset.json", export.description() | {"format": "webdataset", "shards": shards})
    return f"{len(shards):,} shard{'s' if len(shards) != 1 else ''}"


def _write_split(out: Path, export: Export, split: str, shard_bytes: int,
                 advance: Callable[..., None]) -> Iterator[dict[str, Any]]:
    """The shards of a split, each as dataset.json tells of it."""
    shard: _Shard | None = None
    number = 0
    try:
        for record in export.records(split):
            files = _files(export, record)
            if shard is not None and shard.bytes_with(files) > shard_bytes:
                yield shard.close()
                shard = None
            if shard is None:
                shard = _Shard(out / f"{split}-{number:06d}.tar")
                number += 1
            shard.add(record.image_id, files)
            advance(1)
        if shard is not None:
            yield shard.close()
            shard = None
    finally:
        if shard is not None:
            shard.close()


class _Shard:
    """One tar, as it grows."""

    def __init__(self, path: Path) -> None:
        self.path, self.images = path, 0
        self._used = 0
        self._tar = tarfile.open(path, "w", format=tarfile.USTAR_FORMAT)

    def add(self, key: str, files: dict[str, bytes]) -> None:
        """The files of one image, in the order of their suffixes."""
        for suffix, data in sorted(files.items()):
            member = tarfile.TarInfo(f"{key}.{suffix}")
            member.size, member.mode = len(data), 0o644
            self._tar.addfile(member, io.BytesIO(data))
        self._used += _tar_bytes(files)
        self.images += 1

    def bytes_with(self, files: dict[str, bytes]) -> int:
        """Of the whole tar, if these were added."""
        used = self._used + _tar_bytes(files) + 2 * _BLOCK
        return -(-used // tarfile.RECORDSIZE) * tarfile.RECORDSIZE

    def close(self) -> dict[str, Any]:
        """End it; what dataset.json tells of it."""
        self._tar.close()
        with self.path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return {"file": self.path.name, "images": self.images, "sha256": digest}


def _files(export: Export, record: Record) -> dict[str, bytes]:
    told = json.dumps(record.known, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return {"png": export.png(record), "cls": str(record.class_index).encode(), "json": told.encode("utf8")}


def _tar_bytes(files: dict[str, bytes]) -> int:
    return sum(_BLOCK + -(-len(data) // _BLOCK) * _BLOCK for data in files.values())
