"""Labels, splits and the filter of a source: from the first-level sub-folders, or from a file. For every source.

The CSV is read here, JSON lines in labels_jsonl.py, an export of Label Studio in label_studio.py.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Discriminator, Field, StringConstraints, Tag

from genimg_core.errors import SourceError
from genimg_core.params import Section, nearest
from genimg_core.sources.described import SPLITS, Described, gather, normal, split_of
from genimg_core.sources.label_studio import LabelStudioLabels, read_label_studio
from genimg_core.sources.labels_jsonl import JsonlLabels, read_jsonl

__all__ = ["SPLITS", "CsvLabels", "Described", "Description", "JsonlLabels", "LabelStudioLabels", "Labels",
           "describe", "folder_advice", "labels_file", "read_labels"]

_Text = Annotated[str, StringConstraints(min_length=1)]


class CsvLabels(Section):
    """Labels from a CSV (UTF-8, with a header). A file that it does not name is unlabelled."""

    csv: _Text
    """Path of the CSV, from the working directory."""
    file_column: _Text = "file"
    """The column with the files' paths, relative to the source."""
    label_column: _Text | None = "label"
    """The column with the labels (an empty one means unlabelled); null for no labels."""
    split_column: _Text | None = None
    """The column with train, validation, test or nothing; null for no splits."""
    where: dict[str, bool | str | int | float] = Field(default_factory=dict)
    """Column -> value: only the files whose row has these values are collected at all."""

    @property
    def file(self) -> str:
        """The file of labels."""
        return self.csv


def _labels_tag(value: object) -> str | None:
    if isinstance(value, JsonlLabels) or (isinstance(value, dict) and "jsonl" in value):
        return "kind:jsonl"
    if isinstance(value, LabelStudioLabels) or (isinstance(value, dict) and "label_studio" in value):
        return "kind:label_studio"
    if isinstance(value, dict | CsvLabels):
        return "kind:csv"
    return "kind:folders" if value == "folders" else None


Labels = Annotated[
    Annotated[CsvLabels, Tag("kind:csv")]
    | Annotated[JsonlLabels, Tag("kind:jsonl")]
    | Annotated[LabelStudioLabels, Tag("kind:label_studio")]
    | Annotated[Literal["folders"], Tag("kind:folders")],
    Discriminator(
        _labels_tag,
        custom_error_type="labels",
        custom_error_message="Labels are `folders` or a section {csv: PATH, label_column: NAME, …}, "
        "{jsonl: PATH, label_key: NAME, …} or {label_studio: PATH, …}",
    ),
]
"""`folders`: the first-level sub-folder that a file lies in is its label; files at the top are unlabelled."""

LabelFile = CsvLabels | JsonlLabels | LabelStudioLabels


def labels_file(labels: LabelFile | Literal["folders"]) -> str | None:
    """The file that labels come from, None where sub-folders are the labels."""
    return None if isinstance(labels, str) else labels.file


@dataclass(frozen=True)
class Description:
    """Which files belong to the data set, and what is known of them."""

    files: dict[str, Described]
    """Of the files that are there."""
    missing: dict[str, Described]
    """Named by the file of labels and absent."""


def describe(
    present: Collection[str], labels: LabelFile | Literal["folders"], advice: Callable[[list[str]], str]
) -> Description:
    """Choose the files that belong to the data set, and give each its label and split.

    Args:
        present: the source's files: posix paths relative to it.
        labels: the params.
        advice: absent paths -> a remedy, for a file of labels that does not fit the folder.

    Raises:
        SourceError: the file of labels is missing, malformed, lacks a column, contradicts itself, or names files that
            are mostly absent.
    """
    if isinstance(labels, str):
        return Description({path: Described(_first_folder(path), None) for path in present}, {})
    rows = _read(labels, present)
    there = set(present)
    found = {path: row for path, row in rows.items() if path in there}
    missing = {path: row for path, row in rows.items() if path not in there}
    if len(missing) * 2 > len(rows):
        raise SourceError(
            f"{len(missing):,} of the {len(rows):,} files that {labels.file} names are not in the source, "
            f"for instance {sorted(missing)[0]!r}",
            advice(sorted(missing)),
        )
    if not (isinstance(labels, CsvLabels) and labels.where):
        unnamed = Described(None, None)
        found = {path: rows.get(path, unnamed) for path in present}
    return Description(found, missing)


def _read(labels: LabelFile, present: Collection[str]) -> dict[str, Described]:
    if isinstance(labels, JsonlLabels):
        return read_jsonl(labels)
    return read_label_studio(labels, present) if isinstance(labels, LabelStudioLabels) else read_labels(labels)


def _first_folder(path: str) -> str | None:
    first, slash, _ = path.partition("/")
    return first if slash else None


def read_labels(labels: CsvLabels) -> dict[str, Described]:
    """The rows of the CSV that pass `where`, by path.

    Raises:
        SourceError: as `describe` says.
    """
    seen_values: dict[str, Counter[str]] = {column: Counter() for column in labels.where}
    found = gather(labels.csv, "line", _chosen(labels, seen_values))
    if not found:
        raise SourceError(*_nothing_found(labels, seen_values))
    return found


def _chosen(labels: CsvLabels, seen_values: dict[str, Counter[str]]) -> Iterator[tuple[int, str, Described]]:
    """(line, path, what is known) of each row that passes `where`; counts the values of the others."""
    for line, row in _rows(labels):
        if not all(_matches(row[column], value) for column, value in labels.where.items()):
            for column, counts in seen_values.items():
                counts[row[column].strip()] += 1
            continue
        path = normal(row[labels.file_column].strip())
        if not path:
            raise SourceError(
                f"line {line} of {labels.csv} names no file in column '{labels.file_column}'",
                "fill it in, or delete the line",
            )
        yield line, path, _described(row, labels, line)


def _matches(cell: str, value: str | bool | int | float) -> bool:
    """YAML reads `true` as a truth value, and a CSV may write it True."""
    return cell.strip().lower() == str(value).lower() if isinstance(value, bool) else cell.strip() == str(value)


def _nothing_found(labels: CsvLabels, seen_values: dict[str, Counter[str]]) -> tuple[str, str]:
    if not labels.where:
        return f"{labels.csv} has a header and no rows", "list the files in it, or leave `labels` out"
    told = " and ".join(f"{column} = {value}" for column, value in labels.where.items())
    hints = [
        f"'{column}': {nearest(str(value), [v for v, _ in seen_values[column].most_common(20) if v])}"
        for column, value in labels.where.items()
    ]
    return f"no row of {labels.csv} has {told}", "correct `where`: " + "; ".join(hints)


def _rows(labels: CsvLabels) -> Iterator[tuple[int, dict[str, str]]]:
    """(line number, row) of each row, every needed column present."""
    path = Path(labels.csv)
    wanted = [labels.file_column, labels.label_column, labels.split_column, *labels.where]
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, restval="")
            columns = list(reader.fieldnames or [])
            for column in wanted:
                if column is not None and column not in columns:
                    raise SourceError(f"{path} has no column '{column}'", nearest(column, columns))
            for row in reader:
                yield reader.line_num, row
    except FileNotFoundError:
        raise SourceError(
            f"there is no labels file {path}",
            "correct `labels.csv` in params.yaml (it is relative to the working directory)",
        ) from None
    except UnicodeDecodeError:
        raise SourceError(f"{path} is not UTF-8", "save it as UTF-8 (`iconv -f latin1 -t utf8` may do)") from None
    except (OSError, csv.Error) as error:
        raise SourceError(
            f"{path} cannot be read as CSV ({error})", "save it as comma-separated UTF-8 with a header"
        ) from None


def _described(row: dict[str, str], labels: CsvLabels, line: int) -> Described:
    split = row[labels.split_column].strip() if labels.split_column else ""
    label = (row[labels.label_column].strip() or None) if labels.label_column else None
    return Described(label, split_of(split, f"line {line} of {labels.csv}"))


def folder_advice(missing: list[str], present: Collection[str]) -> tuple[str, str]:
    """Where the absent files seem to be.

    Args:
        missing: paths of the CSV that are not in the source.
        present: the source's paths.

    Returns:
        (`down`, prefix) if `present` has them below a folder; (`up`, prefix) if they name a folder that the source
        already stands in; (``, ``) if neither.
    """
    by_name: dict[str, list[str]] = {}
    for path in present:
        by_name.setdefault(path.rpartition("/")[2], []).append(path)
    votes: Counter[tuple[str, str]] = Counter()
    for path in missing[:200]:
        for other in by_name.get(path.rpartition("/")[2], [])[:20]:
            if other.endswith("/" + path):
                votes["down", other.removesuffix("/" + path)] += 1
            elif path.endswith("/" + other):
                votes["up", path.removesuffix("/" + other)] += 1
    best = max(votes, key=lambda vote: (votes[vote], vote), default=("", ""))
    return best
