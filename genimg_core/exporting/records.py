"""What is exported of a data set: each image with what is known of it, in an order that no path or class decides."""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from genimg_core.errors import CorruptFileError, EmptyDatasetError
from genimg_core.reports.pictures import as_image, save_png
from genimg_core.store.arrays import SPLITS, NormalizedDataset
from genimg_core.store.manifest import MANIFEST_COLUMNS, ROWS_COLUMNS, read_table

TOLD = ("image_id", "path", "label", "label_source", "label_confidence")
"""Columns of rows.parquet that go out as they are."""


@dataclass(frozen=True)
class Record:
    """One image."""

    image_id: str
    """sha256 of the original bytes, hex: the name of its files."""
    split: str
    index: int
    """In the split's arrays."""
    class_index: int
    """In the data set's classes."""
    known: dict[str, str | float | int | None]
    """TOLD, split and class_index; and what else the source told of it (a licence, say), by its column's name."""


class Export:
    """A data set, opened to be written elsewhere.

    Args:
        folder: of the data set: `normalized/`, and `raw/`, which need not be there.
        splits: which of them.

    Raises:
        CorruptFileError: the data set cannot be read, or its table does not fit its arrays.
        EmptyDatasetError: none of these splits has an image.
    """

    def __init__(self, folder: Path, splits: tuple[str, ...] = SPLITS) -> None:
        self.data = NormalizedDataset(folder / "normalized")
        self.settings = self.data.settings
        self._records = _records(folder, self.data, splits)
        if not any(self._records.values()):
            raise EmptyDatasetError(f"{self.settings.dataset} has no image in {', '.join(splits)}",
                                    "name another --split")

    @property
    def splits(self) -> tuple[str, ...]:
        """Those that have an image."""
        return tuple(split for split, records in self._records.items() if records)

    @property
    def count(self) -> int:
        """Images of all splits."""
        return sum(map(len, self._records.values()))

    @property
    def extra(self) -> tuple[str, ...]:
        """Names of what the source told beside the usual columns."""
        first = next(records[0] for records in self._records.values() if records)
        return tuple(name for name in first.known if name not in (*TOLD, "split", "class_index"))

    def records(self, split: str) -> tuple[Record, ...]:
        """In the order of their image_ids: as good as shuffled, and the same each time."""
        return self._records.get(split, ())

    def png(self, record: Record) -> bytes:
        """The image, without any text, time or EXIF in it."""
        stream = io.BytesIO()
        save_png(as_image(np.asarray(self.data.images(record.split)[record.index])), stream)
        return stream.getvalue()

    def description(self) -> dict[str, Any]:
        """dataset.json: what a consumer must know of the images."""
        return {"dataset": self.settings.dataset, "sha256": self.settings.sha256, "size": self.settings.size,
                "channels": self.settings.channels, "classes": list(self.settings.classes),
                "background": self.settings.background, "mean": list(self.settings.mean),
                "std": list(self.settings.std), "images": {split: len(part) for split, part in self._records.items()},
                "class_counts": {split: asdict(self.settings)["class_counts"][split] for split in self._records}}


def _records(folder: Path, data: NormalizedDataset, splits: tuple[str, ...]) -> dict[str, tuple[Record, ...]]:
    table = read_table(folder / "normalized/rows.parquet", ROWS_COLUMNS)
    extra = _told_by_source(folder / "raw/manifest.parquet")
    kept = table[(table["status"] == "kept") & table["split"].isin(splits)]
    numbers = {name: number for number, name in enumerate(data.settings.classes)}
    found: dict[str, list[Record]] = {split: [] for split in splits}
    for row in kept.sort_values("image_id", kind="stable").itertuples():
        known = {name: _plain(getattr(row, name)) for name in TOLD}
        number = numbers.get(row.label, -1)
        known |= {"split": row.split, "class_index": number, **extra.get(row.path, extra.get(None, {}))}
        found[row.split].append(Record(row.image_id, row.split, int(row.index), number, known))
    for split, records in found.items():
        indices = sorted(record.index for record in records)
        labels = data.labels(split)
        fits = indices == list(range(len(labels))) and all(labels[r.index] == r.class_index for r in records)
        if not fits or len({record.image_id for record in records}) != len(records):
            raise CorruptFileError(f"rows.parquet of {data.settings.dataset} does not fit the arrays of split {split}",
                                   f"run `genimg run normalize@{data.settings.dataset}`")
    return {split: tuple(records) for split, records in found.items()}


def _told_by_source(manifest: Path) -> dict[str | None, dict[str, Any]]:
    """Path => what the manifest holds beside its usual columns; under None, the same names without values."""
    if not manifest.is_file():
        return {}
    table = read_table(manifest)
    names = [name for name in table.columns if name not in MANIFEST_COLUMNS]
    told: dict[str | None, dict[str, Any]] = {
        path: {name: _plain(value) for name, value in zip(names, values, strict=True)}
        for path, *values in table[["path", *names]].itertuples(index=False, name=None)} if names else {}
    return {**told, None: dict.fromkeys(names)}


def _plain(value: Any) -> str | float | int | None:
    """What JSON holds; None for a gap."""
    if value is None or value != value:  # NaN is not itself
        return None
    return value.item() if isinstance(value, np.generic) else value if isinstance(value, int | float) else str(value)
