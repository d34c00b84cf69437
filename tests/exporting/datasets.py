"""A normalized data set on disk with its table, as a project has it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

from genimg_core.store.arrays import NormalizedDataset, write_normalized
from genimg_core.store.manifest import MANIFEST_COLUMNS, ROWS_COLUMNS, write_table


def image_id(number: int) -> str:
    """What stands for the sha256 of file `number`."""
    return hashlib.sha256(str(number).encode()).hexdigest()


def write_dataset(root: Path, labels: list[str], channels: int = 1, name: str = "base", size: int = 8,
                  licence: str | None = None) -> NormalizedDataset:
    """`data/datasets/<name>` under `root`: an image for each label, of which two in ten are for the test split and one
    for validation; and one rejected row.

    Args:
        root: of the project.
        labels: of the images.
        channels: of the images.
        name: of the data set.
        size: of the images.
        licence: a column of the manifest, if given.
    """
    folder = root / "data/datasets" / name
    (folder / "normalized").mkdir(parents=True)
    (folder / "raw").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (len(labels), size, size, channels), np.uint8)
    splits = np.array([{8: "test", 9: "test", 7: "validation"}.get(i % 10, "train") for i in range(len(labels))])
    classes = tuple(sorted(set(labels)))
    places = {split: np.flatnonzero(splits == split) for split in ("train", "validation", "test")}
    write_normalized(
        folder / "normalized", dataset=name, classes=classes, background="#ffffff",
        images={split: pixels[rows] for split, rows in places.items()},
        labels={split: np.array([classes.index(labels[i]) for i in rows], np.int64) for split, rows in places.items()})
    count = len(labels)
    index = np.empty(count, np.int32)
    for rows in places.values():
        index[rows] = np.arange(len(rows))
    table = pd.DataFrame({
        "image_id": [*map(image_id, range(count + 1))],
        "path": [f"=1+1/{i}.jpg" if i == 0 else f"in/{i}.jpg" for i in range(count + 1)],
        "label": [*labels, None], "split": [*splits, None], "row": np.arange(count + 1, dtype=np.int32),
        "status": ["kept"] * count + ["rejected"], "reason": [None] * count + ["flat"], "detail": None,
        "duplicate_of": None, "cluster": [*map(image_id, range(count + 1))],
        "label_source": ["given"] * count + [None], "label_confidence": [1.0] * count + [np.nan],
        "index": np.append(index, np.int32(-1))})
    write_table(table[list(ROWS_COLUMNS)], folder / "normalized/rows.parquet")
    manifest = table[["image_id", "path", "label", "split", "reason", "detail"]].assign(bytes=9, shard=None, offset=-1)
    manifest = manifest[list(MANIFEST_COLUMNS)]
    write_table(manifest if licence is None else manifest.assign(licence=licence), folder / "raw/manifest.parquet")
    return NormalizedDataset(folder / "normalized")
