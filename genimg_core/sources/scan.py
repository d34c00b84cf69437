"""Look at a source: hash what is new or changed, and say in source.lock what it holds.

data/datasets/D/source.lock            {"schema", "kind", "files", "bytes", "digest"}; rewritten only when it changes
.genimg/scan/D/listing.parquet         every file; never an output, may be deleted
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from genimg_core.errors import CorruptFileError
from genimg_core.sources.registry import open_source
from genimg_core.sources.source import Retrying, Source, SourceFile, digest
from genimg_core.stages.contract import write_json
from genimg_core.store.manifest import read_arrow, write_arrow
from genimg_core.store.replacing import replacing

LISTINGS = Path(".genimg/scan")
LOCKS = Path("data/datasets")

_SCHEMA = 1
_TRUSTED_AGE_NS = 2 * 10**9
"""A file written less than this before a scan began may change once more within one tick of the file system's clock."""

_ARROW_TYPES = {
    "path": "string",
    "bytes": "int64",
    "sha256": "string",
    "label": "string",
    "split": "string",
    "reason": "string",
    "detail": "string",
    "size": "int64",
    "mtime_ns": "int64",
    "extra": "string",
    "etag": "string",
}
"""The fields of SourceFile, in order. (The listing holds one column more, the source's `origin`.)"""


@dataclass(frozen=True)
class SourceLock:
    """What a source held when it was scanned. No path, no time: equal contents give equal locks."""

    kind: str
    files: int
    """Rows: also what is missing or unreadable."""
    bytes: int
    """Of the files that could be read."""
    digest: str
    schema: int = _SCHEMA


@dataclass(frozen=True)
class ScanResult:
    """What a scan found."""

    name: str
    lock: SourceLock
    changed: bool
    """Whether source.lock was written."""
    listing: list[SourceFile]


def scan(
    name: str, params: Any, *, locks: Path = LOCKS, listings: Path = LISTINGS, retry: bool = False
) -> ScanResult:
    """Scan one data set's source; write its listing and, when it changed, its source.lock.

    Args:
        name: the data set's.
        params: SourceParams.
        locks: the folder of the data sets.
        listings: where listings are kept.
        retry: try again also what failed for good, where the source remembers that.

    Raises:
        SourceError: the source is missing, empty, unsafe, or does not fit its labels.
    """
    files = list_source(name, params, listings, retry=retry)
    lock = lock_of(params.kind, files)
    path = locks / name / "source.lock"
    changed = not path.is_file() or _read_or_none(path) != lock
    if changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as draft:
            write_json(draft, asdict(lock))
    return ScanResult(name, lock, changed, files)


def list_source(name: str, params: Any, listings: Path = LISTINGS, *, retry: bool = False) -> list[SourceFile]:
    """Every file of the source, sorted by path; the listing of the last scan saves re-reading, and is renewed.

    Raises:
        SourceError: as `scan` says.
    """
    began = time.time_ns()
    source = open_source(params)
    if retry and isinstance(source, Retrying):
        source.retry_failures()
    path = listings / name / "listing.parquet"
    earlier = _trusted(path, source)
    files = sorted(source.scan(earlier), key=lambda file: file.path)
    if not earlier or files != list(earlier.values()):
        _write_listing(path, files, source.origin)
    # The listing's own time says when its reading began: what was written later than that is not believed unread.
    os.utime(path, ns=(began, began))
    return files


def listing_for(name: str, lock: SourceLock, listings: Path = LISTINGS) -> list[SourceFile] | None:
    """The last scan's listing, if it is what `lock` says; None if there is none or it is another."""
    read = _read_listing(listings / name / "listing.parquet")
    return read[1] if read and lock_of(lock.kind, read[1]) == lock else None


def lock_of(kind: str, files: Iterable[SourceFile]) -> SourceLock:
    """The lock that a listing gives."""
    files = list(files)
    return SourceLock(kind, len(files), sum(file.bytes for file in files if file.sha256), digest(files))


def read_lock(path: Path) -> SourceLock:
    """A source.lock.

    Raises:
        CorruptFileError: it cannot be read.
    """
    lock = _read_or_none(path)
    if lock is None:
        raise CorruptFileError(f"{path} is no source.lock that this version reads", "delete it and run `genimg scan`")
    return lock


def _read_or_none(path: Path) -> SourceLock | None:
    try:
        tree = json.loads(path.read_text(encoding="utf8"))
        lock = SourceLock(**tree)
    except (OSError, ValueError, TypeError):
        return None
    return lock if lock.schema == _SCHEMA else None


def _trusted(path: Path, source: Source) -> dict[str, SourceFile]:
    """The rows of the last listing whose size and time still speak for their contents."""
    read = _read_listing(path)
    if read is None or read[0] != source.origin:
        return {}
    limit = path.stat().st_mtime_ns - _TRUSTED_AGE_NS
    return {file.path: file for file in read[1] if file.mtime_ns < limit}


def _read_listing(path: Path) -> tuple[str, list[SourceFile]] | None:
    """(origin, files), or None where there is no listing that can be read."""
    if not path.is_file():
        return None
    try:
        table = read_arrow(path, [*_ARROW_TYPES, "origin"])
    except CorruptFileError:
        return None
    *columns, origin = table.columns
    files = [SourceFile(*row) for row in zip(*(column.to_pylist() for column in columns), strict=True)]
    return (origin[0].as_py(), files) if files else None


def _write_listing(path: Path, files: list[SourceFile], origin: str) -> None:
    """Whole or not at all: a scan may be running beside this one."""
    import pyarrow as pa

    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {
        name: pa.array([getattr(file, name) for file in files], type=pa.type_for_alias(kind))
        for name, kind in _ARROW_TYPES.items()
    }
    with replacing(path) as draft:
        write_arrow(pa.table({**columns, "origin": pa.array([origin] * len(files))}), draft)
