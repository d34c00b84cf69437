"""The images that decisions can be about: those of the last scan, of the raw data, and what became of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from genimg_core import params as params_file
from genimg_core.decisions.files import decisions_file, read_forgotten, read_labels
from genimg_core.errors import DecisionsError

if TYPE_CHECKING:
    import pyarrow as pa

LEAST_PREFIX = 4
UNCERTAIN = "label_uncertain"
"""The label stage's only reason to reject (stages/label.py; imported here, it would bring the whole stage)."""
_HEX = re.compile(r"[0-9a-f]{1,64}")


@dataclass
class KnownImages:
    """One data set's."""

    dataset: str
    paths: dict[str, list[str]] = field(default_factory=dict)
    """image_id -> where it lies in the source; several for copies."""
    labels: set[str] = field(default_factory=set)
    """Every label that an image of the data set bears, was given or got by hand."""
    status: dict[str, tuple[str, str]] = field(default_factory=dict)
    """image_id -> kept or rejected, and the reason, after the last run."""
    pixels: set[str] = field(default_factory=set)
    """Those that could be decoded. Empty before the first run."""
    copies: dict[str, set[str]] = field(default_factory=dict)
    """image_id -> the other images of its cluster of duplicates."""

    def find(self, text: str) -> str | None:
        """The image that a beginning of its image_id names, or its path; None if none does.

        Raises:
            DecisionsError: several do, or the beginning is too short to tell.
        """
        found = {image_id for image_id, paths in self.paths.items() if text in paths}
        if not found and _HEX.fullmatch(text.lower()):
            found = {image_id for image_id in self.paths if image_id.startswith(text.lower())}
            if found and len(text) < LEAST_PREFIX:
                raise DecisionsError(f"'{text}' is too short a beginning of an image_id",
                                     f"give at least {LEAST_PREFIX} of its 64 characters")
        if len(found) > 1:
            some = ", ".join(f"{image_id[:len(text) + 4]}…" for image_id in sorted(found)[:4])
            raise DecisionsError(f"'{text}' is the beginning of {len(found)} images of {self.dataset} ({some})",
                                 "give more of its characters")
        return next(iter(found), None)


def known_images(dataset: str, root: Path = Path()) -> KnownImages:
    """What is known of a data set's images, from whatever of it is there.

    Raises:
        DecisionsError: nothing was ever scanned.
        CorruptFileError: a table cannot be read.
    """
    from genimg_core.sources.scan import LISTINGS

    known = KnownImages(dataset)
    folder = root / "data" / "datasets" / dataset
    for table in filter(None, (_table(folder / "raw/manifest.parquet", ["image_id", "path", "label"]),
                               _table(root / LISTINGS / dataset / "listing.parquet", ["sha256", "path", "label"]))):
        ids, paths, labels = (column.to_pylist() for column in table.columns)
        for image_id, path in zip(ids, paths, strict=True):
            if image_id is not None and path not in known.paths.setdefault(image_id, []):
                known.paths[image_id].append(path)
        known.labels |= set(labels) - {None}
    if not known.paths:
        raise DecisionsError(f"no image of {dataset} is known yet", f"run `genimg run clean@{dataset}` first")
    known.labels |= {entry.label for entry in read_labels(decisions_file(dataset, "labels", root)).values()}
    _add_outcomes(known, folder)
    return known


def datasets_of(params: Path = params_file.PARAMS_FILE) -> list[str]:
    """The names in params.yaml.

    Raises:
        ParamsError: it cannot be read, or names none.
    """
    return list(params_file.parse(dict[params_file.Name, object],
                                  params_file.lookup(params_file.read(params), "datasets"), "datasets"))


def chosen_dataset(name: str | None) -> list[str]:
    """The data set asked for, or all.

    Raises:
        DecisionsError: params.yaml has none of that name.
    """
    names = datasets_of()
    if name is not None and name not in names:
        raise DecisionsError(f"there is no data set '{name}' in {params_file.PARAMS_FILE}",
                             params_file.nearest(name, names))
    return names if name is None else [name]


def find_image(text: str, dataset: str | None) -> list[tuple[KnownImages, str]]:
    """The data sets that hold the image, and its image_id; at least one.

    Args:
        text: a beginning of its image_id, or its path.
        dataset: where to look; None for all.

    Raises:
        DecisionsError: no image, or several.
    """
    found: list[tuple[KnownImages, str]] = []
    unread: list[DecisionsError] = []
    names = chosen_dataset(dataset)
    for name in names:
        try:
            known = known_images(name)
        except DecisionsError as error:
            unread.append(error)
            continue
        if image_id := known.find(text):
            found.append((known, image_id))
    if len({image_id for _, image_id in found}) > 1:
        where = ", ".join(f"{known.dataset} {image_id[:12]}…" for known, image_id in found)
        raise DecisionsError(f"'{text}' names several images ({where})",
                             "name the data set with --dataset, or give more of the image_id")
    if not found:
        if len(unread) == len(names):
            raise unread[0]
        raise DecisionsError(f"no image of {' or '.join(names)} has an image_id that begins with '{text}', or is there",
                             "data/datasets/*/clean/clean.parquet, `genimg review export` and `genimg decisions` show "
                             "image_ids; a new file is known after `genimg scan`")
    return found


def is_forgotten(dataset: str, image_id: str, root: Path = Path()) -> bool:
    """Whether it was decided that the image must not be used at all."""
    return image_id in read_forgotten(decisions_file(dataset, "forgotten", root))


def _add_outcomes(known: KnownImages, folder: Path) -> None:
    cleaned = _table(folder / "clean/clean.parquet", ["image_id", "row", "status", "reason", "cluster"])
    if cleaned is None:
        return
    clusters: dict[str, set[str]] = {}
    for image_id, row, status, reason, cluster in zip(*(c.to_pylist() for c in cleaned.columns), strict=True):
        if image_id is None:
            continue
        if known.status.get(image_id, ("rejected", ""))[0] != "kept":  # a copy in another place may be the kept one
            known.status[image_id] = status, reason or ""
        if row >= 0:
            known.pixels.add(image_id)
        clusters.setdefault(cluster, set()).add(image_id)
    for members in clusters.values():
        for image_id in members:
            known.copies[image_id] = members - {image_id}
    labelled = _table(folder / "labels/labels.parquet", ["image_id", "status", "reason", "label"])
    for image_id, status, reason, label in zip(*(c.to_pylist() for c in labelled.columns), strict=True) \
            if labelled is not None else ():
        if reason == UNCERTAIN and known.status.get(image_id, ("", ""))[0] == "kept":
            known.status[image_id] = status, reason
        if label is not None:
            known.labels.add(label)


def _table(path: Path, columns: list[str]) -> pa.Table | None:
    from genimg_core.store.manifest import read_arrow

    return read_arrow(path, columns) if path.is_file() else None
