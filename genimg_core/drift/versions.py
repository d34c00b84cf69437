"""A data set as it stands, and an earlier version of it: out of git's history of dvc.lock, or DVC's run cache."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from genimg_core.errors import CorruptFileError, SetupError, SourceError
from genimg_core.tracing.dvc_cache import Runs, cache_folder
from genimg_core.tracing.versions import Kept, Present, Version, at_revision, committed
from genimg_core.tracing.versions import present_outputs as outputs_now

if TYPE_CHECKING:
    import pandas as pd

FIGURES = ("luminance", "contrast", "sharpness", "width", "height", "bytes", "alpha_share", "row", "exif_orientation")
"""Of the profile; an older version may lack some."""
NEEDED = ("path", "image_id", "label", "status", "reason")


@dataclass(frozen=True)
class DatasetVersion:
    """Two tables of a data set, joined; each row a collected file."""

    told: str
    """Where it is, in words."""
    revision: str | None
    """Of git, if a commit names it."""
    table: pd.DataFrame
    """NEEDED, and those of FIGURES that this version has."""
    thumbnails: Path | None
    """thumbnails.npy, if it is at hand: uint8 (K, 32, 32, 4), by `row`."""


def present(root: Path, dataset: str) -> DatasetVersion:
    """The data set as it stands in the folders.

    Raises:
        SourceError: it is not there; names the command.
    """
    version = Present(root)
    if any(version.place(path) is None for path in _tables(dataset)):
        raise SourceError(f"there is no labelled data set '{dataset}' here", f"run `genimg run label@{dataset}` first")
    return _open(version, dataset)


def earlier(root: Path, dataset: str, against: str | None) -> DatasetVersion | None:
    """The version to compare with; None if there is no other than the present one.

    Without `against`: of the commits behind HEAD the last one whose dvc.lock names other tables than dvc.lock does now;
    where git knows none, what DVC's run cache holds of this machine's runs, the last made first.

    Args:
        root: the project.
        dataset: the entry's name.
        against: a git revision.

    Raises:
        SetupError: no such revision, none of this data set in it, or its files are not in DVC's cache here.
    """
    now = _key(outputs_now(root), dataset)
    if against is not None:
        return _of_revision(root, dataset, against, now)
    for version in committed(root):
        key = _key(version.outputs, dataset)
        if key is not None and key != now:
            return _open(version, dataset)
    runs = Runs(cache_folder(root))
    folder = f"data/datasets/{dataset}/labels"
    for md5 in runs.made(folder):
        outputs = runs.behind(folder, md5)
        key = _key(outputs, dataset)
        if key is not None and now is not None and key != now:
            return _open(Kept(root, runs.cache, outputs, None), dataset)
    return None


def _of_revision(root: Path, dataset: str, against: str, now: tuple[str, str] | None) -> DatasetVersion | None:
    version = at_revision(root, against)
    if version is None:
        raise SetupError(f"git knows no revision '{against}' with a dvc.lock in it",
                         "`git log --oneline -- dvc.lock` lists those that have one; commit dvc.lock after a run")
    key = _key(version.outputs, dataset)
    if key is None:
        raise SetupError(f"dvc.lock of revision '{against}' has no data set '{dataset}'",
                         "name another with --against; `git log --oneline -- dvc.lock` lists them")
    return None if key == now else _open(version, dataset)


def _tables(dataset: str) -> tuple[str, str]:
    folder = f"data/datasets/{dataset}"
    return f"{folder}/profile/profile.parquet", f"{folder}/labels/labels.parquet"


def _key(outputs: dict[str, str], dataset: str) -> tuple[str, str] | None:
    """The hashes of profile and labels; None if it has not both."""
    folder = f"data/datasets/{dataset}"
    hashes = [outputs.get(f"{folder}/{part}") for part in ("profile", "labels")]
    return (hashes[0], hashes[1]) if hashes[0] and hashes[1] else None


def _open(version: Version, dataset: str) -> DatasetVersion:
    from genimg_core.store.manifest import read_table

    places = [version.place(path) for path in _tables(dataset)]
    if places[0] is None or places[1] is None:
        raise SetupError(f"the tables of {dataset} in {version.told} are not in DVC's cache here",
                         "`dvc fetch --all-commits` may bring them from the remote; or name another with --against")
    try:
        profile, labels = read_table(places[0]), read_table(places[1])
        table = labels[list(NEEDED)].copy()
        if not profile["path"].equals(table["path"]):
            raise KeyError("rows of the same files")
    except (CorruptFileError, KeyError) as error:
        cause = error.cause if isinstance(error, CorruptFileError) else f"lacks {error}"
        raise SetupError(f"the tables of {dataset} in {version.told} cannot be compared: {cause}",
                         "name another version with --against") from None
    for name in FIGURES:
        if name in profile.columns:
            table[name] = profile[name]
    return DatasetVersion(version.told, version.revision, table,
                          version.place(f"data/datasets/{dataset}/profile/thumbnails.npy"))
