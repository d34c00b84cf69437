"""Which versions of data sets and models had used an image: as far as the folders here, git and DVC's cache tell."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path

from genimg_core.tracing.versions import KeptFolder, as_json, every_folder, own_hash


@dataclass(frozen=True)
class DatasetUse:
    """A version of a data set's arrays that holds the image."""

    dataset: str
    sha256: str
    splits: tuple[str, ...]
    """train, validation, test."""
    found: str


@dataclass(frozen=True)
class ModelUse:
    """A version of a model that rests on such a data set."""

    model: str
    sha256: str
    learned: bool
    """Whether it, or a model that it began from, was trained on the image; else the image was held out beside it."""
    through: str
    """The data set or the parent model, in words."""
    found: str


@dataclass
class Usage:
    """What is known of an image's use."""

    datasets: list[DatasetUse] = field(default_factory=list)
    models: list[ModelUse] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    """Versions that git names and that are not in DVC's cache here."""


def usage_of(root: Path, image_id: str) -> Usage:
    """Look through every version that this project has kept.

    Args:
        root: the project.
        image_id: sha256, hex.
    """
    usage = Usage()
    splits: dict[str, tuple[str, ...]] = {}
    models: dict[str, tuple[dict, str]] = {}
    looked: set[str] = set()
    for folder in every_folder(root):
        settings = as_json(folder.read("settings.json"))
        sha256 = settings.get("sha256")
        if not isinstance(sha256, str) or not sha256:
            usage.unreadable.append(f"{folder.path} ({folder.found})")
        elif folder.path.startswith("data/models/"):
            if own_hash(settings) == sha256:
                models.setdefault(sha256, (settings, folder.found))
        elif sha256 not in looked:
            found = _splits_of(folder, image_id)
            if found is None:
                usage.unreadable.append(f"{folder.path} ({folder.found})")
                continue
            looked.add(sha256)
            if found:
                splits[sha256] = found
                usage.datasets.append(DatasetUse(settings.get("dataset", "?"), sha256, found, folder.found))
    _add_models(usage, splits, models)
    return usage


def _add_models(usage: Usage, splits: dict[str, tuple[str, ...]], models: dict[str, tuple[dict, str]]) -> None:
    """Those trained on these data sets, and those that began from them."""
    uses: dict[str, ModelUse] = {}
    for sha256, (settings, found) in models.items():
        if held := splits.get(settings.get("dataset_sha256", "")):
            through = f"data set {settings['dataset']}, version {settings['dataset_sha256'][:12]}"
            uses[sha256] = ModelUse(settings["model"], sha256, "train" in held, through, found)
    grown = True
    while grown:
        grown = False
        for sha256, (settings, found) in models.items():
            parent = uses.get(settings.get("parent_sha256") or "")
            if parent is not None and parent.learned and not (sha256 in uses and uses[sha256].learned):
                through = f"its parent {parent.model}, version {parent.sha256[:12]}"
                uses[sha256] = ModelUse(settings["model"], sha256, True, through, found)
                grown = True
    usage.models = [uses[sha256] for sha256 in models if sha256 in uses]


def _splits_of(folder: KeptFolder, image_id: str) -> tuple[str, ...] | None:
    """The splits in which the image is kept; None where the table cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    data = folder.read("rows.parquet")
    if data is None:
        return None
    try:
        with pq.ParquetFile(io.BytesIO(data), pre_buffer=False) as file:
            table = file.read(columns=["image_id", "status", "split"], use_threads=False)
        rows = zip(*(table.column(name).to_pylist() for name in ("image_id", "status", "split")), strict=True)
    except (OSError, KeyError, pa.ArrowException):
        return None
    return tuple(sorted({split for found, status, split in rows if found == image_id and status == "kept" and split}))
