"""Where the labels of a data set come from: what was asked for, sub-folders, or a CSV that lies near."""

from __future__ import annotations

import posixpath
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from genimg_core.configuring import labels_csv
from genimg_core.configuring.idx_parts import idx_parts
from genimg_core.configuring.request import NO_CSV, Request, common_folder, is_text, names_in, shown_path
from genimg_core.errors import SourceError

_SPLIT_FOLDERS = frozenset("train training test testing val valid validation dev".split())


@dataclass(frozen=True)
class LabelledSource:
    """A source as params.yaml describes it, and why so."""

    tree: dict[str, Any]
    """`datasets.NAME.source`."""
    told: str
    """Where labels come from, in words."""
    warnings: tuple[str, ...] = ()


def find_source(request: Request, root: Path) -> LabelledSource:
    """Describe the source that was asked for; look for labels where none were named.

    Args:
        request: of one data set.
        root: the project's folder, which relative paths count from.

    Raises:
        SourceError: nothing there, or labels that do not fit.
    """
    place = request.path
    option = f"--{request.dataset}"
    if (parts := idx_parts(place)) is not None:
        return _by_idx(parts, request, root)
    names = names_in(place)
    deeper = _where_the_pictures_are(request, names)
    if deeper is not None:
        return find_source(deeper, root)
    near_note = f", found near the images ({option}-labels folders leaves it out)"
    folder = place.is_dir()
    tree: dict[str, Any] = {"kind": "folder" if folder else "archive", "path": shown_path(place, root)}
    if request.labels not in (None, NO_CSV):
        table = labels_csv.read_csv(Path(request.labels).expanduser())
        found = labels_csv.guess(table, names, file_column=request.file_column, label_column=request.label_column,
                                 where=request.where)
        return _by_csv(tree, found, request, root, "")
    if request.label_column or request.file_column or request.where:
        near = _csv_nearby(request, names)
        if near is None:
            raise SourceError(f"no CSV beside or in {place} names its files, and {option}-label-column, "
                              f"{option}-file-column and {option}-where speak of one",
                              f"name it: {option}-labels PATH")
        return _by_csv(tree, near, request, root, near_note)
    inside = common_folder(names)
    if inside:
        names = [name[len(inside) + 1:] for name in names if name.startswith(f"{inside}/")]
    by_folder = Counter(name.partition("/")[0] for name in names if "/" in name)
    if request.labels is None and not (len(by_folder) > 1 and by_folder.total() > 0.9 * len(names)):
        near = _csv_nearby(request, names_in(place))
        if near is not None and near.label_column is not None:
            return _by_csv(tree, near, request, root, near_note)
        if near is not None and not by_folder:
            return _by_folders(tree, inside, by_folder, folder, (
                f"{near.path} names the images, and no column of it stands out as the labels: choose one with "
                f"{option}-label-column ({', '.join(near.candidates) or 'none could be labels'})",))
    return _by_folders(tree, inside, by_folder, folder)


def _where_the_pictures_are(request: Request, names: list[str]) -> Request | None:
    """The same for the sub-folder that a CSV's paths count from: `photos/labels.csv` beside `photos/images/`."""
    folders = {name.rpartition("/")[0] for name in names if "/" in name or not is_text(name)}
    inside = posixpath.commonpath(folders) if folders else ""
    if not inside or not request.path.is_dir() or request.labels == NO_CSV or _fits(request, names):
        return None
    deeper = replace(request, place=str(Path(request.place) / inside))
    below = [name[len(inside) + 1:] for name in names if name.startswith(f"{inside}/")]
    return deeper if _fits(deeper, below) else None


def _fits(request: Request, names: list[str]) -> bool:
    """Whether the CSV that was named, or one that lies near, names these files."""
    try:
        if request.labels is None:
            return _csv_nearby(request, names) is not None
        labels_csv.guess(labels_csv.read_csv(Path(request.labels).expanduser()), names,
                         file_column=request.file_column, label_column=request.label_column, where=request.where)
    except SourceError:
        return False
    return True


def _by_idx(parts: dict[str, dict[str, str]], request: Request, root: Path) -> LabelledSource:
    if request.labels not in (None, NO_CSV) or request.label_column or request.file_column or request.where:
        raise SourceError(f"{request.place} is IDX, whose labels are IDX too: no CSV can name its images",
                          f"leave out --{request.dataset}-labels, -label-column, -file-column and -where")
    shown = {name: {what: shown_path(Path(path), root) for what, path in part.items()
                    if what == "images" or request.labels != NO_CSV} for name, part in parts.items()}
    labels = [Path(part["labels"]).name for part in shown.values() if "labels" in part]
    told = f"{' and '.join(labels)}, found beside the images" if labels else "none: all images are one class"
    return LabelledSource({"kind": "idx", "parts": shown}, told)


def _csv_nearby(request: Request, names: list[str]) -> labels_csv.CsvGuess | None:
    """The first CSV near the images that names them. A CSV that does not fit is none of ours."""
    for path in labels_csv.candidates_near(request.path, names):
        try:
            table = labels_csv.read_csv(path)
        except SourceError:
            continue
        try:
            return labels_csv.guess(table, names, file_column=request.file_column, label_column=request.label_column,
                                    where=request.where)
        except SourceError:
            if request.label_column or request.file_column or request.where:
                raise  # the user speaks of a CSV: a column's misspelt name must not pass unseen
    return None


def _by_csv(tree: dict[str, Any], found: labels_csv.CsvGuess, request: Request, root: Path,
            found_note: str) -> LabelledSource:
    labels: dict[str, Any] = {"csv": shown_path(found.path, root), "file_column": found.file_column,
                              "label_column": found.label_column}
    if found.split_column:
        labels["split_column"] = found.split_column
    if request.where:
        labels["where"] = dict(request.where)
    told = f"column '{found.label_column}' of {found.path.name}" if found.label_column else "none"
    warnings = [] if found.label_column else [
        f"{found.path.name} gives no labels: choose a column with --{request.dataset}-label-column "
        f"({', '.join(found.candidates) or 'none of its columns could be labels'})"]
    if found.matched_share < 1:
        warnings.append(f"{1 - found.matched_share:.1%} of the rows of {found.path.name} name files that are not there")
    return LabelledSource({**tree, "labels": labels}, told + found_note, tuple(warnings))


def _by_folders(tree: dict[str, Any], inside: str, by_folder: Counter[str], folder: bool,
                warnings: tuple[str, ...] = ()) -> LabelledSource:
    if inside:
        tree = {**tree, "path": str(Path(tree["path"]) / inside)} if folder else {**tree, "inside": inside}
    if by_folder and {name.lower() for name in by_folder} <= _SPLIT_FOLDERS:
        warnings += (f"the sub-folders {', '.join(sorted(by_folder))} look like splits, not classes: name one of them, "
                     "or bring labels and splits in a CSV",)
    told = "sub-folders" if by_folder else "none: all images are one class"
    return LabelledSource(tree, told, warnings)
