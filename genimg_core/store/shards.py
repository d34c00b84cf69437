"""Original bytes in tar shards: each distinct image once, its member named by its sha256, read back by offset.

Every place is planned before a byte is written, from paths and sizes alone. So the shards are the same bytes in
whatever order a source hands its files out (an archive can only be read from front to back), and nothing is unpacked
beside them.
"""

from __future__ import annotations

import hashlib
import os
import re
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from genimg_core.errors import CorruptFileError

TARGET_BYTES = 32 * 2**20
"""Mean size of a shard of large files."""
TARGET_FILES = 2048
"""Mean number of members of a shard of small files."""
CAP = 4
"""A shard never holds more than this many times a target (a single larger file has a shard of its own)."""

_BLOCK = 512
_END = bytes(2 * _BLOCK)
_BUFFER = 2**20
_SHARD_NAME = re.compile(r"\d{6,}\.tar")


@dataclass(frozen=True)
class ShardEntry:
    """One distinct image to be stored."""

    image_id: str
    """sha256 of the bytes, hex."""
    path: str
    """The source path that decides its place (the first, of several copies)."""
    bytes: int


class Placement(NamedTuple):
    """Where an image's bytes lie."""

    shard: str
    """File name, `000000.tar`."""
    offset: int
    """Of the first byte of the data inside the tar."""


def plan_shards(entries: Iterable[ShardEntry]) -> dict[str, Placement]:
    """Place each image, in the order of the paths.

    Where a shard ends is decided by the file itself (a hash of its path, weighed with its size) and not by a running
    count: a new file then changes the shard it falls into and no other, so that DVC stores and pushes only that one.
    With a count, one file more at the front would shift every shard behind it. The caps are a stop for unlucky hashes;
    after one, the next boundary sets the rhythm right again.

    Args:
        entries: distinct image_ids and distinct paths, in any order.

    Returns:
        image_id -> Placement, in the order of the members.
    """
    placements: dict[str, Placement] = {}
    shard, position, files = -1, 0, 0
    for entry in sorted(entries, key=lambda entry: entry.path):
        full = files >= CAP * TARGET_FILES or position + entry.bytes > CAP * TARGET_BYTES
        if shard < 0 or (files and (full or _starts_shard(entry))):
            shard, position, files = shard + 1, 0, 0
        placements[entry.image_id] = Placement(f"{shard:06d}.tar", position + _BLOCK)
        position += _BLOCK + _padded(entry.bytes)
        files += 1
    return placements


def _starts_shard(entry: ShardEntry) -> bool:
    draw = int.from_bytes(hashlib.sha256(entry.path.encode()).digest()[:8], "big") / 2**64
    return draw < entry.bytes / TARGET_BYTES + 1 / TARGET_FILES


class ShardWriter:
    """Fills planned shards, in any order of images; use as a context manager.

    Args:
        folder: exists, and holds no shards.
        entries: what will be written.
    """

    def __init__(self, folder: Path, entries: Iterable[ShardEntry]) -> None:
        self._folder = folder
        self._entries = {entry.image_id: entry for entry in entries}
        self.placements: Mapping[str, Placement] = plan_shards(self._entries.values())
        self._missing = set(self._entries)
        self._open: tuple[str, BinaryIO] | None = None
        """The shard that was written last: most sources come in the order of the shards."""
        ends: dict[str, int] = {}
        for image_id, (shard, offset) in self.placements.items():
            ends[shard] = offset + _padded(self._entries[image_id].bytes)
        for shard, end in ends.items():
            with (folder / shard).open("wb") as stream:
                stream.truncate(end + len(_END))

    def write(self, image_id: str, data: bytes) -> None:
        """Put one image into its place.

        Args:
            image_id: one of the entries'.
            data: as many bytes as its entry says.

        Raises:
            ValueError: another number of bytes than planned.
        """
        if len(data) != self._entries[image_id].bytes:
            raise ValueError(f"{image_id}: {len(data)} bytes were planned as {self._entries[image_id].bytes}")
        shard, offset = self.placements[image_id]
        if self._open is None or self._open[0] != shard:
            self._close()
            self._open = shard, (self._folder / shard).open("r+b", buffering=_BUFFER)
        stream = self._open[1]
        if stream.tell() != offset - _BLOCK:  # a seek empties the buffer, wherever it goes
            stream.seek(offset - _BLOCK)
        stream.write(_header(image_id, len(data)) + data + bytes(_padded(len(data)) - len(data)))
        self._missing.discard(image_id)

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None

    def finish(self) -> None:
        """Say that all is written; the shards can be read from here on.

        Raises:
            ValueError: an image was planned and not written.
        """
        self._close()
        if self._missing:
            raise ValueError(f"{len(self._missing)} planned images were not written, first {min(self._missing)}")


def write_shards(folder: Path, entries: Iterable[tuple[str, bytes]]) -> dict[str, Placement]:
    """Store images that are in memory.

    Args:
        folder: made if it is not there (`raw/shards`).
        entries: (path, bytes); equal bytes are stored once.

    Returns:
        image_id -> Placement.
    """
    folder.mkdir(parents=True, exist_ok=True)
    first: dict[str, tuple[str, bytes]] = {}
    for path, data in sorted(entries):
        first.setdefault(hashlib.sha256(data).hexdigest(), (path, data))
    planned = [ShardEntry(image_id, path, len(data)) for image_id, (path, data) in first.items()]
    with ShardWriter(folder, planned) as writer:
        for image_id, (_, data) in first.items():
            writer.write(image_id, data)
        writer.finish()
    return dict(writer.placements)


class ShardReader:
    """Reads images back. Holds no open file: it may be copied to worker processes.

    Args:
        raw: the collect stage's folder, which holds `shards/`.
    """

    def __init__(self, raw: Path) -> None:
        self._folder = raw / "shards"

    def read(self, shard: str, offset: int, size: int) -> bytes:
        """The bytes of one image.

        Args:
            shard: file name, as in the manifest.
            offset: the manifest's.
            size: the manifest's `bytes`.

        Raises:
            CorruptFileError: the shard is missing or cut short.
        """
        remedy = f"delete {self._folder.parent} and run `dvc checkout`, or `genimg run` to collect again"
        if not _SHARD_NAME.fullmatch(shard):
            raise CorruptFileError(f"the manifest names a shard {shard!r}", remedy)
        try:
            with (self._folder / shard).open("rb", buffering=0) as stream:
                data = _read_all(stream.fileno(), size, offset)
        except (OSError, ValueError, OverflowError) as error:
            raise CorruptFileError(f"{self._folder / shard} cannot be read ({error})", remedy) from None
        if len(data) != size:
            raise CorruptFileError(f"{self._folder / shard} is cut short", remedy)
        return data


def _read_all(descriptor: int, size: int, offset: int) -> bytes:
    """One call may hand out less than it was asked for (on Linux at most 2 GiB)."""
    parts, done = [], 0
    while done < size and (part := os.pread(descriptor, size - done, offset + done)):
        parts.append(part)
        done += len(part)
    return b"".join(parts)


def _header(image_id: str, size: int) -> bytes:
    """A tar header without times, owners or modes of any machine."""
    member = tarfile.TarInfo(image_id)
    member.size, member.mode = size, 0o644
    return member.tobuf(tarfile.USTAR_FORMAT)


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK
