"""WebDataset shards: tars in which `key.jpg`, `key.cls`, `key.json` are the fields of one sample. Nothing is unpickled.

Reference: https://github.com/webdataset/webdataset (the key ends at the first dot of the file's name).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from genimg_core.errors import SourceError
from genimg_core.params import Section
from genimg_core.progress import progress
from genimg_core.sources.safe_archive import Limits, MemberDamagedError, read_members
from genimg_core.sources.shard_names import find_shards
from genimg_core.sources.source import DEFAULT_MAX_FILE_BYTES, MaxFileBytes, SourceFile, text_of
from genimg_core.sources.webdataset_shard import rows_of_shard

_Text = Annotated[str, StringConstraints(min_length=1)]


class WebdatasetParams(Section):
    """Tar shards (plain, gz, bz2, xz or zst) of samples."""

    kind: Literal["webdataset"] = "webdataset"
    path: _Text
    """The shards, from the working directory: `shards/{000..009}.tar`, `shards/train-*.tar`."""
    test_path: _Text | None = None
    """More shards: their images get the split `test`, those of `path` then get `train`. null: no splits are given."""
    label: Annotated[str, StringConstraints(pattern=r"^(cls|txt|json(\.[^.]+)+)$")] | None = "cls"
    """The field that holds the label: `cls`, `txt`, or a name inside the JSON (`json.label`, `json.object.name`); null
    for no labels."""
    class_names: tuple[_Text, ...] | None = None
    """The name of class 0, 1, …; null takes the labels themselves."""
    image_fields: Annotated[tuple[_Text, ...], Field(min_length=1)] = (
        "jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "ppm", "pgm",
    )  # fmt: skip
    """Fields that are images, in small letters. Another (`seg.png` is one) is a row with the reason `unused_field`."""
    ignored_fields: tuple[_Text, ...] = ()
    """Fields that are left out without a row, in small letters."""
    max_file_bytes: MaxFileBytes = DEFAULT_MAX_FILE_BYTES
    """A larger image is listed and never read."""
    max_total_bytes: Annotated[int, Field(ge=1)] = 64 * 2**30
    """More than this unpacked from one shard is an error."""
    max_members: Annotated[int, Field(ge=1)] = 1_000_000
    """More members of one shard than this are an error."""
    max_compression_ratio: Annotated[float, Field(ge=1)] = 200.0
    """As of an archive."""


class WebdatasetSource:
    """Reads what WebdatasetParams describe."""

    def __init__(self, params: WebdatasetParams) -> None:
        self.params = params
        self._limits = Limits(params.max_total_bytes, params.max_members, params.max_compression_ratio)

    @property
    def origin(self) -> str:
        """One size and time stand for all members of a shard, so a listing holds only for equal params."""
        return f"webdataset {hashlib.sha256(self.params.model_dump_json().encode()).hexdigest()}"

    def scan(self, earlier: Mapping[str, SourceFile]) -> list[SourceFile]:
        """Every image of every shard, and every field that has no use; see `Source.scan`.

        Raises:
            SourceError: a shard is missing, unsafe, damaged or too large, or there is no image.
        """
        shards = self._shards()
        known: dict[str, list[SourceFile]] = {}
        for file in earlier.values():
            known.setdefault(_shard_of(file.path, shards), []).append(file)
        rows: list[SourceFile] = []
        with progress("scanning shards", sum(os.path.getsize(path) for path, _ in shards.values()), "bytes") as advance:
            for name, (path, split) in shards.items():
                status = path.stat()
                files = known.get(name, [])
                if files and all((file.size, file.mtime_ns) == (status.st_size, status.st_mtime_ns) for file in files):
                    rows += files
                    advance(status.st_size)
                else:
                    members = read_members(path, self._limits, advance)
                    rows += rows_of_shard(
                        name, members, self.params, split=split, size=status.st_size, mtime_ns=status.st_mtime_ns
                    )
        if not any(file.sha256 for file in rows):
            raise SourceError(
                f"{self.params.path} holds no images ({len(rows):,} other members)",
                "correct `path` or `image_fields` in params.yaml",
            )
        return rows

    def contents(self, paths: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """The bytes of each of `paths` that can still be read, shard by shard."""
        wanted = set(paths)
        shards = self._shards()
        for name in sorted({_shard_of(path, shards) for path in wanted} & set(shards)):
            path, _ = shards[name]
            for member in read_members(path, self._limits):
                whole = f"{name}/{member.path}"
                if whole in wanted and member.size <= self.params.max_file_bytes:
                    try:
                        yield whole, b"".join(member.chunks)
                    except MemberDamagedError:
                        # Told by its absence: the caller knows what it asked for.
                        continue

    def _shards(self) -> dict[str, tuple[Path, str | None]]:
        """Name -> its file and its split."""
        train = {text_of(name): path for name, path in find_shards(self.params.path).items()}
        if self.params.test_path is None:
            return {name: (path, None) for name, path in train.items()}
        test = {text_of(name): path for name, path in find_shards(self.params.test_path).items()}
        both = {os.path.realpath(path) for path in train.values()} & {os.path.realpath(path) for path in test.values()}
        if both:
            raise SourceError(f"{min(both)} is in `path` and in `test_path`", "name each shard in one of them")
        return {f"train/{name}": (path, "train") for name, path in train.items()} | {
            f"test/{name}": (path, "test") for name, path in test.items()
        }


def _shard_of(path: str, shards: Collection[str]) -> str:
    """The shard whose member this path is; empty if none."""
    return next((path[:place] for place, letter in enumerate(path) if letter == "/" and path[:place] in shards), "")
