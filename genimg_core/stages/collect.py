"""Collect: the source's original bytes into tar shards, with a manifest in which every listed file has a row.

dvc.yaml does not list the source's params as a dependency: source.lock stands for the source. A param that changes what
is collected changes the lock at the next scan; one that does not (another path to the same files) stales nothing.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from genimg_core.decisions.files import FORGOTTEN, read_forgotten
from genimg_core.errors import SourceChangedError
from genimg_core.sources.registry import SourceParams
from genimg_core.stages.contract import Check, Stage, StageReport

if TYPE_CHECKING:
    from collections.abc import Mapping

    from genimg_core.sources.scan import SourceLock
    from genimg_core.sources.source import SourceFile
    from genimg_core.store.shards import Placement


def collect(*, source_lock: Path, raw: Path, source: SourceParams, name: str, report: Path,
            forgotten: Path | None = None) -> StageReport:
    """Copy each distinct image once, checking that it is what the scan saw.

    A forgotten image keeps its row, with that reason; its bytes are not copied, and its label and split are dropped.

    Args:
        source_lock: what the scan found.
        raw: gets `manifest.parquet` and `shards/`.
        source: where the images are.
        name: the data set's.
        report: gets no pictures (the profile stage shows the images).
        forgotten: the images that people want forgotten, if the file is there.

    Raises:
        SourceChangedError: the source no longer is what source.lock says.
        DecisionsError: the file of what is forgotten cannot be read.
    """
    from genimg_core.sources.scan import read_lock

    lock = read_lock(source_lock)
    files = _without_forgotten(_listing(name, source, lock), read_forgotten(forgotten))
    placements = _copy(name, source, files, raw / "shards")
    rows = _write_manifest(files, placements, raw / "manifest.parquet")
    reasons = Counter(file.reason for file in files if file.reason)
    labels = Counter(file.label for file in files if file.label is not None)
    splits = Counter(file.split for file in files if file.split is not None)
    metrics = {
        "collected": rows,
        "distinct_images": len(placements),
        "bytes": sum(file.bytes for file in files if file.sha256 and file.reason != FORGOTTEN),
        "without_bytes": sum(reasons.values()),
        "labelled": sum(labels.values()),
        "classes": len(labels),
        "shards": len({placement.shard for placement in placements.values()}),
    }
    facts = {
        **metrics,
        "kind": lock.kind,
        "digest": lock.digest,
        "labels": dict(sorted(labels.items())),
        "splits": dict(sorted(splits.items())),
        "reasons": dict(sorted(reasons.items())),
    }
    check = Check(
        "nothing_lost", rows == lock.files, rows, lock.files, "the manifest has a row for every file of the source"
    )
    return StageReport(facts=facts, metrics=metrics, checks=(check,))


def _listing(name: str, source: SourceParams, lock: SourceLock) -> list[SourceFile]:
    """The files that the lock speaks of: from the last scan's listing, or by scanning again."""
    from genimg_core.sources.scan import list_source, listing_for, lock_of

    files = listing_for(name, lock)
    if files is None:
        files = list_source(name, source)
        found = lock_of(source.kind, files)
        if found != lock:
            raise _changed(
                name,
                f"source.lock says {lock.files:,} files and {lock.bytes:,} bytes ({lock.digest[:15]}…), "
                f"it holds {found.files:,} and {found.bytes:,} ({found.digest[:15]}…)",
            )
    return files


def _without_forgotten(files: list[SourceFile], forgotten: Mapping[str, str]) -> list[SourceFile]:
    return [replace(file, label=None, split=None, reason=FORGOTTEN, detail=forgotten[file.sha256] or None)
            if file.sha256 in forgotten else file for file in files]


def _copy(name: str, source: SourceParams, files: list[SourceFile], folder: Path) -> Mapping[str, Placement]:
    """Write the shards; image_id -> where its bytes lie."""
    from genimg_core.progress import progress
    from genimg_core.sources.registry import open_source
    from genimg_core.store.shards import ShardEntry, ShardWriter

    wanted: dict[str, ShardEntry] = {}
    for file in files:
        if file.sha256 is not None and file.reason != FORGOTTEN:
            wanted.setdefault(file.sha256, ShardEntry(file.sha256, file.path, file.bytes))
    folder.mkdir()
    image_ids = {entry.path: entry.image_id for entry in wanted.values()}
    left = set(image_ids)
    with (ShardWriter(folder, wanted.values()) as writer,
          progress(f"collecting {name}", len(image_ids)) as advance):
        for path, data in open_source(source).contents(image_ids.keys()):
            if hashlib.sha256(data).hexdigest() != image_ids[path]:
                raise _changed(name, f"{path!r} holds other bytes")
            writer.write(image_ids[path], data)
            left.discard(path)
            advance(1)
        if left:
            raise _changed(name, f"{min(left)!r} is gone or can no longer be read")
        writer.finish()
    return writer.placements


def _write_manifest(files: list[SourceFile], placements: Mapping[str, Placement], path: Path) -> int:
    """One row per file, sorted by path; the number of rows, read back.

    The column `extra` is there only where a source has it: the other sources' manifests keep their bytes.
    """
    import pyarrow as pa

    from genimg_core.store.manifest import COLUMN_TYPES, MANIFEST_COLUMNS, read_arrow, write_arrow
    from genimg_core.store.shards import Placement

    nowhere = Placement(None, -1)
    rows = []
    files = sorted(files, key=lambda file: file.path)
    for file in files:
        shard, offset = placements.get(file.sha256, nowhere)
        rows.append(
            (file.sha256, file.path, file.bytes, file.label, file.split, file.reason, file.detail, shard, offset)
        )
    types = [pa.type_for_alias(COLUMN_TYPES[name]) for name in MANIFEST_COLUMNS]
    columns = [pa.array(values, kind) for values, kind in zip(zip(*rows, strict=True), types, strict=True)]
    table = pa.table(columns, names=list(MANIFEST_COLUMNS))
    if any(file.extra is not None for file in files):
        table = table.append_column("extra", pa.array([file.extra for file in files], pa.string()))
    write_arrow(table, path)
    return read_arrow(path, ["path"]).num_rows


def _changed(name: str, what: str) -> SourceChangedError:
    return SourceChangedError(
        f"the source of {name} has changed since it was scanned: {what}", "run `genimg scan`, then `genimg run`"
    )


STAGE = Stage(
    name="collect",
    summary="copy the source's original bytes into tar shards, with a manifest",
    inputs=("source_lock", "forgotten"),
    optional=("forgotten",),
    outputs=("raw",),
    # Not in dvc.yaml's `params` of this stage: source.lock stands for it (see above).
    params={"source": ("datasets.{name}.source", SourceParams)},
    run=collect,
)
