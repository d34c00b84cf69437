"""What a source of images is: a Protocol, the row that a file becomes, and the digest over all rows."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Protocol, runtime_checkable

from pydantic import Field

CHUNK_BYTES = 2**20

MaxFileBytes = Annotated[int, Field(ge=1)]
"""A larger file is listed (`too_many_bytes`) and never read."""

DEFAULT_MAX_FILE_BYTES = 256 * 2**20

IGNORED_NAMES = frozenset({".DS_Store", "Thumbs.db"})
"""Left by file managers in every folder. Every other regular file is listed, hidden ones too: a loss must show."""

MISSING_FILE = "missing_file"
"""The labels name it, and it is not there."""
UNREADABLE_FILE = "unreadable_file"
"""The operating system or the archive does not hand it out."""
TOO_MANY_BYTES = "too_many_bytes"
"""Larger than `max_file_bytes`."""
UNSAFE_MEMBER = "unsafe_member"
"""A link that leads out of the source; a socket, pipe or device."""


@dataclass(frozen=True)
class SourceFile:
    """One file of a source, as the scan saw it."""

    path: str
    """Posix, relative to the source; a name that is not UTF-8 is written with `\\xNN` (see `text_of`)."""
    bytes: int
    """0 where there is nothing to read."""
    sha256: str | None
    """Hex; None where the bytes were not read, and then `reason` says why."""
    label: str | None = None
    split: str | None = None
    reason: str | None = None
    detail: str | None = None
    size: int = -1
    """With `mtime_ns`: what the file system said; only ever used to save re-reading."""
    mtime_ns: int = -1
    extra: str | None = None
    """JSON: what else its source says of it (licence, attribution, URL); None in sources that say nothing else."""
    etag: str | None = None
    """What a store names this version of its object by, where it does; used as `size` and `mtime_ns` are."""


class Source(Protocol):
    """A place that images come from."""

    @property
    def origin(self) -> str:
        """What the sizes and times of a listing are sizes and times of: another origin's listing saves no reading."""
        ...

    def scan(self, earlier: Mapping[str, SourceFile]) -> list[SourceFile]:
        """Every file of the data set, in any order, with the sha256 of its bytes.

        Args:
            earlier: the last scan's rows by path; a file whose size and time have not changed is not read again.

        Raises:
            SourceError: the source is missing, empty, unsafe, or does not fit its labels.
        """
        ...

    def contents(self, paths: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """(path, bytes) of each of `paths` that can still be read, in any order.

        Raises:
            SourceError: the source is missing or unsafe.
        """
        ...


@runtime_checkable
class Retrying(Protocol):
    """A source that remembers what failed for good, and does not try it again by itself."""

    def retry_failures(self) -> None:
        """Try it again at the next scan."""
        ...


def digest(files: Iterable[SourceFile]) -> str:
    """`sha256:…` over the sorted (path, sha256, label, split, reason, extra) of all files: the version of the source.

    (An `extra` that is not there is left out.)
    """
    lines = sorted(
        json.dumps([f.path, f.sha256, f.label, f.split, f.reason, *([f.extra] if f.extra else [])], ensure_ascii=True)
        for f in files
    )
    return "sha256:" + hashlib.sha256("\n".join(lines).encode()).hexdigest()


def sha256_of(chunks: Iterable[bytes], advance: Callable[[int], None] = lambda _: None) -> tuple[str, int]:
    """(hex digest, number of bytes)."""
    running, size = hashlib.sha256(), 0
    for chunk in chunks:
        running.update(chunk)
        size += len(chunk)
        advance(len(chunk))
    return running.hexdigest(), size


def text_of(name: str) -> str:
    """A file name that Parquet and JSON can hold.

    Linux names are bytes; those that are not UTF-8 reach Python as lone surrogates, which no UTF-8 file can hold.
    """
    return name.encode("utf8", "surrogateescape").decode("utf8", "backslashreplace")


def name_of(text: str) -> str:
    """The file name that `text_of` wrote with `\\xNN` (a name that has these characters itself must be tried first)."""
    raw = re.sub(rb"\\x([89a-f][0-9a-f])", lambda match: bytes([int(match[1], 16)]), text.encode("utf8"))
    return raw.decode("utf8", "surrogateescape")
