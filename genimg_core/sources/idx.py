"""IDX files, as MNIST has them: a file of images, maybe one of labels; each image becomes a PNG."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from genimg_core.errors import SourceError
from genimg_core.params import Section
from genimg_core.progress import progress
from genimg_core.sources.idx_file import IdxHeader, image_header, read_class_numbers, read_images
from genimg_core.sources.plain_png import plain_png
from genimg_core.sources.source import (
    CHUNK_BYTES,
    DEFAULT_MAX_FILE_BYTES,
    MaxFileBytes,
    SourceFile,
    sha256_of,
)

_Text = Annotated[str, StringConstraints(min_length=1)]
_LEAST_DIGITS = 5

PartName = Literal["train", "validation", "test", "all"]


class IdxPart(Section):
    """A file of images and, where there is one, its file of labels; plain or gzip, told apart by their first bytes."""

    images: _Text
    """uint8 (images, height, width), or with 1 or 3 channels behind; from the working directory."""
    labels: _Text | None = None
    """Whole numbers, one for each image; null for none."""


class IdxParams(Section):
    """Pairs of IDX files."""

    kind: Literal["idx"] = "idx"
    parts: Annotated[dict[PartName, IdxPart], Field(min_length=1)]
    """`train`, `validation` and `test` give their images that split, `all` gives none. An image's path is made of the
    part's name and its number: `train/00000.png`."""
    class_names: tuple[_Text, ...] | None = None
    """The name of class 0, 1, …; null takes the numbers themselves."""
    transposed: bool = False
    """Whether the files hold columns where rows should be, as those of EMNIST do."""
    max_images: Annotated[int, Field(ge=1)] = 10_000_000
    """More in one file are an error."""
    max_file_bytes: MaxFileBytes = DEFAULT_MAX_FILE_BYTES
    """A larger image is an error: all of a file have one size."""
    max_total_bytes: Annotated[int, Field(ge=1)] = 64 * 2**30
    """More pixels than this in one file are an error."""


@dataclass(frozen=True)
class _Opened:
    """A part whose headers were found good."""

    name: str
    part: IdxPart
    header: IdxHeader
    classes: tuple[int, ...] | None

    @property
    def split(self) -> str | None:
        return None if self.name == "all" else self.name

    @cached_property
    def digits(self) -> int:
        return max(_LEAST_DIGITS, len(str(max(0, self.header.count - 1))))

    def path(self, number: int) -> str:
        return f"{self.name}/{number:0{self.digits}}.png"


class IdxSource:
    """Reads what IdxParams describe."""

    def __init__(self, params: IdxParams) -> None:
        self.params = params

    @property
    def origin(self) -> str:
        """One size and time stand for all images of a file, so a listing holds only for equal params and labels."""
        running = hashlib.sha256(self.params.model_dump_json().encode())
        for _, part in sorted(self.params.parts.items()):
            if part.labels and os.path.isfile(part.labels) and os.access(part.labels, os.R_OK):
                with open(part.labels, "rb") as stream:
                    running.update(sha256_of(iter(lambda: stream.read(CHUNK_BYTES), b""))[0].encode())
        return f"idx {running.hexdigest()}"

    def scan(self, earlier: Mapping[str, SourceFile]) -> list[SourceFile]:
        """Every image of every part; see `Source.scan`.

        Raises:
            SourceError: a file is missing, damaged, too large, no IDX or of another kind; labels that do not fit.
        """
        # All parts are understood before the first is read, which may take long.
        parts = [self._opened(name) for name in sorted(self.params.parts)]
        if not any(part.header.count for part in parts):
            raise SourceError(
                f"{', '.join(part.part.images for part in parts)} holds no images", "name a file with images"
            )
        return [file for part in parts for file in self._rows(part, earlier)]

    def contents(self, paths: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """The PNG of each of `paths` that is there, part by part."""
        wanted = set(paths)
        for name in sorted(self.params.parts):
            if any(path.startswith(f"{name}/") for path in wanted):
                part = self._opened(name)
                for path, data in self._images(part):
                    if path in wanted:
                        yield path, data

    def _opened(self, name: str) -> _Opened:
        part = self.params.parts[name]
        images = Path(part.images)
        header = image_header(images)
        if header.count > self.params.max_images:
            raise SourceError(
                f"{images} tells of {header.count:,} images, more than {self.params.max_images:,}",
                "raise `max_images`, if you trust it",
            )
        if header.bytes > self.params.max_total_bytes:
            raise SourceError(
                f"{images} tells of {header.bytes:,} bytes, more than {self.params.max_total_bytes:,}",
                "raise `max_total_bytes`, if you trust it",
            )
        if header.item_bytes > self.params.max_file_bytes:
            raise SourceError(
                f"each image of {images} has {header.item_bytes:,} bytes, more than {self.params.max_file_bytes:,}",
                "raise `max_file_bytes`, if you trust it",
            )
        classes = read_class_numbers(Path(part.labels), header.count) if part.labels else None
        names = self.params.class_names
        if classes and names and not 0 <= min(classes) <= max(classes) < len(names):
            wrong = next(number for number in classes if not 0 <= number < len(names))
            raise SourceError(
                f"{part.labels} holds the class {wrong}, and `class_names` has names for 0 to {len(names) - 1}",
                "correct `class_names` in params.yaml (null takes the numbers)",
            )
        return _Opened(name, part, header, classes)

    def _rows(self, part: _Opened, earlier: Mapping[str, SourceFile]) -> list[SourceFile]:
        status = os.stat(part.part.images)
        seen = {"size": status.st_size, "mtime_ns": status.st_mtime_ns}
        # Of one file, so all of them are trusted or none.
        known = [earlier.get(part.path(number)) for number in range(part.header.count)]
        if all(file and (file.size, file.mtime_ns) == (status.st_size, status.st_mtime_ns) for file in known):
            return known
        rows = []
        with progress(f"scanning {part.part.images}", part.header.count) as advance:
            for number, (path, data) in enumerate(self._images(part)):
                sha256 = hashlib.sha256(data).hexdigest()
                rows.append(SourceFile(path, len(data), sha256, self._label(part, number), part.split, **seen))
                advance(1)
        return rows

    def _images(self, part: _Opened) -> Iterator[tuple[str, bytes]]:
        height, width, *channels = part.header.shape[1:]
        depth = channels[0] if channels else 1
        for number, pixels in enumerate(read_images(Path(part.part.images), part.header)):
            if self.params.transposed:
                png = plain_png(_transposed(pixels, width, depth), height, width, depth)
            else:
                png = plain_png(pixels, width, height, depth)
            yield part.path(number), png

    def _label(self, part: _Opened, number: int) -> str | None:
        if part.classes is None:
            return None
        names = self.params.class_names
        return names[part.classes[number]] if names else str(part.classes[number])


def _transposed(pixels: bytes, width: int, channels: int) -> bytes:
    """(height, width, channels) => (width, height, channels)."""
    if channels == 1:
        return b"".join(pixels[column::width] for column in range(width))
    import numpy as np

    image = np.frombuffer(pixels, np.uint8).reshape(-1, width, channels)
    return image.transpose(1, 0, 2).tobytes()
