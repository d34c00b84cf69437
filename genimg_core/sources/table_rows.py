"""What the rows of a table mean: for each image its name in the data set, its place, label, split and extra columns."""

from __future__ import annotations

import json
import math
import os
import posixpath
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genimg_core.errors import SourceError
from genimg_core.params import nearest
from genimg_core.sources.downloads.names import own_name, path_of, shown
from genimg_core.sources.downloads.reasons import BAD_URL
from genimg_core.sources.labels import SPLITS, Described
from genimg_core.sources.local_file import existing, file_row, lies_in
from genimg_core.sources.source import MISSING_FILE, UNSAFE_MEMBER, SourceFile
from genimg_core.sources.table_file import Row, read_table_file, told_line
from genimg_core.sources.table_query import read_query

if TYPE_CHECKING:
    from genimg_core.sources.table import TableParams

NOWHERE = "no_place"
"""The folder, in a data set, of rows that name nothing."""
OUTSIDE = "outside"
"""The folder, in a data set, of files that lie outside the table's."""


@dataclass(frozen=True)
class TableRow:
    """One image that a table names."""

    line: int
    place: str
    """The URL, or the path as the table writes it."""
    label: str | None
    split: str | None
    extra: str | None
    """JSON: the columns that are kept, and the URL."""
    reason: str | None = None
    """Why it is not looked for at all."""
    detail: str | None = None


def read_rows(params: TableParams) -> dict[str, TableRow]:
    """The rows that pass `where`, by path in the data set. Rows that repeat an earlier one's place are that one.

    Raises:
        SourceError: the table cannot be read, a row of it is broken, or no row is left.
    """
    found: dict[str, TableRow] = {}
    seen_values: dict[str, Counter[str]] = {column: Counter() for column in params.where}
    for number, cells in _cells(params):
        if not all(_matches(cells.get(column), value) for column, value in params.where.items()):
            for column, counts in seen_values.items():
                counts[_text(cells.get(column)) or ""] += 1
            continue
        path, row = _row(params, number, cells)
        first = found.setdefault(path, row)
        if (first.label, first.split) != (row.label, row.split):
            raise SourceError(
                f"{_told(params, number)} names {_short(row.place)} again, with another label or split than line "
                f"{first.line}",
                "keep one of the lines",
            )
    if not found:
        raise _nothing_found(params, seen_values)
    return found


def local_row(params: TableParams, path: str, row: TableRow, earlier: SourceFile | None) -> SourceFile:
    """The row of a file on this machine.

    Args:
        params: with the folder that it must lie in.
        path: its name in the data set.
        row: what the table says of it.
        earlier: its row in the last listing.
    """
    known = Described(row.label, row.split)
    if row.reason is not None:
        return SourceFile(path, 0, None, known.label, known.split, row.reason, row.detail)
    place = existing(params.folder, path)
    if not os.path.exists(place):
        return SourceFile(path, 0, None, known.label, known.split, MISSING_FILE)
    if not lies_in(params.folder, place):
        return SourceFile(
            path, 0, None, known.label, known.split, UNSAFE_MEMBER, "a link that leads out of the table's folder"
        )
    return file_row(path, place, known, earlier, params.max_file_bytes)


def _cells(params: TableParams) -> Iterator[Row]:
    place = params.url_column or params.path_column
    wanted = [place, params.label_column, params.split_column, *params.keep_columns, *params.where]
    columns = [column for column in wanted if column is not None]
    if params.file is not None:
        return read_table_file(Path(params.file), columns)
    return read_query(params.database or "", params.query or "", columns)


def _row(params: TableParams, number: int, cells: dict[str, Any]) -> tuple[str, TableRow]:
    """(path in the data set, row)."""

    def text(column: str | None) -> str | None:
        value = cells.get(column) if column else None
        if isinstance(value, list | dict):
            raise SourceError(f"{_told(params, number)} holds no text in '{column}'", "write one value into the cell")
        return _text(value)

    place = text(params.url_column or params.path_column) or ""
    label, split = text(params.label_column), text(params.split_column)
    if split is not None and split not in SPLITS:
        raise SourceError(
            f"{_told(params, number)}: split {split!r}", f"a split is one of {', '.join(SPLITS)}, or empty"
        )
    kept = {column: _json_value(cells.get(column)) for column in params.keep_columns}
    kept = {column: value for column, value in kept.items() if value is not None}
    if not place:
        path, detail = f"{NOWHERE}/line_{number:07}", "the table names no place in this row"
        reason = BAD_URL if params.url_column else MISSING_FILE
    elif params.url_column:
        path, reason, detail = path_of(place), None, None
        kept["url"] = shown(place)
    else:
        path, reason, detail = _local_name(params.folder, place)
    extra = json.dumps(kept, ensure_ascii=False, sort_keys=True) if kept else None
    return path, TableRow(number, place, label, split, extra, reason, detail)


def _local_name(root: Path, place: str) -> tuple[str, str | None, str | None]:
    """(path in the data set, reason, detail) of a path that a table names."""
    path = posixpath.normpath(place)
    if posixpath.isabs(path):
        full, above = path, os.path.abspath(root)
        path = posixpath.relpath(full, above) if f"{full}/".startswith(f"{above.rstrip('/')}/") else ".."
    if path in ("..", ".") or path.startswith("../") or "\0" in path:
        name = f"{OUTSIDE}/{own_name(posixpath.basename(place), place)}"
        return name, UNSAFE_MEMBER, f"{_short(place)} is outside the table's folder"
    return path, None, None


def _text(value: Any) -> str | None:
    """A cell as text that UTF-8 can hold; None where it is empty."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool):
        value = str(value).lower()
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # how whole numbers look in a column with gaps
    if isinstance(value, bytes):
        value = value.decode("utf8", "backslashreplace")
    return str(value).encode("utf8", "backslashreplace").decode().strip() or None


def _json_value(value: Any) -> Any:
    """A cell as JSON holds it; None where it is empty."""
    if isinstance(value, list | dict):
        return _text(json.dumps(value, ensure_ascii=False, sort_keys=True, default=str))
    if isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return _text(value)


def _matches(cell: Any, value: str | bool | int | float) -> bool:
    """YAML reads `true` as a truth value, and a CSV may write it True."""
    if isinstance(value, bool):
        return (_text(cell) or "").lower() == str(value).lower()
    if isinstance(cell, int | float) and isinstance(value, int | float):
        return cell == value
    return (_text(cell) or "") == str(value)


def _nothing_found(params: TableParams, seen_values: dict[str, Counter[str]]) -> SourceError:
    name = params.file or "the query"
    if not params.where:
        return SourceError(f"{name} has no rows", "let it name images, or correct the source in params.yaml")
    told = " and ".join(f"{column} = {value}" for column, value in params.where.items())
    hints = [
        f"'{column}': {nearest(str(value), [v for v, _ in seen_values[column].most_common(20) if v])}"
        for column, value in params.where.items()
    ]
    return SourceError(f"no row of {name} has {told}", "correct `where`: " + "; ".join(hints))


def _told(params: TableParams, number: int) -> str:
    return told_line(Path(params.file), number) if params.file else f"row {number} of the query"


def _short(place: str) -> str:
    return repr(shown(place)[:200])
