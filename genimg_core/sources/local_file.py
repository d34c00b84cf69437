"""One file of this machine as a row: for every source whose files lie in a folder."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from genimg_core.sources.labels import Described
from genimg_core.sources.source import (
    CHUNK_BYTES,
    TOO_MANY_BYTES,
    UNREADABLE_FILE,
    UNSAFE_MEMBER,
    SourceFile,
    name_of,
    sha256_of,
)


def existing(root: Path, path: str) -> Path:
    """The file that a row's path means (see `source.text_of`)."""
    literal = root / path
    return literal if os.path.lexists(literal) else root / name_of(path)


def lies_in(root: Path, place: str | Path) -> bool:
    """Whether `place`, links followed, lies in `root`."""
    return f"{os.path.realpath(place)}/".startswith(f"{os.path.realpath(root).rstrip('/')}/")


def file_row(
    path: str, place: str | Path, known: Described, earlier: SourceFile | None, max_file_bytes: int
) -> SourceFile:
    """Hash a file, unless size and time say that it is the one of an earlier scan.

    Args:
        path: of the row.
        place: where the file lies.
        known: its label and split.
        earlier: its row in the last listing.
        max_file_bytes: a larger one is not read.
    """

    def rejected(reason: str, detail: str, size: int = 0) -> SourceFile:
        return SourceFile(path, size, None, known.label, known.split, reason, detail)

    try:
        status = os.stat(place)
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
            return rejected(UNSAFE_MEMBER, "no regular file")
        if status.st_size > max_file_bytes and stat.S_ISREG(status.st_mode):
            told = f"{status.st_size:,} bytes, more than {max_file_bytes:,}"
            return rejected(TOO_MANY_BYTES, told, status.st_size)
        seen = (status.st_size, status.st_mtime_ns)
        if earlier and earlier.sha256 and (earlier.size, earlier.mtime_ns) == seen:
            sha256, size = earlier.sha256, earlier.bytes
        else:
            with open(place, "rb") as stream:
                sha256, size = sha256_of(iter(lambda: stream.read(CHUNK_BYTES), b""))
    except OSError as error:
        return rejected(UNREADABLE_FILE, error.strerror or "cannot be read")
    return SourceFile(path, size, sha256, known.label, known.split, size=seen[0], mtime_ns=seen[1])
