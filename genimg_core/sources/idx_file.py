"""One IDX file (the form of MNIST), plain or gzip: its header is held against its size before anything is read.

Two zero bytes, the kind of number, the number of dimensions; each dimension as a big-endian uint32; the numbers, row by
row (LeCun et al., http://yann.lecun.com/exdb/mnist/).
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from genimg_core.errors import SourceError

MAX_SIDE = 2**15
"""Pixels."""

_NUMBERS = {0x08: "B", 0x09: "b", 0x0B: "h", 0x0C: "i", 0x0D: "f", 0x0E: "d"}
_WHOLE = "Bbhi"
_GZIP = b"\x1f\x8b"
_UNREADABLE = (OSError, EOFError, zlib.error)
_BLOCK = 2**20


@dataclass(frozen=True)
class IdxHeader:
    """What the first bytes say."""

    number: str
    """As the struct module writes it."""
    shape: tuple[int, ...]

    @property
    def count(self) -> int:
        """Of items: the first dimension."""
        return self.shape[0]

    @property
    def item_bytes(self) -> int:
        """Of one item."""
        return math.prod(self.shape[1:]) * struct.calcsize(self.number)

    @property
    def bytes(self) -> int:
        """Of the whole file, unpacked."""
        return 4 + 4 * len(self.shape) + self.count * self.item_bytes


def looks_like_idx(path: Path) -> bool:
    """Whether the file begins as an IDX file of images does. False for what cannot be read."""
    try:
        with _opened(path) as (stream, _):
            header = _header(stream)
    except (SourceError, *_UNREADABLE):
        return False
    return header is not None and header.number == "B" and len(header.shape) in (3, 4)


def image_header(path: Path) -> IdxHeader:
    """Of a file of images: uint8 (N, height, width), or with 1 or 3 channels behind.

    Raises:
        SourceError: not there, not IDX, not such images, or another size than its header says.
    """
    with _told(path), _opened(path) as (stream, packed):
        header = _checked(path, stream, packed)
    sides = header.shape[1:3]
    good = len(header.shape) == 3 or (len(header.shape) == 4 and header.shape[3] in (1, 3))
    if header.number != "B" or not good or not all(1 <= side <= MAX_SIDE for side in sides):
        raise SourceError(
            f"{path} holds {_described(header)}, no images",
            "name a file of uint8 (images, height, width), or with 1 or 3 channels behind",
        )
    return header


def read_images(path: Path, header: IdxHeader) -> Iterator[bytes]:
    """The pixels of each image, in order; one is in memory at a time.

    Args:
        path: the file.
        header: what `image_header` said.

    Raises:
        SourceError: it has changed, is damaged, or is longer or shorter than its header says.
    """
    with _told(path), _opened(path) as (stream, _):
        if _header(stream) != header:
            raise SourceError(f"{path} has changed while it was read", "run the command again")
        for number in range(header.count):
            pixels = _exactly(stream, header.item_bytes)
            if pixels is None:
                raise _damaged(path, f"it ends at image {number:,} of {header.count:,}")
            yield pixels
        if stream.read(1):
            raise _damaged(path, f"more follows the {header.count:,} images that its header tells of")


def read_class_numbers(path: Path, count: int) -> tuple[int, ...]:
    """The number of the class of each image.

    Args:
        path: a file of whole numbers (N,).
        count: how many there must be.

    Raises:
        SourceError: not there, not IDX, no whole numbers, or not `count` of them.
    """
    with _told(path), _opened(path) as (stream, packed):
        header = _checked(path, stream, packed)
        if header.number not in _WHOLE or len(header.shape) != 1:
            raise SourceError(
                f"{path} holds {_described(header)}, no labels", "name a file of whole numbers, one for each image"
            )
        if header.count != count:
            raise SourceError(
                f"{path} holds {header.count:,} labels for {count:,} images", "name the labels of these images"
            )
        data = _exactly(stream, count * header.item_bytes)
        if data is None or stream.read(1):
            raise _damaged(path, f"it does not hold the {count:,} labels that its header tells of")
    return struct.unpack(f">{count}{header.number}", data)


def _checked(path: Path, stream: IO[bytes], packed: bool) -> IdxHeader:
    """The header, held against the size of the file; of a packed one only an unpacking can tell."""
    header = _header(stream)
    if header is None:
        raise SourceError(f"{path} is no IDX file", "name a file as of MNIST, plain or gzip")
    size = os.fstat(stream.fileno()).st_size
    if not packed and size != header.bytes:
        raise _damaged(path, f"{size:,} bytes, and its header tells of {header.bytes:,} ({_described(header)})")
    return header


def _header(stream: IO[bytes]) -> IdxHeader | None:
    start = _exactly(stream, 4)
    if start is None or start[:2] != b"\0\0" or start[2] not in _NUMBERS or not 1 <= start[3] <= 4:
        return None
    sides = _exactly(stream, 4 * start[3])
    return sides and IdxHeader(_NUMBERS[start[2]], struct.unpack(f">{start[3]}I", sides))


def _exactly(stream: IO[bytes], size: int) -> bytes | None:
    """None where the stream ends before. What a header asks for is taken only as far as it comes."""
    parts, left = [], size
    while left and (part := stream.read(min(left, _BLOCK))):
        parts.append(part)
        left -= len(part)
    return None if left else b"".join(parts)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[IO[bytes], bool]]:
    """(the unpacked stream, whether it was packed)."""
    with path.open("rb") as raw:
        packed = raw.read(2) == _GZIP
        raw.seek(0)
        if not packed:
            yield raw, False
            return
        with gzip.GzipFile(fileobj=raw) as stream:
            yield stream, True


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Errors of reading as ours."""
    # Not Path.is_file, which raises where a folder above may not be entered.
    if not os.path.isfile(path):
        raise SourceError(
            f"there is no file {path}", "correct it in params.yaml (paths are relative to the working directory)"
        )
    try:
        yield
    except _UNREADABLE as error:
        raise _damaged(path, " ".join(str(error).split()) or type(error).__name__) from None


def _damaged(path: Path, told: str) -> SourceError:
    return SourceError(f"the IDX file {path} cannot be read ({told})", "fetch it again")


def _described(header: IdxHeader) -> str:
    kinds = {"B": "uint8", "b": "int8", "h": "int16", "i": "int32", "f": "float32", "d": "float64"}
    return f"{kinds[header.number]} of shape {' x '.join(map(str, header.shape))}"
