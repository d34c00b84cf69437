"""Which CSV, and which of its columns, names the files and their labels: guessed from the values, shown to the user."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from genimg_core.errors import SourceError
from genimg_core.params import nearest
from genimg_core.sources.labels import SPLITS, folder_advice

MAX_CSV_BYTES = 256 * 2**20
MOST_CANDIDATES = 20
"""CSVs beside or inside the folder that are opened."""
LEAST_MATCH = 0.5
"""Part of a CSV's rows that must name files of the folder."""
LABEL_NAMES = ("label", "labels", "class", "class_name", "category", "target", "species", "group", "kind", "type")
"""What a column of labels is called, the likeliest first."""
MOST_CLASSES_SHARE = 0.2
"""A column with more distinct values than this part of the rows names images, not classes."""


@dataclass(frozen=True)
class CsvTable:
    """A CSV in memory."""

    path: Path
    columns: dict[str, list[str]]
    """Name -> stripped values, all of one length."""

    @property
    def rows(self) -> int:
        """Number of rows below the header."""
        return len(next(iter(self.columns.values()), []))


@dataclass(frozen=True)
class CsvGuess:
    """How a CSV is to be read."""

    path: Path
    file_column: str
    label_column: str | None
    split_column: str | None
    matched_share: float
    """Part of its rows that name files of the folder."""
    candidates: tuple[str, ...] = ()
    """Columns that could hold labels, where none was asked for and none stands out."""


def read_csv(path: Path) -> CsvTable:
    """All of a CSV.

    Raises:
        SourceError: missing, too large, not UTF-8, no CSV, or without rows.
    """
    try:
        if path.stat().st_size > MAX_CSV_BYTES:
            raise SourceError(f"{path} is larger than {MAX_CSV_BYTES >> 20} MiB", "name a smaller CSV of labels")
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, restval="")
            rows = list(reader)
            names = [name for name in reader.fieldnames or [] if name]
    except FileNotFoundError:
        raise SourceError(f"there is no labels file {path}", "name the CSV that holds the labels") from None
    except UnicodeDecodeError:
        raise SourceError(f"{path} is not UTF-8", "save it as UTF-8 (`iconv -f latin1 -t utf8` may do)") from None
    except (OSError, csv.Error) as error:
        raise SourceError(f"{path} cannot be read as CSV ({error})",
                          "save it as comma-separated UTF-8 with a header") from None
    if not rows or not names:
        raise SourceError(f"{path} has no rows below a header", "list the files and their labels in it")
    return CsvTable(path, {name: [(row[name] or "").strip() for row in rows] for name in names})


def candidates_near(place: Path, names: Collection[str]) -> list[Path]:
    """CSVs at the top of the folder and beside it, those called labels first."""
    inside = [place / name for name in names if "/" not in name and name.lower().endswith(".csv")]
    try:
        beside = [path for path in place.absolute().parent.glob("*.csv") if path.is_file()]
    except OSError:
        beside = []
    found = [path for path in [*sorted(inside), *sorted(beside)] if path.is_file()]
    found.sort(key=lambda path: "label" not in path.name.lower())
    return found[:MOST_CANDIDATES]


def guess(table: CsvTable, names: Collection[str], *, file_column: str | None = None,
          label_column: str | None = None, where: dict[str, str] | None = None) -> CsvGuess:
    """Choose the columns; those that are asked for by name stand.

    Args:
        table: the CSV.
        names: the files of the folder.
        file_column: asked for, or None.
        label_column: asked for, or None.
        where: column -> value; rows with others are left out.

    Raises:
        SourceError: a column that the CSV does not have, a value that no row has, or no column that names the files.
    """
    columns = list(table.columns)
    for column in (file_column, label_column, *(where or {})):
        if column is not None and column not in table.columns:
            raise SourceError(f"{table.path} has no column '{column}'", nearest(column, columns))
    chosen = _rows_where(table, where or {})
    there = set(names)
    shares = {column: _matched(table.columns[column], there, chosen)
              for column in ([file_column] if file_column else columns)}
    best = max(shares, key=lambda column: (shares[column], column == "file", -columns.index(column)))
    if shares[best] < LEAST_MATCH:
        raise _names_others(table, best, shares[best], there, chosen)
    others = [column for column in columns if column != best and column not in (where or {})]
    split = next((column for column in others if column != label_column
                  and _holds_splits(_values(table, column, chosen))), None)
    found: tuple[str, ...] = ()
    if label_column is None:
        found = tuple(column for column in others if column != split
                      and _could_be_labels(_values(table, column, chosen)))
        label_column = next((column for name in LABEL_NAMES for column in found if column.lower() == name), None)
        if label_column is None and len(found) == 1:
            label_column = found[0]
    return CsvGuess(table.path, best, label_column, split, shares[best], () if label_column else found)


def _rows_where(table: CsvTable, where: dict[str, str]) -> list[int]:
    chosen = [row for row in range(table.rows)
              if all(table.columns[column][row] == value for column, value in where.items())]
    if not chosen:
        told = " and ".join(f"{column} = {value}" for column, value in where.items())
        common = {column: [v for v, _ in Counter(table.columns[column]).most_common(20) if v] for column in where}
        hints = "; ".join(f"'{column}': {nearest(value, common[column])}" for column, value in where.items())
        raise SourceError(f"no row of {table.path} has {told}", f"correct the value: {hints}")
    return chosen


def _values(table: CsvTable, column: str, chosen: list[int]) -> list[str]:
    values = table.columns[column]
    return [values[row] for row in chosen]


def _normal(path: str) -> str:
    return str(PurePosixPath(path)) if path else ""


def _matched(values: list[str], there: set[str], chosen: list[int]) -> float:
    return sum(_normal(values[row]) in there for row in chosen) / len(chosen)


def _holds_splits(values: list[str]) -> bool:
    """Whether every value is a split or empty, and `train` and another one are among them."""
    seen = set(values) - {""}
    return seen <= set(SPLITS) and "train" in seen and len(seen) > 1


def _could_be_labels(values: list[str]) -> bool:
    seen = Counter(value for value in values if value)
    filled = sum(seen.values())
    return 2 <= len(seen) <= max(2, MOST_CLASSES_SHARE * len(values)) and filled >= len(values) / 2


def _names_others(table: CsvTable, column: str, share: float, there: set[str], chosen: list[int]) -> SourceError:
    values = [_normal(table.columns[column][row]) for row in chosen]
    missing = sorted(value for value in values if value and value not in there)
    best = ("", "", "")
    for name, cells in table.columns.items():
        way, prefix = folder_advice(sorted(_normal(cells[row]) for row in chosen if cells[row])[:200], there)
        if way:
            best = (way, prefix, name)
            break
    way, prefix, name = best
    remedy = {"down": f"its column '{name}' names files of the folder {prefix}: name that folder",
              "up": f"its column '{name}' counts from the folder above ({prefix}/…): name that one",
              "": "name the folder that its paths are relative to, or its column of files"}[way]
    return SourceError(f"no column of {table.path} names the files of the folder: the best, '{column}', does for "
                       f"{share:.0%} of its rows" + (f" (not there: {missing[0]!r})" if missing else ""), remedy)
