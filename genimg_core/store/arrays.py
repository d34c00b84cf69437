"""A normalized data set on disk: memory-mapped uint8 arrays per split, labels, and what describes them.

normalized/
  images_train.npy  images_validation.npy  images_test.npy    uint8 (N, H, W, C)
  labels_train.npy  …                                         int64 (N,), an index into `classes`
  rows.parquet                                                every collected row: status, reason, split, index
  settings.json                                               DatasetSettings
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from genimg_core.errors import CorruptFileError
from genimg_core.imaging import value_range
from genimg_core.stages.contract import write_json

BATCH = 1024
"""Images in memory at a time."""
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""Channels -> Pillow's mode of them."""
SPLITS = ("train", "validation", "test")
"""`train` teaches; `validation` picks; `test` is never seen before the scores."""


@dataclass(frozen=True)
class DatasetSettings:
    """What a model and a scorer must know of a data set."""

    dataset: str
    size: int
    """Side in pixels."""
    channels: int
    classes: tuple[str, ...]
    """Sorted; a label is an index into it. A data set without labels has the one class `all`."""
    counts: dict[str, int]
    """Split -> images."""
    class_counts: dict[str, tuple[int, ...]]
    """Split -> images of each class."""
    mean: tuple[float, ...]
    """Of each channel over the train split, of pixel values in [0, 1]."""
    std: tuple[float, ...]
    """The same; at least 1/255, so that a flat channel divides by something."""
    background: str
    """`#rrggbb`"""
    sha256: str
    """Of all images and labels: the version of the data set."""


class NormalizedDataset:
    """Opens what `write_normalized` wrote; nothing is read before it is used.

    Raises:
        CorruptFileError: a file is missing, cut short, or does not fit settings.json.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        remedy = f"delete {folder} and run `dvc checkout`, or `genimg run` to make it again"
        try:
            tree = json.loads((folder / "settings.json").read_text(encoding="utf8"))
            tree["class_counts"] = {split: tuple(counts) for split, counts in tree["class_counts"].items()}
            self.settings = DatasetSettings(**{k: tuple(v) if isinstance(v, list) else v for k, v in tree.items()})
            self._images = {split: np.load(folder / f"images_{split}.npy", mmap_mode="r") for split in SPLITS}
            self._labels = {split: np.load(folder / f"labels_{split}.npy") for split in SPLITS}
        except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
            raise CorruptFileError(f"{folder} is not a readable normalized data set ({error})", remedy) from None
        for split in SPLITS:
            if (
                len(self._images[split]) != len(self._labels[split])
                or len(self._labels[split]) != self.settings.counts[split]
            ):
                raise CorruptFileError(f"{folder}: the arrays of split {split} do not fit settings.json", remedy)

    def images(self, split: str) -> np.ndarray:
        """uint8 (N, H, W, C), memory-mapped, read-only."""
        return self._images[split]

    def labels(self, split: str) -> np.ndarray:
        """int64 (N,)."""
        return self._labels[split]

    def as_float(self, split: str, scale: str = "zero_mean", rows: slice | np.ndarray = slice(None)) -> np.ndarray:
        """Images in a consumer's range of values: float32 (N, H, W, C), four times the bytes of `images`.

        The statistics are always those of the train split, whatever the split.

        Args:
            split: train, validation or test.
            scale: `zero_mean` (mean 0, variance 1 of each channel over the train split), `minus_one_one`, `zero_one`.
            rows: which of them; all by default.

        Raises:
            ParamsError: no such scale.
        """
        return value_range.as_float(self._images[split][rows], scale, self.settings.mean, self.settings.std)


@dataclass(frozen=True)
class Picked:
    """Rows of an array in an order of their own, copied a part at a time: the whole may be larger than memory."""

    source: np.ndarray
    """uint8 (K, H, W, C), memory-mapped."""
    rows: np.ndarray
    """int64 (N,), into `source`."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, H, W, C)"""
        return len(self.rows), *self.source.shape[1:]

    def __getitem__(self, part: slice) -> np.ndarray:
        """Images of a part."""
        return self.source[self.rows[part]]


def write_normalized(
    folder: Path,
    *,
    dataset: str,
    images: Mapping[str, np.ndarray | Picked],
    labels: dict[str, np.ndarray],
    classes: tuple[str, ...],
    background: str,
) -> DatasetSettings:
    """Write arrays and settings.json (rows.parquet is the normalize stage's).

    Args:
        folder: exists.
        dataset: the entry's name.
        images: split -> uint8 (N, H, W, C); every split of SPLITS. BATCH of them are in memory at a time.
        labels: split -> int64 (N,).
        classes: sorted class names.
        background: `#rrggbb`.
    """
    digest = hashlib.sha256("\0".join(classes).encode())
    for split in SPLITS:
        digest.update(f"{split}{images[split].shape}".encode())
        _write_images(folder / f"images_{split}.npy", images[split], digest)
        np.save(folder / f"labels_{split}.npy", labels[split].astype(np.int64), allow_pickle=False)
        digest.update(np.ascontiguousarray(labels[split].astype(np.int64)))
    mean, std = channel_statistics(np.load(folder / "images_train.npy", mmap_mode="r"))
    size, channels = images["train"].shape[2:]
    settings = DatasetSettings(
        dataset=dataset,
        size=size,
        channels=channels,
        classes=classes,
        background=background,
        counts={split: len(labels[split]) for split in SPLITS},
        class_counts={
            split: tuple(np.bincount(labels[split].astype(np.int64), minlength=len(classes)).tolist())
            for split in SPLITS
        },
        mean=mean,
        std=std,
        sha256=digest.hexdigest(),
    )
    write_json(folder / "settings.json", asdict(settings))
    return settings


def _write_images(path: Path, images: np.ndarray | Picked, digest: hashlib._Hash) -> None:
    """What np.save would write, a batch at a time; the same bytes go into `digest`."""
    header = {"descr": np.lib.format.dtype_to_descr(np.dtype(np.uint8)), "fortran_order": False, "shape": images.shape}
    with path.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        for start in range(0, images.shape[0], BATCH):
            part = np.ascontiguousarray(images[start : start + BATCH], np.uint8)
            digest.update(part)
            stream.write(part)


def level_counts(images: np.ndarray, batch: int = BATCH) -> np.ndarray:
    """How often each level stands in each channel: all that a mean or a variance needs, in exact numbers.

    Args:
        images: uint8 (N, H, W, C), of 1, 3 or 4 channels; may be memory-mapped.
        batch: images in memory at a time.

    Returns:
        int64 (C, 256).
    """
    counts = np.zeros((images.shape[3], 256), np.int64)
    for start in range(0, len(images), batch):
        part = np.ascontiguousarray(images[start : start + batch])
        # Pillow counts all channels in one walk over the pixels: 50 times as fast as sums of int64 squares.
        size = (part.shape[1] * part.shape[2], len(part))
        sheet = Image.frombuffer(_MODES[part.shape[3]], size, part, "raw", _MODES[part.shape[3]], 0, 1)
        counts += np.array(sheet.histogram(), np.int64).reshape(counts.shape)
    return counts


def channel_statistics(images: np.ndarray, batch: int = BATCH) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel, pixel values in [0, 1].

    Integer sums: exact, whatever the batch.

    Args:
        images: uint8 (N, H, W, C).
        batch: images in memory at a time.
    """
    counts, levels = level_counts(images, batch), np.arange(256)
    total, squares = counts @ levels, counts @ levels**2
    pixels = max(1, images.shape[0] * images.shape[1] * images.shape[2])
    mean = total / pixels
    variance = squares / pixels - mean**2
    std = np.maximum(np.sqrt(np.maximum(variance, 0)), 1)
    return tuple((mean / 255).tolist()), tuple((std / 255).tolist())


def scaled_statistics(data: NormalizedDataset, batch: int = BATCH) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and variance of each channel of the train split as `zero_mean` gives it: what should be 0 and 1.

    Counted in the file as it was written; every level goes through the same code as a consumer's images.

    Args:
        data: written and opened again.
        batch: images in memory at a time.

    Returns:
        Means and variances; NaN where there is no image.
    """
    channels = data.settings.channels
    counts = level_counts(data.images("train"), batch)
    levels = np.repeat(np.arange(256, dtype=np.uint8)[:, None], channels, axis=1)
    values = value_range.as_float(levels, "zero_mean", data.settings.mean, data.settings.std).T.astype(np.float64)
    total, squares, pixels = (counts * values).sum(axis=1), (counts * values**2).sum(axis=1), int(counts[0].sum())
    if not pixels:
        return (float("nan"),) * channels, (float("nan"),) * channels
    mean = total / pixels
    return tuple(mean.tolist()), tuple((squares / pixels - mean**2).tolist())
